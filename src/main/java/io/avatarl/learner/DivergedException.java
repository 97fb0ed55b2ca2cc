package io.avatarl.learner;

import io.avatarl.config.Failure;
import java.util.List;

/** Training left the finite numbers; the policy keeps its values from before the update. */
public final class DivergedException extends Failure {
  private final long update;

  /**
   * @param update counts from 1
   * @param terms what is no finite number
   */
  DivergedException(long update, List<String> terms, double loss, double norm) {
    super(
        "training diverged at update "
            + update
            + ": not finite: "
            + String.join(", ", terms)
            + " (loss "
            + loss
            + ", gradient norm "
            + norm
            + "); the update was not applied. Lower learner.optimizer.learningRate or learner.clipHigh");
    this.update = update;
  }

  /** The update that was not applied; counts from 1. */
  public long update() {
    return update;
  }
}
