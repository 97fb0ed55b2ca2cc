package io.avatarl.spark.rollout;

import io.avatarl.config.CurriculumStage;
import io.avatarl.config.SampleConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.RandomStream.Purpose;
import io.avatarl.corpus.StreamingDecoder;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.corpus.Windows;
import io.avatarl.evaluation.EvaluationWindow;
import io.avatarl.model.Distributions;
import io.avatarl.model.Policy;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.rollout.ExplorationInput;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.WindowBatch;
import io.avatarl.spark.table.ScoredGroups;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.TaskValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.api.java.function.Function;

/**
 * Makes a {@link PolicySnapshot} with the exploration, rewards and advantages that training uses.
 */
final class PolicySnapshotTask implements Function<Integer, PolicySnapshot> {
  private static final int CONTEXTS = 8;
  private static final int ACTIONS = 6;
  private static final int SAMPLE_TOKENS = 100;

  private final TaskValue<RunContext> context;
  private final PolicyBroadcast published;
  private final long step;
  private final CurriculumStage stage;

  /**
   * @param step number of steps that led to the weights
   * @param stage of the curriculum
   */
  PolicySnapshotTask(
      TaskValue<RunContext> context, PolicyBroadcast published, long step, CurriculumStage stage) {
    this.context = context;
    this.published = published;
    this.step = step;
    this.stage = stage;
  }

  @Override
  public PolicySnapshot call(Integer part) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    int[] text = run.corpus().validation();
    int length = config.model().context();
    int[] offsets =
        EvaluationWindow.spread(text.length, length, CONTEXTS).stream()
            .mapToInt(EvaluationWindow::start)
            .toArray();
    WindowBatch rows = WindowBatch.of(offsets.length, Windows.pack(text, length, offsets));
    try (PolicyReplica replica = PolicyReplica.acquire(run, published);
        Distributions distributions =
            replica.policy().distributions(rows.windows(), rows.inputs(), rows.windows())) {
      Policy policy = replica.policy();
      RandomStream random = RandomStream.of(config.seed(), 0, 0, Purpose.EXPLORATION);
      Groups groups =
          run.exploration(stage).explore(new ExplorationInput(rows, distributions, policy, random));
      RolloutOrigin origin =
          new RolloutOrigin(Math.max(1, step), 0, stage.name(), published.version());
      return new PolicySnapshot(
          step,
          states(run, rows, distributions.summary(rows.golds()), run.score(stage, groups, origin)),
          sample(run, policy));
    }
  }

  private static String sample(RunContext run, Policy policy) {
    SampleConfig config = run.config().sample();
    Tokenizer tokenizer = run.corpus().tokenizer();
    StringBuilder sample = new StringBuilder();
    int[] prompt =
        tokenizer.encode(config.prompt().isEmpty() ? tokenizer.defaultPrompt() : config.prompt());
    if (prompt.length > 0) {
      StreamingDecoder decoder = new StreamingDecoder(tokenizer, sample::append);
      policy.generate(
          prompt,
          Math.min(SAMPLE_TOKENS, config.tokens()),
          config.temperature(),
          RandomStream.of(run.config().seed(), 0, 0, Purpose.SAMPLING),
          token -> {
            decoder.accept(token);
            return true;
          });
      decoder.end();
    }
    return sample.toString();
  }

  /** One state of each window: its last one, or the state that all continuations begin in. */
  private static List<PolicySnapshot.State> states(
      RunContext run, WindowBatch rows, Distributions.Summary policy, ScoredGroups paid) {
    Tokenizer tokenizer = run.corpus().tokenizer();
    Groups groups = paid.groups();
    int position = groups.rowsPerContext() == 1 ? rows.context() - 1 : groups.first();
    int perWindow = groups.groupsPerRow();
    List<PolicySnapshot.State> states = new ArrayList<>();
    int[] number = new int[1];
    groups.forEachCompared(
        (from, stride, count) -> {
          int window = number[0] / perWindow;
          if (number[0]++ % perWindow == position - groups.first()) {
            int s = window * rows.context() + position;
            states.add(
                new PolicySnapshot.State(
                    tokenizer.decode(
                        Arrays.copyOfRange(rows.inputs(), window * rows.context(), s + 1)),
                    tokenizer.decode(rows.golds()[s]),
                    policy.entropies()[s],
                    actions(tokenizer, paid, paid.ranked(from, stride, count))));
          }
        });
    return states;
  }

  private static List<PolicySnapshot.Action> actions(
      Tokenizer tokenizer, ScoredGroups paid, int[] entries) {
    Groups groups = paid.groups();
    List<PolicySnapshot.Action> actions = new ArrayList<>();
    boolean[] seen = new boolean[tokenizer.vocabularySize()];
    for (int rank = 0; rank < entries.length; rank++) {
      int entry = entries[rank];
      int g = entry / groups.actionsPerGroup();
      int action = groups.action(g, entry % groups.actionsPerGroup());
      boolean gold = action == groups.gold(g);
      // Sampled actions may repeat; one line each is enough.
      if (!seen[action] && (actions.size() < ACTIONS || gold)) {
        seen[action] = true;
        actions.add(
            new PolicySnapshot.Action(
                tokenizer.decode(action),
                gold,
                rank + 1,
                Math.exp(groups.logProbs()[entry]),
                paid.rewards()[entry],
                paid.advantages()[entry]));
      }
    }
    return actions;
  }
}
