package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.NativeMemory;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class DistributionsTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  /** The larger vocabulary is worked on a part of the states at a time. */
  @ParameterizedTest
  @ValueSource(ints = {9, 50_257})
  void whatIsMadeOfLogitsIsWhatIsMadeOfLogProbabilities(int vocabulary) {
    GptConfig config =
        ConfigReader.read("", "model { layers = 1, heads = 1, width = 8, context = 40 }", List.of())
            .model();
    int windows = 3;
    int k = 4;
    Random random = new Random(6);
    int[] inputs = random.ints(windows * 40L, 0, vocabulary).toArray();
    int[] golds = random.ints(windows * 40L, 0, vocabulary).toArray();
    int[] tokens = random.ints(windows * 40L * k, 0, vocabulary).toArray();
    Parameters parameters = Parameters.random(ParameterLayout.of(config, vocabulary), 0.5, 4);
    try (Policy policy = new Policy(config, parameters)) {
      int before = NativeMemory.held(policy.manager);
      float[] logProbs = policy.logProbs(windows, Arrays.stream(inputs).asLongStream().toArray());
      Distributions expected = Distributions.of(logProbs, inputs.length);
      try (Distributions kept = policy.distributions(windows, inputs, 2)) {
        int held = NativeMemory.held(policy.manager);
        assertEquals(windows * 40, kept.states());
        assertArrayEquals(logProbs, kept.logProbs(), 1e-5f);
        assertArrayEquals(expected.logProbs(tokens), kept.logProbs(tokens), 1e-5f);
        for (double temperature : new double[] {1, 2}) {
          assertArrayEquals(
              probabilities(expected, temperature, vocabulary),
              probabilities(kept, temperature, vocabulary),
              1e-6f);
        }
        Distributions.Summary wanted = expected.summary(golds);
        Distributions.Summary summary = kept.summary(golds);
        assertArrayEquals(wanted.entropies(), summary.entropies(), 1e-4f);
        assertArrayEquals(wanted.goldLogProbs(), summary.goldLogProbs(), 1e-5);
        assertArrayEquals(wanted.confidences(), summary.confidences(), 1e-6);
        assertArrayEquals(wanted.best(), summary.best());
        assertEquals(held, NativeMemory.held(policy.manager), "what was made is gone");
      }
      assertEquals(before, NativeMemory.held(policy.manager));
    }
  }

  private static float[] probabilities(Distributions of, double temperature, int vocabulary) {
    float[] all = new float[of.states() * vocabulary];
    int[] next = new int[1];
    of.forEach(
        temperature,
        (first, count, probabilities) -> {
          assertEquals(next[0], first);
          System.arraycopy(probabilities, 0, all, first * vocabulary, count * vocabulary);
          next[0] += count;
        });
    assertEquals(of.states(), next[0]);
    return all;
  }
}
