package io.avatarl.learner;

import java.util.List;

/** Training left the finite numbers; the policy keeps its values from before the update. */
public final class DivergedException extends RuntimeException {
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
  }
}
