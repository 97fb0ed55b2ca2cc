package io.avatarl.spark.rollout;

import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.model.Policy;
import io.avatarl.spark.table.ContinuationColumns;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.ShardFunction;
import io.avatarl.spark.transport.TaskValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;

/** Draws the continuations of some prompts: rows of {@code ContinuationColumns}. */
final class PromptTask implements FlatMapFunction<Iterator<Prompts.Prompt>, Row> {
  private static final long serialVersionUID = 1;

  private static final String DESCRIPTION = "spark.job.description";

  private final TaskValue<RunContext> context;
  private final PolicyBroadcast policy;
  private final int samples;
  private final int tokens;
  private final long step;

  /**
   * @param step from 0
   */
  PromptTask(
      TaskValue<RunContext> context, PolicyBroadcast policy, int samples, int tokens, long step) {
    this.context = context;
    this.policy = policy;
    this.samples = samples;
    this.tokens = tokens;
    this.step = step;
  }

  /**
   * Draws continuations and caches them on the executors.
   *
   * @param parts most tasks
   */
  static Dataset<Row> run(
      SparkSession session, JavaSparkContext spark, Prompts prompts, PromptTask task, int parts) {
    List<Prompts.Prompt> all = prompts.list();
    // Serialized here, because the session's serializer may not support prompts.
    TaskValue<ArrayList<Prompts.Prompt>> shared = TaskValue.broadcast(spark, new ArrayList<>(all));
    int count = Math.min(all.size(), parts);
    JavaRDD<Row> rows =
        ShardFunction.numbers(spark, count)
            .mapPartitions(part -> task.call(slice(shared.value(), part.next(), count)))
            .persist(StorageLevel.MEMORY_AND_DISK());
    String before = spark.getLocalProperty(DESCRIPTION);
    spark.setLocalProperty(
        DESCRIPTION, "step " + (task.step + 1) + ": continuations of " + all.size() + " prompts");
    try {
      rows.count();
    } finally {
      spark.setLocalProperty(DESCRIPTION, before);
    }
    StructType schema = prompts.schema();
    for (StructField field : ContinuationColumns.ADDED.fields()) {
      schema = schema.add(field);
    }
    return session.createDataFrame(rows, schema);
  }

  /** One of {@code count} parts of the prompts. */
  private static Iterator<Prompts.Prompt> slice(List<Prompts.Prompt> all, int part, int count) {
    int from = (int) ((long) all.size() * part / count);
    int to = (int) ((long) all.size() * (part + 1) / count);
    return all.subList(from, to).iterator();
  }

  @Override
  public Iterator<Row> call(Iterator<Prompts.Prompt> part) {
    List<Prompts.Prompt> prompts = new ArrayList<>();
    part.forEachRemaining(prompts::add);
    List<Row> rows = new ArrayList<>();
    if (!prompts.isEmpty()) {
      RunContext run = context.value();
      try (PolicyReplica replica = PolicyReplica.acquire(run, policy)) {
        Policy.Continuations drawn =
            replica
                .policy()
                .continuations(
                    prompts.stream().map(Prompts.Prompt::tokens).toList(),
                    samples,
                    tokens,
                    1, // the policy itself, as a group's weights assume
                    i -> new RandomStream(prompts.get(i).stream()));
        for (int row = 0; row < prompts.size() * samples; row++) {
          rows.add(row(prompts.get(row / samples), row, drawn, run.corpus().tokenizer()));
        }
      }
    }
    return rows.iterator();
  }

  private Row row(Prompts.Prompt prompt, int row, Policy.Continuations drawn, Tokenizer tokenizer) {
    int from = row * tokens;
    int[] actions = Arrays.copyOfRange(drawn.tokens(), from, from + tokens);
    Double[] logProbs = new Double[tokens];
    double sum = 0;
    for (int h = 0; h < tokens; h++) {
      logProbs[h] = (double) drawn.logProbs()[from + h];
      sum += logProbs[h];
    }
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < prompt.row().size(); i++) {
      values.add(prompt.row().get(i));
    }
    // In the order of ContinuationColumns.ADDED.
    values.add(tokenizer.decode(actions));
    values.add(prompt.group());
    values.add(row % samples);
    values.add(samples);
    values.add(boxed(prompt.tokens()));
    values.add(boxed(actions));
    values.add(logProbs);
    values.add(sum);
    values.add(policy.version());
    values.add(step + 1);
    return RowFactory.create(values.toArray());
  }

  private static Integer[] boxed(int[] tokens) {
    return Arrays.stream(tokens).boxed().toArray(Integer[]::new);
  }
}
