package io.avatarl.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class NgramModelTest {
  // "abcab" over {a, b, c}, counted by hand below.
  private static final int A = 0;
  private static final int B = 1;
  private static final int C = 2;
  private static final int[] TEXT = {A, B, C, A, B};
  private final NgramCounts counts = NgramCounts.of(TEXT, 3, 3);

  @Test
  void countsByHand() {
    assertEquals(5, counts.count());
    assertEquals(2, counts.count(A));
    assertEquals(2, counts.count(B));
    assertEquals(1, counts.count(C));
    assertEquals(2, counts.count(A, B));
    assertEquals(0, counts.count(B, A));
    assertEquals(1, counts.count(C, A, B));
    assertEquals(0, counts.count(A, B, A));
    assertEquals(1, counts.total(B), "the b that ends the text is followed by nothing");
    assertEquals(1, counts.total(A, B));
    assertEquals(3, counts.distinct());
    assertEquals(1, counts.distinct(B));
    assertEquals(0, counts.distinct(B, B));
    assertArrayEquals(new int[] {0, 2, 0, 0, 0, 1, 1, 0, 0}, counts.bigramCounts());
    assertEquals(1.0, counts.frequency(C, B));
    assertEquals(0.4, counts.frequency(A));
    assertEquals(0.0, counts.frequency(A, B, B), "a context never seen");
  }

  @Test
  void wittenBellByHand() {
    // P_1(b) = (2 + 3 · 1/3) / (5 + 3) = 3/8; P_2(b|a) = (2 + 1 · 3/8) / (2 + 1) = 19/24.
    assertEquals(3 / 8.0, new NgramModel(counts, 1).probability(B), 1e-15);
    assertEquals(19 / 24.0, new NgramModel(counts, 2).probability(B, A), 1e-15);
    // P_3(b|c,a) = (1 + 1 · 19/24) / (1 + 1) = 43/48.
    assertEquals(43 / 48.0, new NgramModel(counts, 3).probability(B, C, A), 1e-15);
    // (b, a) was never seen: the trigram model gives what the bigram model gives.
    assertEquals(19 / 24.0, new NgramModel(counts, 3).probability(B, B, A), 1e-15);
    // Longer contexts than the order takes are cut.
    assertEquals(19 / 24.0, new NgramModel(counts, 2).probability(B, C, A), 1e-15);
  }

  @Test
  void distributionsAreProbabilitiesAndSumToOne() {
    NgramModel model = new NgramModel(counts, 3);
    for (int[] context : new int[][] {{}, {A}, {A, B}, {B, B}, {C, A, B}}) {
      double[] distribution = model.distribution(context);
      assertEquals(1, Arrays.stream(distribution).sum(), 1e-12);
      for (int token = 0; token < 3; token++) {
        assertEquals(model.probability(token, context), distribution[token]);
        int[] within = new int[context.length + 2];
        System.arraycopy(context, 0, within, 1, context.length);
        assertEquals(distribution[token], model.probability(token, within, 1, 1 + context.length));
      }
    }
    double[] packed = new double[7];
    model.distribution(TEXT, 1, 3, packed, 4);
    assertArrayEquals(model.distribution(B, C), Arrays.copyOfRange(packed, 4, 7));
    assertEquals(0, packed[3]);
  }

  @Test
  void evaluationByHand() {
    // "ba" under the bigram model: P_1(b) = 3/8, then P_2(a|b) = (0 + 1 · 3/8) / (1 + 1) = 3/16.
    // Predictions: a (2 of 5, as often as b but lower), then c. Both wrong.
    NgramModel model = new NgramModel(counts, 2);
    NgramModel.Evaluation wrong = model.evaluate(new int[] {B, A});
    assertEquals(-(Math.log(3 / 8.0) + Math.log(3 / 16.0)) / 2, wrong.crossEntropy(), 1e-12);
    assertEquals(0, wrong.accuracy());
    assertEquals(2, wrong.positions());
    assertEquals(1, model.evaluate(new int[] {A, B, C, A}).accuracy());
    assertEquals(A, model.predict());
    assertEquals(C, model.predict(A, B));
  }

  @Test
  void evaluationAgreesWithProbabilityAndPredictionByPosition() {
    RandomStream random = new RandomStream(7);
    int[] train = random.ints(400, 0, 6).toArray();
    int[] text = random.ints(300, 0, 7).toArray(); // token 6 was never counted
    NgramCounts many = NgramCounts.of(train, 7, 5);
    for (int order = 1; order <= 5; order++) {
      NgramModel model = new NgramModel(many, order);
      double sum = 0;
      int correct = 0;
      for (int i = 0; i < text.length; i++) {
        int[] context = Arrays.copyOf(text, i);
        sum -= Math.log(model.probability(text[i], context));
        correct += model.predict(context) == text[i] ? 1 : 0;
      }
      NgramModel.Evaluation evaluation = model.evaluate(text);
      assertEquals(sum / text.length, evaluation.crossEntropy(), 1e-12);
      assertEquals(correct / 300.0, evaluation.accuracy());
    }
  }

  @Test
  void countsAgreeWithASlowCount() {
    int[] text = new RandomStream(3).ints(500, 0, 4).toArray();
    NgramCounts fast = NgramCounts.of(text, 4, 4);
    for (int a = 0; a < 4; a++) {
      for (int b = 0; b < 4; b++) {
        for (int c = 0; c < 4; c++) {
          int slow = 0;
          for (int i = 0; i + 2 < text.length; i++) {
            slow += text[i] == a && text[i + 1] == b && text[i + 2] == c ? 1 : 0;
          }
          assertEquals(slow, fast.count(a, b, c));
        }
      }
    }
  }

  @Test
  void aTextShorterThanTheOrderAndAnEmptyOne() {
    NgramCounts two = NgramCounts.of(new int[] {A, B}, 3, 5);
    assertEquals(1, two.count(A, B));
    assertEquals(0, two.count(A, B, C));
    NgramModel none = new NgramModel(NgramCounts.of(new int[0], 4, 2), 2);
    assertArrayEquals(new double[] {0.25, 0.25, 0.25, 0.25}, none.distribution(A));
    assertEquals(Math.log(4), none.evaluate(new int[] {C, C}).crossEntropy(), 1e-15);
    assertThrows(IllegalArgumentException.class, () -> none.evaluate(new int[0]));
  }

  @Test
  void largeVocabularies() {
    int[] text = {65_535, 0, 65_535, 0, 1};
    assertEquals(2, NgramCounts.of(text, 65_536, 3).count(65_535, 0));
    assertEquals(2, NgramCounts.of(text, 65_536, 3).distinct(0));
    assertEquals(2, NgramCounts.of(new int[] {4094, 4094, 4094}, 4095, 5).count(4094, 4094));
    String message =
        assertThrows(IllegalArgumentException.class, () -> NgramCounts.of(text, 65_536, 4))
            .getMessage();
    assertEquals(
        "Cannot count n-grams of order 4 over a vocabulary of 65536: order x 17 bits must be"
            + " between 1 and 63; lower the order or the vocabulary size",
        message);
  }

  @Test
  void longestOrders() {
    assertEquals(9, NgramKeys.longestOrder(65));
    assertEquals(5, NgramKeys.longestOrder(1_280));
    assertEquals(5, NgramKeys.longestOrder(4_095));
    assertEquals(4, NgramKeys.longestOrder(4_096));
    assertEquals(3, NgramKeys.longestOrder(1_000_000));
  }

  @Test
  void pruningByHand() {
    // Of "abcab", ab occurs twice; bc, ca and every trigram once.
    NgramCounts pruned = NgramCounts.of(TEXT, 3, 3, 2);
    assertEquals(3, pruned.size(1), "single tokens stay");
    assertEquals(1, pruned.size(2));
    assertEquals(0, pruned.size(3));
    assertEquals(2, pruned.count(A, B));
    assertEquals(2, pruned.total(A));
    assertEquals(0, pruned.total(B), "bc is gone");
    assertEquals(1, pruned.count(C));
    // P_2(b|a) = (2 + 1 · 3/8) / (2 + 1) as before; after b the unigram model is left.
    assertEquals(19 / 24.0, new NgramModel(pruned, 2).probability(B, A), 1e-15);
    assertEquals(2 / 8.0, new NgramModel(pruned, 3).probability(C, A, B), 1e-15);
  }

  @Test
  void prunedModelsSumToOne() {
    int[] text = new RandomStream(3).ints(500, 0, 6).toArray();
    NgramCounts all = NgramCounts.of(text, 6, 4);
    NgramCounts pruned = NgramCounts.of(text, 6, 4, 3);
    assertTrue(pruned.size(4) < all.size(4) && pruned.size(3) < all.size(3));
    NgramModel model = new NgramModel(pruned, 4);
    for (int i = 0; i < 490; i++) {
      int[] context = Arrays.copyOfRange(text, i, i + 3);
      assertEquals(1, Arrays.stream(model.distribution(context)).sum(), 1e-12);
      int count = all.count(context);
      assertEquals(count < 3 ? 0 : count, pruned.count(context));
    }
    assertEquals(all, NgramCounts.of(text, 6, 4, 1));
  }

  @Test
  void misuseIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> NgramCounts.of(new int[] {3}, 3, 1));
    assertThrows(IllegalArgumentException.class, () -> NgramCounts.of(new int[] {-1}, 3, 1));
    assertThrows(IllegalArgumentException.class, () -> counts.count(A, B, C, A));
    assertThrows(IllegalArgumentException.class, () -> counts.total(A, B, C));
    assertThrows(IllegalArgumentException.class, () -> new NgramModel(counts, 4));
  }

  @Test
  void serializable() throws IOException, ClassNotFoundException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(new NgramModel(counts, 2));
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      assertEquals(19 / 24.0, ((NgramModel) in.readObject()).probability(B, A), 1e-15);
    }
    assertTrue(bytes.size() < 2000);
  }
}
