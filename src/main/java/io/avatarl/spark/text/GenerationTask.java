package io.avatarl.spark.text;

import io.avatarl.config.UserError;
import io.avatarl.corpus.RandomStream;
import io.avatarl.files.Sha256;
import io.avatarl.model.Policy;
import io.avatarl.model.SavedModel;
import io.avatarl.spark.transport.TaskValue;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;

/** Appends to each row of a partition the model's continuation of its prompt. */
public final class GenerationTask implements MapPartitionsFunction<Row, Row> {
  private static final int SHOWN = 60;

  private final TaskValue<SavedModel> model;
  private final int column;
  private final int tokens;
  private final double temperature;
  private final long seed;
  private final int batch;

  /**
   * @param column of the prompt
   * @param batch rows that are read at a time
   */
  public GenerationTask(
      TaskValue<SavedModel> model,
      int column,
      int tokens,
      double temperature,
      long seed,
      int batch) {
    this.model = model;
    this.column = column;
    this.tokens = tokens;
    this.temperature = temperature;
    this.seed = seed;
    this.batch = batch;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    if (!rows.hasNext()) {
      return rows;
    }
    ModelReplica replica = ModelReplica.acquire(model.value());
    // Also runs if the query stops reading early, as with LIMIT.
    TaskContext.get()
        .addTaskCompletionListener((TaskCompletionListener) context -> replica.close());
    Queue<Row> done = new ArrayDeque<>();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return !done.isEmpty() || rows.hasNext();
      }

      @Override
      public Row next() {
        if (done.isEmpty()) {
          List<Row> chunk = new ArrayList<>();
          while (chunk.size() < batch && rows.hasNext()) {
            chunk.add(rows.next());
          }
          done.addAll(generate(replica.policy(), chunk));
        }
        return done.remove();
      }
    };
  }

  private List<Row> generate(Policy policy, List<Row> rows) {
    int[][] prompts = new int[rows.size()][];
    // Prompts of equal length share a forward pass.
    Map<Integer, List<Integer>> byLength = new TreeMap<>();
    for (int i = 0; i < prompts.length; i++) {
      String text = rows.get(i).getString(column);
      if (text != null) {
        int[] all = encode(text);
        // The model sees only the last tokens.
        prompts[i] =
            Arrays.copyOfRange(
                all, Math.max(0, all.length - policy.config().context()), all.length);
        byLength.computeIfAbsent(prompts[i].length, length -> new ArrayList<>()).add(i);
      }
    }
    String[] made = new String[prompts.length];
    for (List<Integer> equal : byLength.values()) {
      int[][] texts =
          policy.generate(
              equal.stream().map(i -> prompts[i]).toArray(int[][]::new),
              tokens,
              temperature,
              n -> random(rows.get(equal.get(n)).getString(column)));
      for (int n = 0; n < texts.length; n++) {
        made[equal.get(n)] = model.value().tokenizer().decode(texts[n]);
      }
    }
    List<Row> result = new ArrayList<>();
    for (int i = 0; i < made.length; i++) {
      Row row = rows.get(i);
      Object[] values = new Object[row.size() + 1];
      for (int c = 0; c < row.size(); c++) {
        values[c] = row.get(c);
      }
      values[row.size()] = made[i];
      result.add(RowFactory.create(values));
    }
    return result;
  }

  private int[] encode(String text) {
    if (text.isEmpty()) {
      throw new UserError(
          "An empty text cannot be continued; leave the row out or give it one character");
    }
    try {
      return model.value().tokenizer().encode(text);
    } catch (UserError e) {
      String shown = text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
      throw new UserError("The text \"" + shown.replaceAll("\\R", "↵") + "\": " + e.getMessage());
    }
  }

  /** The stream depends on the text, not on the row's position. */
  private RandomStream random(String text) {
    String digest = Sha256.of(text.getBytes(StandardCharsets.UTF_8));
    return RandomStream.of(
        seed,
        0,
        Long.parseUnsignedLong(digest.substring(0, 16), 16),
        RandomStream.Purpose.SAMPLING);
  }
}
