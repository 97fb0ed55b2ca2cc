package io.avatarl.bench;

import io.avatarl.train.Trainer;
import io.avatarl.train.TrainingListener;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.apache.spark.sql.SparkSession;

/**
 * (b) The whole job: a training run that pauses between laps. Units: groups. A lap begins one step
 * late, so that work done ahead during the pause is not counted.
 */
public final class TrainingBenchmark implements Benchmark {
  private final BlockingQueue<Double> asked = new LinkedBlockingQueue<>();
  private final BlockingQueue<Measurement> laps = new LinkedBlockingQueue<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final long groupsPerStep;
  private final int stepsPerLap;
  private final Trainer training;
  private final Thread thread;
  private volatile boolean closed;

  // State of the current lap; only used by the training thread.
  private double seconds = -1;
  private boolean skipped;
  private long start;
  private long firstStep;
  private Processes.Usage before;
  private Map<String, Double> stagesBefore = Map.of();

  /**
   * @param stepsPerLap a lap is a multiple of it, so that it includes its share of occasional work
   *     such as evaluations
   * @param prepare creates the run, given its listener
   */
  public TrainingBenchmark(
      SparkSession spark,
      long groupsPerStep,
      int stepsPerLap,
      Function<TrainingListener, Trainer> prepare) {
    this.groupsPerStep = groupsPerStep;
    this.stepsPerLap = stepsPerLap;
    this.training =
        prepare.apply(
            new TrainingListener() {
              @Override
              public void clocked(long step, Map<String, Double> stageSeconds, long stepBytes) {
                atStep(step, stageSeconds, stepBytes);
              }
            });
    this.thread =
        new Thread(
            () -> {
              try {
                training.run(spark);
              } catch (RuntimeException | Error e) {
                failure.set(e);
              } finally {
                // Tells whoever waits for a lap that none will come.
                laps.add(new Measurement(0, 0, 1, 0, 0, 0, Map.of()));
              }
            },
            "training");
    thread.setDaemon(true);
    thread.start();
  }

  private void atStep(long step, Map<String, Double> stageSeconds, long stepBytes) {
    if (closed) {
      return;
    }
    if (seconds >= 0 && skipped) {
      long steps = step - firstStep;
      if (steps % stepsPerLap != 0 || System.nanoTime() - start < seconds * 1e9) {
        return;
      }
      Measurement lap = Measurement.of(steps * groupsPerStep, steps, start, before);
      Map<String, Double> stages = new LinkedHashMap<>();
      stageSeconds.forEach((stage, s) -> stages.put(stage, s - stagesBefore.get(stage)));
      laps.add(
          new Measurement(
              lap.units(),
              lap.times(),
              lap.seconds(),
              lap.cpuSeconds(),
              lap.peakBytes(),
              stepBytes,
              stages));
      seconds = -1;
    }
    if (seconds < 0) {
      try {
        seconds = asked.take();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
      skipped = false;
    } else {
      skipped = true;
      before = Processes.usage();
      stagesBefore = stageSeconds;
      firstStep = step;
      start = System.nanoTime();
    }
  }

  @Override
  public Measurement run(double seconds) {
    asked.add(seconds);
    try {
      Measurement lap = laps.take();
      if (lap.times() == 0) {
        throw new IllegalStateException("the run ended before its lap did", failure.get());
      }
      return lap;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    closed = true;
    training.stop();
    asked.add(0.0);
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
