package io.avatarl.train;

import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.Continuation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Row;

/**
 * Learns from rollouts that were drawn and scored earlier. Each step takes the next groups of the
 * table, cyclically, and reports how far the policy has moved from the one that drew them. Ratios
 * and clipping bound the influence of old rows.
 */
final class StoredRolloutsStep extends StepStrategy {
  private final List<List<Continuation>> groups = new ArrayList<>();
  private final ContinuationLearner learning;
  private boolean updating;

  /**
   * @param rows by group
   */
  StoredRolloutsStep(Parts parts, ScoredRows rows) {
    super(parts);
    List<Continuation> all = rows.continuations();
    for (int from = 0; from < all.size(); from += all.get(from).samples()) {
      groups.add(all.subList(from, from + all.get(from).samples()));
    }
    this.learning = new ContinuationLearner(config, learner, cluster);
  }

  /**
   * Reports what the rows are.
   *
   * @param weights SHA-256 of the weights that training begins with
   */
  static String described(String source, ScoredRows rows, String weights) {
    int place = List.of(rows.schema().fieldNames()).indexOf(PromptRollouts.WEIGHTS);
    Set<String> drew = new TreeSet<>();
    if (place >= 0) {
      for (Row row : rows.rows()) {
        Optional.ofNullable(row.getString(place)).ifPresent(drew::add);
      }
    }
    String by =
        drew.isEmpty()
            ? "they do not say which weights drew them"
            : drew.equals(Set.of(weights))
                ? "drawn by the weights that training begins with"
                : "drawn by other weights than training begins with";
    return String.format(
        Locale.ROOT,
        "%s: %,d continuations, mean reward %.4f; %s",
        source,
        rows.rows().size(),
        rows.meanReward(),
        by);
  }

  @Override
  void publish() {
    publish(state.version());
  }

  @Override
  void begin() {}

  @Override
  Outcome step(boolean last) {
    List<Continuation> taken = next();
    updating = true;
    List<UpdateMetrics> updates = new ArrayList<>();
    ContinuationLearner.Learned learned;
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.LEARN)) {
      learned = learning.learn(taken, state.step(), updates::add);
    }
    double reward = taken.stream().mapToDouble(Continuation::meanReward).average().orElseThrow();
    for (UpdateMetrics update : updates) {
      metrics.add(
          MetricsRecords.learned(
              state.step() + 1,
              update,
              learned.statistics(),
              reward,
              taken.size(),
              state.version(),
              state.step()));
    }
    promote(learned.statistics());
    publish(state.step() + 1);
    updating = false;
    Outcome outcome = new Outcome(learned.statistics(), updates);
    if (last) {
      moved(outcome);
    }
    return outcome;
  }

  private List<Continuation> next() {
    int count = Math.min(groups.size(), config.windowsPerStep());
    List<Continuation> taken = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      taken.addAll(groups.get((int) ((state.step() * count + i) % groups.size())));
    }
    return taken;
  }

  private void moved(Outcome outcome) {
    UpdateMetrics update = outcome.lastUpdate();
    noted(
        String.format(
            Locale.ROOT,
            "the policy has moved by a KL of %.4f nats per token from the one that drew the"
                + " rollouts;"
                + " clipping holds %.1f %% of the tokens",
            update.kl(),
            100 * update.clipFraction()));
  }

  @Override
  float[] behaviour() {
    return new float[0];
  }

  @Override
  boolean rewind() {
    return !updating;
  }
}
