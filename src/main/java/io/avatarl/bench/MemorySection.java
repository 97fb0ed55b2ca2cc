package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import io.avatarl.config.GptConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.ParameterLayout;

/**
 * What a run's one JVM holds under a local master while it learns, by arithmetic. What Spark, the
 * JVM and the collector's slack take is not in it.
 */
record MemorySection(TrainingConfig config, int vocabulary, int cores) {
  private static final double MIB = 1 << 20;

  /** Passes over the logits of a slice that exist at once: logits, log-softmax, their gradients. */
  private static final int LOGITS = 4;

  Section table() {
    long copy = 4L * ParameterLayout.of(config.model(), vocabulary).length();
    boolean driver = config.learner().placement() == LearnerConfig.Placement.DRIVER;
    int parts = driver ? config.learner().slices() : config.rollout().shards();
    int atOnce = driver ? parts : Math.min(parts, cores);
    Section table = new Section("Memory of one JVM that does everything", "what", "where", "MiB");
    double sum = 0;
    sum += add(table, "a copy of the weights", "", copy, 0);
    sum += add(table, "learner: weights and two moments", "heap", copy, 3);
    sum += add(table, "learner: gradients, one for each part of a minibatch", "heap", copy, parts);
    sum += add(table, "weights published to tasks", "heap", copy, 1 + config.rollout().ahead());
    sum +=
        add(
            table,
            "weights and moments of the last whole step",
            "heap",
            copy,
            !driver && config.learner().updatesPerStep() > 1 ? 3 : 0);
    sum += add(table, "groups of a round", "heap", groups(), 1);
    sum += add(table, "groups of a round, for tensors", "native", groups(), 1);
    sum += add(table, "learner: weights as tensors", "native", copy, 1);
    sum += add(table, "tasks: weights as tensors", "native", copy, 1 + config.rollout().ahead());
    sum += add(table, "gradients of a backward pass", "native", copy, atOnce);
    double rows = rows() * atOnce / parts;
    sum += add(table, "activations kept for it", "native", 1, rows * activations());
    sum += add(table, "logits and their gradients", "native", 1, rows * LOGITS * 4 * vocabulary);
    table.add("sum", "", sum);
    table
        .notes()
        .add(
            "by arithmetic; the end of a training run prints its peak, to which Spark, the JVM and"
                + " what the collector has not yet collected add");
    return table;
  }

  private static double add(Section table, String what, String where, long bytes, double times) {
    double mebibytes = bytes * times / MIB;
    if (times > 0) {
      table.add(what, where, mebibytes);
    } else if (where.isEmpty()) {
      table.add(what, where, bytes / MIB);
    }
    return mebibytes;
  }

  /** Positions of a minibatch. */
  private double rows() {
    return (double) config.rollout().windowsPerUpdate() * config.model().context();
  }

  /** Bytes kept for a position: by the stack {@code saved} of {@code gpt.py}. */
  private double activations() {
    GptConfig model = config.model();
    // Of width D: n, mixed, m, queries, keys, values, queries and keys before rotation; of 4D: two.
    double block = 4 * (16.0 * model.width() + (double) model.heads() * model.context());
    return config.learner().recompute()
        ? 4.0 * model.width() * model.layers() + block
        : block * model.layers();
  }

  /** Bytes of a round's groups: weights, log-probabilities and advantages, and tokens. */
  private long groups() {
    boolean driver = config.learner().placement() == LearnerConfig.Placement.DRIVER;
    boolean every = config.rollout().exploration() == RolloutConfig.Exploration.EXHAUSTIVE;
    long entries = every ? vocabulary : config.rollout().samples();
    int updates = driver ? config.learner().updatesPerStep() : 1;
    return (long) (updates * rows() * 4 * (entries * (every ? 3 : 4) + 1));
  }
}
