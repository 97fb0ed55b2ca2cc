package io.avatarl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;

/** Distributions whose logits stay where the model computed them. */
final class TensorDistributions implements Distributions {
  /** Numbers that are made of the logits at once. */
  private static final int AT_ONCE = 1 << 22;

  private final List<NDArray> logits; // float32 [states, V] each, in the order of the states
  private final Runnable closing;
  private final int states;
  private final int vocabulary;

  /**
   * @param logits float32 [states, V] each, in the order of the states; at least one
   * @param closing frees what is to be freed with this object
   */
  TensorDistributions(List<NDArray> logits, Runnable closing) {
    this.logits = logits;
    this.closing = closing;
    this.states = logits.stream().mapToInt(rows(0)).sum();
    this.vocabulary = rows(1).applyAsInt(logits.get(0));
  }

  private static ToIntFunction<NDArray> rows(int dimension) {
    return part -> (int) part.getShape().get(dimension);
  }

  @Override
  public int states() {
    return states;
  }

  private interface Work {
    /**
     * @param rows logits [count, V] whose manager is closed afterwards
     */
    void on(int first, int count, NDArray rows);
  }

  /** Some states at a time, so that what is made of them stays small. */
  private void inTurn(Work work) {
    int first = 0;
    for (NDArray part : logits) {
      int rows = rows(0).applyAsInt(part);
      int atOnce = Math.max(1, AT_ONCE / vocabulary);
      for (int from = 0; from < rows; from += atOnce) {
        int to = Math.min(rows, from + atOnce);
        try (NDManager scope = part.getManager().newSubManager()) {
          NDArray some = part.get(from + ":" + to);
          some.attach(scope);
          work.on(first + from, to - from, some);
        }
      }
      first += rows;
    }
  }

  @Override
  public float[] logProbs() {
    float[] all = new float[Math.multiplyExact(states, vocabulary)];
    inTurn(
        (first, count, rows) ->
            System.arraycopy(
                rows.logSoftmax(-1).toFloatArray(),
                0,
                all,
                first * vocabulary,
                count * vocabulary));
    return all;
  }

  @Override
  public float[] logProbs(int[] tokens) {
    int k = tokens.length / states;
    float[] chosen = new float[tokens.length];
    inTurn(
        (first, count, rows) ->
            System.arraycopy(
                gathered(rows.logSoftmax(-1), tokens, first * k, count, k),
                0,
                chosen,
                first * k,
                count * k));
    return chosen;
  }

  private static float[] gathered(NDArray logProbs, int[] tokens, int from, int count, int k) {
    long[] places = new long[count * k];
    Arrays.setAll(places, i -> tokens[from + i]);
    return logProbs
        .gather(logProbs.getManager().create(places, new Shape(count, k)), 1)
        .toFloatArray();
  }

  @Override
  public void forEach(double temperature, Visitor visitor) {
    inTurn(
        (first, count, rows) -> {
          NDArray tempered = temperature == 1 ? rows : rows.div((float) temperature);
          visitor.visit(first, count, tempered.softmax(-1).toFloatArray());
        });
  }

  @Override
  public Summary summary(int[] golds) {
    float[] entropies = new float[states];
    double[] goldLogProbs = new double[states];
    double[] confidences = new double[states];
    int[] best = new int[states];
    int[] vocabularyAxis = {-1};
    inTurn(
        (first, count, rows) -> {
          NDArray logProbs = rows.logSoftmax(-1);
          NDArray probabilities = logProbs.exp();
          float[] top = probabilities.max(vocabularyAxis).toFloatArray();
          long[] token = logProbs.argMax(-1).toLongArray();
          float[] gold = gathered(logProbs, golds, first, count, 1);
          float[] entropy = logProbs.mul(probabilities).sum(vocabularyAxis).toFloatArray();
          for (int i = 0; i < count; i++) {
            entropies[first + i] = -entropy[i];
            goldLogProbs[first + i] = gold[i];
            confidences[first + i] = top[i];
            best[first + i] = (int) token[i];
          }
        });
    return new Summary(entropies, goldLogProbs, confidences, best);
  }

  @Override
  public void close() {
    closing.run();
  }
}
