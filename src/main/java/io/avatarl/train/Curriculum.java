package io.avatarl.train;

import io.avatarl.config.CurriculumConfig;
import io.avatarl.config.StageConfig;
import io.avatarl.config.TrainingConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Which stage a run is in, and when it is promoted to the next. */
final class Curriculum {
  /**
   * A stage with everything resolved.
   *
   * @param rewards weights of all components
   * @param klWeight factor on the weight of the KL term
   */
  record Stage(String name, Map<String, Double> rewards, double klWeight) {}

  /**
   * Where a run stands, for the checkpoint.
   *
   * @param stage counts from 0
   * @param steps in this stage
   * @param perplexity averaged over the steps; 0 before the first
   * @param first averaged perplexity when the stage began
   * @param best lowest averaged perplexity of the stage, by the plateau's measure
   * @param waited steps since that
   */
  record Position(
      int stage, long steps, double perplexity, double first, double best, long waited) {
    static final Position START = new Position(0, 0, 0, 0, Double.MAX_VALUE, 0);
  }

  private final CurriculumConfig config;
  private final List<Stage> stages = new ArrayList<>();
  private Position position;

  Curriculum(TrainingConfig training, Position position) {
    this.config = training.curriculum();
    this.position = position;
    for (StageConfig stage : config.stages()) {
      Map<String, Double> rewards = new LinkedHashMap<>(training.reward().weights());
      rewards.putAll(stage.reward());
      stages.add(new Stage(stage.name(), rewards, stage.klWeight()));
    }
    if (stages.isEmpty()) {
      stages.add(new Stage(config.name(0), training.reward().weights(), 1));
    }
  }

  /** Reward weights of each stage of a run. */
  static List<Map<String, Double>> rewards(TrainingConfig training) {
    return new Curriculum(training, Position.START).stages.stream().map(Stage::rewards).toList();
  }

  List<Stage> stages() {
    return stages;
  }

  int index() {
    return position.stage();
  }

  Stage stage() {
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
      case IMPROVEMENT -> position.perplexity() <= position.first() * (1 - stage.threshold());
      case PLATEAU -> position.waited() >= stage.patience();
    };
  }
}
