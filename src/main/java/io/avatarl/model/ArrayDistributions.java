package io.avatarl.model;

/**
 * Distributions whose log-probabilities are in the heap.
 *
 * @param logProbs [S·V]
 * @param states S
 */
record ArrayDistributions(float[] logProbs, int states) implements Distributions {
  private int vocabulary() {
    return logProbs.length / states;
  }

  @Override
  public float[] logProbs(int[] tokens) {
    int k = tokens.length / states;
    float[] chosen = new float[tokens.length];
    for (int i = 0; i < chosen.length; i++) {
      chosen[i] = logProbs[i / k * vocabulary() + tokens[i]];
    }
    return chosen;
  }

  @Override
  public void forEach(double temperature, Visitor visitor) {
    int vocabulary = vocabulary();
    float[] probabilities = new float[vocabulary];
    for (int s = 0; s < states; s++) {
      double total = 0;
      for (int v = 0; v < vocabulary; v++) {
        total += Math.exp(logProbs[s * vocabulary + v] / temperature);
      }
      for (int v = 0; v < vocabulary; v++) {
        probabilities[v] = (float) (Math.exp(logProbs[s * vocabulary + v] / temperature) / total);
      }
      visitor.visit(s, 1, probabilities);
    }
  }

  @Override
  public Summary summary(int[] golds) {
    int vocabulary = vocabulary();
    float[] entropies = new float[states];
    double[] goldLogProbs = new double[states];
    double[] confidences = new double[states];
    int[] best = new int[states];
    for (int s = 0; s < states; s++) {
      int from = s * vocabulary;
      double entropy = 0;
      int top = 0;
      for (int v = 0; v < vocabulary; v++) {
        float logProb = logProbs[from + v];
        double probability = Math.exp(logProb);
        // Of a token that has none, minus infinity times 0.
        entropy -= probability == 0 ? 0 : probability * logProb;
        if (logProb > logProbs[from + top]) {
          top = v;
        }
      }
      entropies[s] = (float) entropy;
      goldLogProbs[s] = logProbs[from + golds[s]];
      confidences[s] = Math.exp(logProbs[from + top]);
      best[s] = top;
    }
    return new Summary(entropies, goldLogProbs, confidences, best);
  }

  @Override
  public void close() {}
}
