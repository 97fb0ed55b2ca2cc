package io.avatarl.reward;

import io.avatarl.config.CurriculumStage;
import io.avatarl.config.CustomRewardConfig;
import io.avatarl.config.RewardConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.corpus.Windows;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.WindowBatch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Components of the user's own: which there are, and what may be wrong with them. */
public final class CustomRewards {
  /** Characters of a text that an error shows. */
  private static final int SHOWN = 40;

  private CustomRewards() {}

  /** A component's place in the configuration. */
  public static String key(String name) {
    return "reward.custom." + name;
  }

  /**
   * Those that some stage weighs.
   *
   * @param stages the weights of every stage
   */
  public static Map<String, CustomRewardConfig> weighed(
      RewardConfig config, List<Map<String, Double>> stages) {
    Map<String, CustomRewardConfig> weighed = new LinkedHashMap<>(config.custom());
    weighed
        .keySet()
        .removeIf(name -> stages.stream().allMatch(stage -> stage.getOrDefault(name, 0.0) == 0));
    return weighed;
  }

  /** {@link #weighed(RewardConfig, List)} of a run. */
  public static Map<String, CustomRewardConfig> weighed(TrainingConfig training) {
    return weighed(
        training.reward(),
        CurriculumStage.of(training).stream().map(CurriculumStage::rewards).toList());
  }

  /**
   * Lets the run's {@link RewardFunction}s score some of the corpus.
   *
   * @throws UserError where one of them cannot
   */
  public static void tryFunctions(TrainingConfig training, Corpus corpus) {
    weighed(training)
        .forEach(
            (name, config) -> {
              if (config.sql().isEmpty()) {
                tryOut(new FunctionReward(name, config, corpus.tokenizer()), training, corpus);
              }
            });
  }

  /**
   * Scores some of the corpus as if the policy had written it, so that a component that fails at
   * any rollout is known before training.
   */
  public static void tryOut(RolloutScorer scorer, TrainingConfig training, Corpus corpus) {
    int context = training.model().context();
    int[] window =
        Windows.draw(corpus.train(), context, 1, training.seed(), 0, 0, training.shardsPerStep());
    for (CurriculumStage stage : CurriculumStage.of(training)) {
      Groups groups = Groups.asWritten(WindowBatch.of(1, window), stage.rollout().horizon());
      scorer.score(groups, new RolloutOrigin(1, 0, stage.name(), 0));
    }
  }

  /**
   * A value that may be paid.
   *
   * @param name of the component
   * @param entry of the groups that it is for
   * @throws UserError where it is no number, or not between the component's bounds
   */
  public static float checked(
      String name,
      CustomRewardConfig config,
      double value,
      Groups groups,
      Tokenizer tokenizer,
      int entry) {
    if (value >= config.lowest() && value <= config.highest()) {
      return (float) value;
    }
    String gave = key(name) + ": gave " + value + " for " + quoted(groups, tokenizer, entry);
    if (!Double.isFinite(value)) {
      throw new UserError(gave + "; give a finite number");
    }
    throw new UserError(
        value < config.lowest()
            ? gave + ", less than its lowest = " + config.lowest() + "; correct one of them"
            : gave + ", more than its highest = " + config.highest() + "; correct one of them");
  }

  /** The rollout of an entry in one short line. */
  public static String quoted(Groups groups, Tokenizer tokenizer, int entry) {
    RolloutList rollouts = new RolloutList(groups, tokenizer);
    Rollout rollout = rollouts.get(entry / rollouts.tokensPerRollout());
    String context = rollout.context();
    String action = rollout.action();
    return '"'
        + oneLine(action.substring(0, Math.min(SHOWN, action.length())))
        + "\" after \""
        + oneLine(context.substring(Math.max(0, context.length() - SHOWN)))
        + '"';
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\R", "\\\\n");
  }
}
