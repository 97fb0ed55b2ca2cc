package io.avatarl.train;

import io.avatarl.evaluation.Scores;
import java.util.Optional;

/**
 * Counts evaluations in a row that bring no lower validation cross-entropy than the best one
 * ({@code evaluation.patience}). What they say never reaches the learner: it only ends the run.
 */
final class EarlyStopping {
  private Optional<TrainerState.Evaluation> best;
  private int withoutImprovement;

  /**
   * For a checkpoint.
   *
   * @param best the evaluation with the lowest cross-entropy; null before the first, as in the file
   * @param withoutImprovement evaluations since then
   */
  record State(TrainerState.Evaluation best, int withoutImprovement) {
    static final State START = new State(null, 0);
  }

  EarlyStopping(State saved) {
    best = Optional.ofNullable(saved.best());
    withoutImprovement = saved.withoutImprovement();
  }

  State state() {
    return new State(best.orElse(null), withoutImprovement);
  }

  /** Sees a validation after a step. A cross-entropy that is no number is no improvement. */
  void evaluated(long step, Scores scores) {
    double now = scores.crossEntropy();
    if (now < best.map(TrainerState.Evaluation::valCe).orElse(Double.POSITIVE_INFINITY)) {
      best = Optional.of(new TrainerState.Evaluation(step, now));
      withoutImprovement = 0;
    } else {
      withoutImprovement++;
    }
  }

  /**
   * Whether the run is to end.
   *
   * @param patience evaluations without improvement; 0: never
   */
  boolean isOver(int patience) {
    return patience > 0 && withoutImprovement >= patience;
  }

  /** Why, for people. */
  String why() {
    return withoutImprovement
        + " evaluations in a row without a lower val_ce than "
        + best.map(
                e ->
                    String.format(
                        java.util.Locale.ROOT, "%.4f after step %,d", e.valCe(), e.step()))
            .orElse("that of no number")
        + " (evaluation.patience)";
  }
}
