package io.avatarl.spark.table;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.rollout.Groups;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/** Turns a shard's groups into rows of the rollout table: one per action that was tried. */
final class RolloutRows {
  private final TrainingConfig config;
  private final Tokenizer tokenizer;
  private final long step;
  private final int shard;
  private final String stage;
  private final long policyVersion;

  /**
   * @param step from 1
   * @param stage name of the curriculum's stage
   */
  RolloutRows(
      TrainingConfig config,
      Tokenizer tokenizer,
      long step,
      int shard,
      String stage,
      long policyVersion) {
    this.config = config;
    this.tokenizer = tokenizer;
    this.step = step;
    this.shard = shard;
    this.stage = stage;
    this.policyVersion = policyVersion;
  }

  /**
   * A Parquet file. It is built in memory, because only whole files can be written safely; {@code
   * rolloutTable.windows} and {@code rolloutTable.topActions} bound its size.
   *
   * <p>A group of the table is a set of compared entries: the actions of one state, or the actions
   * of one context's continuations at one position.
   */
  byte[] parquet(ScoredGroups paid) {
    Groups groups = paid.groups();
    int perWindow = groups.groupsPerRow();
    int windows = config.rolloutTable().windows();
    int kept =
        perWindow
            * Math.min(
                windows == 0 ? Integer.MAX_VALUE : windows,
                groups.windows() / groups.rowsPerContext());
    // Numbers are unique within the run: each window has `context` numbers, however many groups a
    // curriculum's stage makes of it.
    int numbers = config.model().context();
    long first = ((step - 1) * config.windowsPerStep() + config.firstWindow(shard)) * numbers;
    MemoryOutputFile file = new MemoryOutputFile();
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(file)
            .withConf(new Configuration(false))
            .withType(RolloutColumns.PARQUET)
            .withCompressionCodec(CompressionCodecName.SNAPPY)
            .build()) {
      int[] number = new int[1];
      groups.forEachCompared(
          (from, stride, count) -> {
            if (number[0] < kept) {
              int window = number[0] / perWindow;
              long id = first + (long) window * numbers + number[0] % perWindow;
              write(writer, paid, id, paid.ranked(from, stride, count));
            }
            number[0]++;
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file.bytes();
  }

  /**
   * @param tried entries of one group, by probability
   */
  private void write(ParquetWriter<Group> writer, ScoredGroups paid, long id, int[] tried) {
    Groups groups = paid.groups();
    int gold = groups.gold(tried[0] / groups.actionsPerGroup());
    int top = config.rolloutTable().topActions();
    // Sampled groups are kept whole: the mean over a part would not be the sample's mean.
    int limit = top == 0 || groups.sampled() ? tried.length : Math.min(top, tried.length);
    int[] ranks = new int[tried.length];
    int kept = 0;
    for (int rank = 0; rank < tried.length; rank++) {
      if (rank < limit || action(groups, tried[rank]) == gold) {
        ranks[kept++] = rank;
      }
    }
    WholeGroup whole = WholeGroup.of(paid, tried);
    SimpleGroupFactory factory = new SimpleGroupFactory(RolloutColumns.PARQUET);
    for (int rank : Arrays.copyOf(ranks, kept)) {
      int entry = tried[rank];
      int g = entry / groups.actionsPerGroup();
      int last = groups.lastTokenIndex(g);
      int[] state = Arrays.copyOfRange(groups.tokens(), last + 1 - groups.stateLength(g), last + 1);
      int action = action(groups, entry);
      Group row = factory.newGroup();
      row.append("shard", shard)
          .append("group_id", id)
          .append("position", state.length - 1)
          .append("context", tokenizer.decode(state));
      list(row, "context_tokens", state);
      row.append("gold", tokenizer.decode(gold))
          .append("gold_token", gold)
          .append("action", tokenizer.decode(action));
      list(row, "action_tokens", action);
      row.append("rank", rank + 1)
          .append("logprob", (double) groups.logProbs()[entry])
          .append("probability", Math.exp(groups.logProbs()[entry]))
          .append("reward", (double) paid.rewards()[entry]);
      Group map = row.addGroup("reward_components");
      paid.components()
          .forEach(
              (name, values) ->
                  map.addGroup("key_value")
                      .append("key", name)
                      .append("value", (double) values[entry]));
      row.append("advantage", (double) paid.advantages()[entry])
          .append("is_gold", action == gold)
          .append("policy_version", policyVersion)
          .append("exploration", config.rollout().exploration().name().toLowerCase(Locale.ROOT))
          .append("stage", stage)
          .append("weight", (double) groups.weights()[entry])
          .append("actions_per_group_kept", kept)
          .append("actions_per_group", tried.length)
          .append("group_entropy", whole.entropy())
          .append("group_mean_reward", whole.meanReward())
          .append("group_reward_std", whole.rewardStd())
          .append("group_mean_advantage", whole.meanAdvantage());
      Group means = row.addGroup("group_mean_components");
      whole
          .meanComponents()
          .forEach(
              (name, mean) ->
                  means.addGroup("key_value").append("key", name).append("value", mean));
      try {
        writer.write(row);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static int action(Groups groups, int entry) {
    int k = groups.actionsPerGroup();
    return groups.action(entry / k, entry % k);
  }

  private static void list(Group row, String column, int... values) {
    Group list = row.addGroup(column);
    for (int value : values) {
      list.addGroup("list").append("element", value);
    }
  }
}
