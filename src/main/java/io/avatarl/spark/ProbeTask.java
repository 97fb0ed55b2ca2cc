package io.avatarl.spark;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.RandomStream.Purpose;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.corpus.Windows;
import io.avatarl.evaluation.Segment;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.Groups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;

/** Makes a {@link Probe}, by the exploration, rewards and advantages that training uses. */
final class ProbeTask implements Function<Integer, Probe> {
  private static final int CONTEXTS = 8;
  private static final int ACTIONS = 6;
  private static final int SAMPLE_TOKENS = 100;

  private final Broadcast<RunContext> context;
  private final Broadcast<PolicyWeights> weights;
  private final long step;

  ProbeTask(Broadcast<RunContext> context, Broadcast<PolicyWeights> weights, long step) {
    this.context = context;
    this.weights = weights;
    this.step = step;
  }

  @Override
  public Probe call(Integer part) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    Tokenizer tokenizer = run.corpus().tokenizer();
    int[] text = run.corpus().validation();
    int length = config.model().context();
    int[] offsets =
        Segment.spread(text.length, length, CONTEXTS).stream().mapToInt(Segment::start).toArray();
    int[] tokens = Windows.pack(text, length, offsets);
    long[] inputs = new long[offsets.length * length];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = tokens[i / length * (length + 1) + i % length];
    }
    float[] logProbs;
    StringBuilder sample = new StringBuilder();
    try (PolicyReplica replica = PolicyReplica.acquire(config, run.vocabulary(), weights)) {
      logProbs = replica.policy().logProbs(offsets.length, inputs);
      int[] prompt = tokenizer.encode(config.sample().prompt());
      if (prompt.length > 0) {
        replica
            .policy()
            .generate(
                prompt,
                Math.min(SAMPLE_TOKENS, config.sample().tokens()),
                config.sample().temperature(),
                RandomStream.of(config.seed(), 0, 0, Purpose.SAMPLING),
                token -> {
                  sample.append(tokenizer.decode(token));
                  return true;
                });
      }
    }
    Groups groups =
        Exploration.of(config.rollout(), run.vocabulary())
            .explore(
                offsets.length,
                tokens,
                logProbs,
                RandomStream.of(config.seed(), 0, 0, Purpose.EXPLORATION));
    float[] rewards = run.rewards().total(run.rewards().components(groups));
    float[] advantages = AdvantageEstimator.of(config.advantage()).advantages(groups, rewards);
    List<Probe.State> states = new ArrayList<>();
    for (int window = 0; window < offsets.length; window++) {
      int g = window * length + length - 1;
      states.add(
          new Probe.State(
              tokenizer.decode(Arrays.copyOfRange(text, offsets[window], offsets[window] + length)),
              tokenizer.decode(groups.gold(g)),
              entropy(logProbs, g * run.vocabulary(), run.vocabulary()),
              actions(tokenizer, groups, g, rewards, advantages)));
    }
    return new Probe(step, states, sample.toString());
  }

  private static double entropy(float[] logProbs, int from, int vocabulary) {
    double entropy = 0;
    for (int i = from; i < from + vocabulary; i++) {
      entropy -= Math.exp(logProbs[i]) * logProbs[i];
    }
    return entropy;
  }

  private static List<Probe.Action> actions(
      Tokenizer tokenizer, Groups groups, int g, float[] rewards, float[] advantages) {
    int tried = groups.actionsPerGroup();
    int[] order = RolloutRows.byProbability(groups.logProbs(), g * tried, tried);
    List<Probe.Action> actions = new ArrayList<>();
    boolean[] seen = new boolean[tokenizer.vocabularySize()];
    for (int rank = 0; rank < tried; rank++) {
      int entry = g * tried + order[rank];
      int action = groups.action(g, order[rank]);
      boolean gold = action == groups.gold(g);
      // Samples repeat; one line each is enough.
      if (!seen[action] && (actions.size() < ACTIONS || gold)) {
        seen[action] = true;
        actions.add(
            new Probe.Action(
                tokenizer.decode(action),
                gold,
                rank + 1,
                Math.exp(groups.logProbs()[entry]),
                rewards[entry],
                advantages[entry]));
      }
    }
    return actions;
  }
}
