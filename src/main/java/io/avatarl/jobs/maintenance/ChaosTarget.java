package io.avatarl.jobs.maintenance;

import io.avatarl.jobs.Job;
import io.avatarl.jobs.TrainJob;
import java.nio.file.Path;

/** {@code jobs/train.sh} that also reports its phase: the process that {@link ChaosJob} kills. */
public final class ChaosTarget {
  /** System property that names the {@link PhaseFile}. */
  static final String PHASES = "avatarl.phases";

  private ChaosTarget() {}

  public static void main(String[] args) {
    Path file = Path.of(System.getProperty(PHASES));
    Job.main(TrainJob.watchedBy(new PhaseFile(file)), args);
  }
}
