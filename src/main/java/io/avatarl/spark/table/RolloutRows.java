package io.avatarl.spark.table;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.rollout.Groups;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/** Turns a shard's groups into rows of the rollout table: one per action that was tried. */
final class RolloutRows {
  /** Those of a file that are known before rewards. */
  private static final List<String> COLUMNS =
      Arrays.stream(RolloutColumns.BEFORE_REWARDS.fieldNames())
          .filter(RolloutColumns.PARQUET::containsField)
          .toList();

  private final TrainingConfig config;
  private final Tokenizer tokenizer;
  private final RolloutOrigin origin;

  RolloutRows(TrainingConfig config, Tokenizer tokenizer, RolloutOrigin origin) {
    this.config = config;
    this.tokenizer = tokenizer;
    this.origin = origin;
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
    RolloutValues values = new RolloutValues(config, tokenizer, origin, groups);
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
              write(writer, paid, values, paid.ranked(from, stride, count));
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
  private void write(
      ParquetWriter<Group> writer, ScoredGroups paid, RolloutValues values, int[] tried) {
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
      Group row = factory.newGroup();
      for (String column : COLUMNS) {
        append(row, column, column.equals("rank") ? rank + 1 : values.get(column, entry));
      }
      row.append("reward", (double) paid.rewards()[entry]);
      Group map = row.addGroup("reward_components");
      paid.components()
          .forEach(
              (name, component) ->
                  map.addGroup("key_value")
                      .append("key", name)
                      .append("value", (double) component[entry]));
      row.append("advantage", (double) paid.advantages()[entry])
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

  private static void append(Group row, String column, Object value) {
    if (value instanceof int[] values) {
      Group list = row.addGroup(column);
      for (int element : values) {
        list.addGroup("list").append("element", element);
      }
    } else if (value instanceof String text) {
      row.append(column, text);
    } else if (value instanceof Integer number) {
      row.append(column, number);
    } else if (value instanceof Long number) {
      row.append(column, number);
    } else if (value instanceof Double number) {
      row.append(column, number);
    } else {
      row.append(column, (Boolean) value);
    }
  }
}
