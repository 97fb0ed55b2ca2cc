package io.avatarl.spark;

import static org.apache.parquet.schema.LogicalTypeAnnotation.stringType;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.BINARY;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.BOOLEAN;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.DOUBLE;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT32;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT64;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.rollout.Groups;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Types;

/** Turns a shard's groups into rows of the rollout table: one per action that was tried. */
final class RolloutRows {
  /** All columns but {@code step}, which is in the folder's name. */
  private static final MessageType SCHEMA =
      Types.buildMessage()
          .required(INT32)
          .named("shard")
          .required(INT64)
          .named("group_id")
          .required(INT32)
          .named("position")
          .required(BINARY)
          .as(stringType())
          .named("context")
          .requiredList()
          .requiredElement(INT32)
          .named("context_tokens")
          .required(BINARY)
          .as(stringType())
          .named("gold")
          .required(INT32)
          .named("gold_token")
          .required(BINARY)
          .as(stringType())
          .named("action")
          .requiredList()
          .requiredElement(INT32)
          .named("action_tokens")
          .required(INT32)
          .named("rank")
          .required(DOUBLE)
          .named("logprob")
          .required(DOUBLE)
          .named("probability")
          .required(DOUBLE)
          .named("reward")
          .requiredMap()
          .key(Types.required(BINARY).as(stringType()).named("key"))
          .requiredValue(DOUBLE)
          .named("reward_components")
          .required(DOUBLE)
          .named("advantage")
          .required(BOOLEAN)
          .named("is_gold")
          .required(INT64)
          .named("policy_version")
          .required(BINARY)
          .as(stringType())
          .named("exploration")
          .required(BINARY)
          .as(stringType())
          .named("stage")
          .required(INT32)
          .named("actions_per_group_kept")
          .required(INT32)
          .named("actions_per_group")
          .named("rollout");

  /** The only stage of a run without a curriculum. */
  static final String STAGE = "main";

  private final TrainingConfig config;
  private final Tokenizer tokenizer;
  private final int shard;
  private final long firstGroup;
  private final long policyVersion;

  /**
   * @param step from 1
   */
  RolloutRows(
      TrainingConfig config, Tokenizer tokenizer, long step, int shard, long policyVersion) {
    this.config = config;
    this.tokenizer = tokenizer;
    this.shard = shard;
    this.policyVersion = policyVersion;
    // Groups are numbered through the run, so that a number alone names one.
    this.firstGroup =
        ((step - 1) * config.windowsPerStep() + RolloutTask.firstWindow(config, shard))
            * config.model().context();
  }

  /**
   * A Parquet file. It is built in memory, so that it can be stored by whatever writes whole files
   * safely; {@code rollouts.windows} and {@code rollouts.topActions} bound its size.
   *
   * @param components unweighted values of each reward component, [G·K]
   * @param rewards [G·K]
   * @param advantages [G·K]
   */
  byte[] parquet(
      Groups groups, Map<String, float[]> components, float[] rewards, float[] advantages) {
    int windows = config.rollouts().windows();
    int kept =
        groups.context() * (windows == 0 ? groups.windows() : Math.min(windows, groups.windows()));
    MemoryOutputFile file = new MemoryOutputFile();
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(file)
            .withConf(new Configuration(false))
            .withType(SCHEMA)
            .withCompressionCodec(CompressionCodecName.SNAPPY)
            .build()) {
      for (int g = 0; g < kept; g++) {
        write(writer, groups, g, components, rewards, advantages);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file.bytes();
  }

  private void write(
      ParquetWriter<Group> writer,
      Groups groups,
      int g,
      Map<String, float[]> components,
      float[] rewards,
      float[] advantages)
      throws IOException {
    int tried = groups.actionsPerGroup();
    int last = groups.lastTokenIndex(g);
    int[] state = Arrays.copyOfRange(groups.tokens(), last + 1 - groups.stateLength(g), last + 1);
    String context = tokenizer.decode(state);
    int gold = groups.gold(g);
    int[] order = byProbability(groups.logProbs(), g * tried, tried);
    int top = config.rollouts().topActions();
    // Sampled groups are kept whole: the mean over part of a sample would not be the sample's.
    int limit = top == 0 || groups.sampled() ? tried : Math.min(top, tried);
    int[] ranks = new int[tried];
    int kept = 0;
    for (int rank = 0; rank < tried; rank++) {
      if (rank < limit || groups.action(g, order[rank]) == gold) {
        ranks[kept++] = rank;
      }
    }
    SimpleGroupFactory factory = new SimpleGroupFactory(SCHEMA);
    for (int rank : Arrays.copyOf(ranks, kept)) {
      int action = groups.action(g, order[rank]);
      int entry = g * tried + order[rank];
      Group row = factory.newGroup();
      row.append("shard", shard)
          .append("group_id", firstGroup + g)
          .append("position", g % groups.context())
          .append("context", context);
      list(row, "context_tokens", state);
      row.append("gold", tokenizer.decode(gold))
          .append("gold_token", gold)
          .append("action", tokenizer.decode(action));
      list(row, "action_tokens", action);
      row.append("rank", rank + 1)
          .append("logprob", (double) groups.logProbs()[entry])
          .append("probability", Math.exp(groups.logProbs()[entry]))
          .append("reward", (double) rewards[entry]);
      Group map = row.addGroup("reward_components");
      components.forEach(
          (name, values) ->
              map.addGroup("key_value")
                  .append("key", name)
                  .append("value", (double) values[entry]));
      row.append("advantage", (double) advantages[entry])
          .append("is_gold", action == gold)
          .append("policy_version", policyVersion)
          .append("exploration", config.rollout().exploration().name().toLowerCase(Locale.ROOT))
          .append("stage", STAGE)
          .append("actions_per_group_kept", kept)
          .append("actions_per_group", tried);
      writer.write(row);
    }
  }

  private static void list(Group row, String column, int... values) {
    Group list = row.addGroup(column);
    for (int value : values) {
      list.addGroup("list").append("element", value);
    }
  }

  /** Numbers 0 to count − 1, most probable entry first, the earlier one where two are equal. */
  static int[] byProbability(float[] logProbs, int from, int count) {
    long[] keys = new long[count];
    for (int k = 0; k < count; k++) {
      // The bits of positive floats order as the floats do; + 0 turns a negative zero.
      keys[k] = (long) Float.floatToIntBits(-logProbs[from + k] + 0f) << 32 | k;
    }
    Arrays.sort(keys);
    int[] order = new int[count];
    for (int k = 0; k < count; k++) {
      order[k] = (int) keys[k];
    }
    return order;
  }
}
