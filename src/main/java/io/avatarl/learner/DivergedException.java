package io.avatarl.learner;

/** A loss or gradient stopped being a finite number; the update was not applied. */
public final class DivergedException extends RuntimeException {
  /**
   * @param update counts from 1
   */
  DivergedException(long update, double loss, double norm) {
    super(
        "training diverged at update "
            + update
            + ": loss "
            + loss
            + ", gradient norm "
            + norm
            + "; the update was not applied. Lower learner.optimizer.learningRate or learner.clipHigh");
  }
}
