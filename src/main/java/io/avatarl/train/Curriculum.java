package io.avatarl.train;

import io.avatarl.config.CurriculumConfig;
import io.avatarl.config.CurriculumStage;
import io.avatarl.config.StageConfig;
import io.avatarl.config.TrainingConfig;
import java.util.List;
import java.util.Map;

/** Which stage a run is in, and when it is promoted to the next. */
final class Curriculum {
  /**
   * The position in the curriculum, for the checkpoint.
   *
   * @param stage counts from 0
   * @param steps steps in this stage
   * @param perplexity averaged over the steps; 0 before the first
   * @param first averaged perplexity when the stage began
   * @param best lowest averaged perplexity of the stage, for the plateau
   * @param waited steps since {@code best}
   */
  record Position(
      int stage, long steps, double perplexity, double first, double best, long waited) {
    static final Position START = new Position(0, 0, 0, 0, Double.MAX_VALUE, 0);
  }

  private final CurriculumConfig config;
  private final List<CurriculumStage> stages;
  private Position position;

  Curriculum(TrainingConfig training, Position position) {
    this.config = training.curriculum();
    this.position = position;
    this.stages = CurriculumStage.of(training);
  }

  /** Reward weights of each stage of a run. */
  static List<Map<String, Double>> rewards(TrainingConfig training) {
    return CurriculumStage.of(training).stream().map(CurriculumStage::rewards).toList();
  }

  CurriculumStage stage() {
    return stages.get(position.stage());
  }

  Position position() {
    return position;
  }

  /**
   * Counts a step; true if the next step is in another stage.
   *
   * @param perplexity of the policy that explored, on the gold tokens
   */
  boolean stepped(double perplexity) {
    Position p = position;
    double ema =
        p.perplexity() == 0
            ? perplexity
            : config.emaDecay() * p.perplexity() + (1 - config.emaDecay()) * perplexity;
    double first = p.steps() == 0 ? ema : p.first();
    if (position.stage() >= config.stages().size() - 1) {
      position = new Position(p.stage(), p.steps() + 1, ema, first, p.best(), 0);
      return false;
    }
    StageConfig stage = config.stages().get(p.stage());
    boolean better = ema < p.best() * (1 - stage.threshold());
    position =
        new Position(
            p.stage(),
            p.steps() + 1,
            ema,
            first,
            better ? ema : p.best(),
            better ? 0 : p.waited() + 1);
    if (position.steps() < stage.steps() || !ended(stage)) {
      return false;
    }
    position = new Position(p.stage() + 1, 0, ema, ema, Double.MAX_VALUE, 0);
    return true;
  }

  private boolean ended(StageConfig stage) {
    return switch (stage.promotion()) {
      case STEP -> true;
      case IMPROVEMENT -> improved(stage);
      case PLATEAU -> waitedOut(stage);
      case IMPROVEMENT_OR_PLATEAU -> improved(stage) || waitedOut(stage);
    };
  }

  private boolean improved(StageConfig stage) {
    return position.perplexity() <= position.first() * (1 - stage.threshold());
  }

  private boolean waitedOut(StageConfig stage) {
    return position.waited() >= stage.patience();
  }
}
