package io.avatarl.reward;

import io.avatarl.corpus.Corpus;
import io.avatarl.rollout.Groups;

/**
 * Partial credit for a plausible token: its relative frequency after the state's last token in the
 * training split, avatarl's first bootstrap signal (May 2025).
 *
 * @param frequencies [V·V], row = last token
 */
record BigramCredit(int vocabulary, float[] frequencies) implements RewardComponent {
  static BigramCredit of(Corpus corpus) {
    int vocabulary = corpus.tokenizer().vocabularySize();
    int[] tokens = corpus.train();
    float[] frequencies = new float[Math.multiplyExact(vocabulary, vocabulary)];
    for (int i = 1; i < tokens.length; i++) {
      frequencies[tokens[i - 1] * vocabulary + tokens[i]]++;
    }
    for (int row = 0; row < vocabulary; row++) {
      float total = 0;
      for (int v = 0; v < vocabulary; v++) {
        total += frequencies[row * vocabulary + v];
      }
      for (int v = 0; v < vocabulary && total > 0; v++) {
        frequencies[row * vocabulary + v] /= total;
      }
    }
    return new BigramCredit(vocabulary, frequencies);
  }

  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      int row = groups.tokens()[groups.lastTokenIndex(g)] * vocabulary;
      for (int i = 0; i < k; i++) {
        values[g * k + i] = frequencies[row + groups.action(g, i)];
      }
    }
    return values;
  }
}
