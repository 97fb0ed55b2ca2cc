package io.avatarl.jobs.maintenance;

import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.train.TrainingListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A run's current phase, in eight bytes of shared memory that outlive a killed process. {@code
 * jobs/chaos.sh} uses them to time a kill and to see what it interrupted.
 */
final class PhaseFile implements TrainingListener {
  private static final List<String> NAMES =
      List.of("start", "rollout", "learn", "broadcast", "evaluate", "checkpoint", "table", "final");

  private final MappedByteBuffer memory;
  private long step;

  PhaseFile(Path file) {
    try (FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, Long.BYTES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A place in a run.
   *
   * @param step steps done
   * @param changes number of phases entered so far; distinguishes two visits of one phase
   */
  record Place(String stage, long step, long changes) {}

  /** The newest place, written by any process. */
  Place place() {
    long value = memory.getLong(0);
    return new Place(NAMES.get((int) (value & 7)), value >>> 32, value >>> 3 & 0x1fffffff);
  }

  /** Marks the start of a new process. */
  void reset() {
    memory.putLong(0, 0);
  }

  @Override
  public void started(io.avatarl.config.TrainingConfig config, Facts facts, long done) {
    step = done;
  }

  @Override
  public void stage(String name) {
    // One aligned word, so that a reader never sees a partial write.
    memory.putLong(0, step << 32 | place().changes() + 1 << 3 | NAMES.indexOf(name));
  }

  @Override
  public void stepped(long done, RolloutStatistics rollouts, UpdateMetrics lastUpdate) {
    step = done;
  }

  @Override
  public void entered(String phase) {
    stage("final");
  }
}
