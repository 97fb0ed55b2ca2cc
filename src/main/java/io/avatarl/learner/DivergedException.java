package io.avatarl.learner;

import io.avatarl.config.Failure;
import java.util.List;

/**
 * The loss or a gradient became infinite or NaN; the policy keeps its values from before the
 * update.
 */
public final class DivergedException extends Failure {
  private final long update;

  /**
   * @param update counts from 1
   * @param terms the names of the values that are not finite
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
            + "); the update was not applied. Lower learner.optimizer.learningRate or"
            + " learner.clipHigh");
    this.update = update;
  }

  /** The update that was not applied; counts from 1. */
  public long update() {
    return update;
  }
}
