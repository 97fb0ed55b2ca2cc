package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.NativeMemory;
import io.avatarl.ReferenceValues;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class PolicyTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  private static int argmax(float[] values, int from, int length) {
    int best = 0;
    for (int i = 1; i < length; i++) {
      if (values[from + i] > values[from + best]) {
        best = i;
      }
    }
    return best;
  }

  private static int[] generate(
      Policy policy, int[] prompt, int tokens, double temperature, long seed) {
    List<Integer> generated = new ArrayList<>();
    policy.generate(prompt, tokens, temperature, new Random(seed), generated::add);
    return generated.stream().mapToInt(Integer::intValue).toArray();
  }

  /** The log-softmax of the reference's logits. */
  private static double[] logProbs(ReferenceGpt reference) {
    double[] expected = ReferenceValues.doubles(reference.json().get("logits"));
    int vocabulary = reference.vocabulary();
    for (int from = 0; from < expected.length; from += vocabulary) {
      double total = 0;
      for (int i = from; i < from + vocabulary; i++) {
        total += Math.exp(expected[i]);
      }
      for (int i = from; i < from + vocabulary; i++) {
        expected[i] -= Math.log(total);
      }
    }
    return expected;
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void logProbsAreTheLogSoftmaxOfTheLogits(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    double[] expected = logProbs(reference);
    int vocabulary = reference.vocabulary();
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      assertEquals(vocabulary, policy.vocabulary());
      float[] actual =
          policy.logProbs(reference.windows(), ReferenceValues.longs(reference.tokens()));
      ReferenceValues.assertClose("log-probabilities", expected, actual, 2e-5);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void cachedLogProbsAreThoseOfTheFullForward(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    double[] full = logProbs(reference);
    int context = reference.config().context();
    int vocabulary = reference.vocabulary();
    int[][] chunkings = {{1, 1, 1, 1, 1, 1, 1, 1}, {3, 1, 4}, {2, 2, 2, 2}, {7, 1}, {1, 7}, {8}};
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      for (int[] chunks : chunkings) {
        for (int window = 0; window < reference.windows(); window++) {
          int[] history =
              Arrays.copyOfRange(reference.tokens(), window * context, (window + 1) * context);
          try (KeyValueCache cache =
              new KeyValueCache(
                  reference.config(), 1, reference.config().context(), policy.manager)) {
            int seen = 0;
            for (int chunk : chunks) {
              float[] logProbs = policy.next(cache, history, seen, seen + chunk);
              seen += chunk;
              assertEquals(seen, cache.length());
              int at = (window * context + seen - 1) * vocabulary;
              ReferenceValues.assertClose(
                  Arrays.toString(chunks) + " at " + seen,
                  Arrays.copyOfRange(full, at, at + vocabulary),
                  logProbs,
                  1e-5);
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void temperatureZeroTakesTheMostProbableTokenAndGoesOnPastTheContext(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    int context = reference.config().context();
    int vocabulary = reference.vocabulary();
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      for (int promptLength : new int[] {1, 3, context, context + 5}) {
        int[] prompt = Arrays.copyOf(reference.tokens(), promptLength);
        int[] generated = generate(policy, prompt, 30, 0, 1);
        assertEquals(30, generated.length);
        int[] history = Arrays.copyOf(prompt, promptLength + 30);
        int start = Math.max(0, promptLength - context);
        for (int length = promptLength; length < history.length; length++) {
          if (length - start > context) {
            start = length - context / 2;
          }
          int[] state = Arrays.copyOfRange(history, start, length);
          float[] logProbs = policy.logProbs(1, ReferenceValues.longs(state));
          int expected = argmax(logProbs, (state.length - 1) * vocabulary, vocabulary);
          assertEquals(expected, generated[length - promptLength], "token " + length);
          history[length] = expected;
        }
        assertArrayEquals(generated, generate(policy, prompt, 30, 0, 2), "whatever the seed");
      }
    }
  }

  @Test
  void theSeedDecidesWhatIsSampled() {
    ReferenceGpt reference = ReferenceGpt.read("gpt_avatarl");
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      int[] prompt = {1, 2};
      int[] first = generate(policy, prompt, 40, 1, 7);
      assertArrayEquals(first, generate(policy, prompt, 40, 1, 7));
      assertFalse(Arrays.equals(first, generate(policy, prompt, 40, 1, 8)));
    }
  }

  @Test
  void sampledTokensComeAsOftenAsTheirProbabilitySays() {
    ReferenceGpt reference = ReferenceGpt.read("gpt_gpt2");
    int vocabulary = reference.vocabulary();
    double temperature = 1.7;
    int draws = 4000;
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      float[] logProbs = policy.logProbs(1, new long[] {4});
      double[] probabilities = new double[vocabulary];
      double total = 0;
      for (int v = 0; v < vocabulary; v++) {
        probabilities[v] = Math.exp(logProbs[v] / temperature);
        total += probabilities[v];
      }
      int[] counts = new int[vocabulary];
      Random random = new Random(3);
      for (int i = 0; i < draws; i++) {
        policy.generate(new int[] {4}, 1, temperature, random, token -> ++counts[token] > 0);
      }
      for (int v = 0; v < vocabulary; v++) {
        double p = probabilities[v] / total;
        double deviation = Math.sqrt(draws * p * (1 - p));
        assertEquals(draws * p, counts[v], 4.5 * deviation + 1, "token " + v);
      }
    }
  }

  @Test
  void theSinkStopsTheGeneration() {
    ReferenceGpt reference = ReferenceGpt.read("gpt_mixed");
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      int[] count = new int[1];
      policy.generate(new int[] {0}, 20, 1, new Random(1), token -> ++count[0] < 5);
      assertEquals(5, count[0]);
    }
  }

  @Test
  void contextOfOneTokenGenerates() {
    GptConfig config =
        new GptConfig(
            1,
            1,
            4,
            1,
            GptConfig.Norm.RMS,
            GptConfig.Positions.ROTARY,
            GptConfig.Activation.RELU2,
            true,
            true,
            false,
            true,
            0.5,
            GptConfig.Precision.FLOAT32);
    Parameters parameters = Parameters.random(ParameterLayout.of(config, 5), 0.5, 1);
    try (Policy policy = new Policy(config, parameters)) {
      int[] generated = generate(policy, new int[] {3, 2}, 6, 0, 1);
      int token = 2;
      for (int next : generated) {
        token = argmax(policy.logProbs(1, new long[] {token}), 0, 5);
        assertEquals(token, next);
      }
    }
  }

  @Test
  void fourThreadsGetTheBitsOfOne() throws Exception {
    ReferenceGpt reference = ReferenceGpt.read("gpt_avatarl");
    long[] tokens = ReferenceValues.longs(reference.tokens());
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      float[] logProbs = policy.logProbs(reference.windows(), tokens);
      int[] generated = generate(policy, new int[] {1}, 20, 1, 5);
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        tasks.add(
            () -> {
              assertArrayEquals(logProbs, policy.logProbs(reference.windows(), tokens));
              assertArrayEquals(generated, generate(policy, new int[] {1}, 20, 1, 5));
              return null;
            });
      }
      for (Future<Void> task : threads.invokeAll(tasks)) {
        task.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void nothingStaysBehindInTheManager(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    long[] tokens = ReferenceValues.longs(reference.tokens());
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      int before = NativeMemory.held(policy.manager);
      int constants = NativeMemory.held(policy.gpt.constants);
      assertTrue(before > 0 && constants > 0);
      for (int i = 0; i < 100; i++) {
        policy.logProbs(reference.windows(), tokens);
        policy.logProbs(1, new long[] {1, 2, 3});
      }
      generate(policy, new int[] {1, 2}, 50, 1, 1);
      assertEquals(before, NativeMemory.held(policy.manager));
      assertEquals(constants, NativeMemory.held(policy.gpt.constants));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void continuationsKeepTheLogProbabilitiesOfTheFullForward(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    int vocabulary = reference.vocabulary();
    int contexts = 3;
    int samples = 4;
    // The last is as long as fits: the last token drawn is not fed.
    for (int[] lengths : new int[][] {{1, 1}, {3, 4}, {5, 4}, {8, 1}}) {
      int prompt = lengths[0];
      int horizon = lengths[1];
      int[] prompts = new int[contexts * prompt];
      for (int b = 0; b < contexts; b++) {
        System.arraycopy(
            reference.tokens(), b * reference.config().context(), prompts, b * prompt, prompt);
      }
      try (Policy policy = new Policy(reference.config(), reference.parameters())) {
        int before = NativeMemory.held(policy.manager);
        Policy.Continuations drawn =
            policy.continuations(
                contexts,
                prompts,
                samples,
                horizon,
                new Policy.Sampling(1.2, 6, 0.95),
                new Random(4));
        assertEquals(before, NativeMemory.held(policy.manager));
        assertEquals(contexts * samples * horizon, drawn.tokens().length);
        for (int row = 0; row < contexts * samples; row++) {
          int[] state = new int[prompt + horizon - 1];
          System.arraycopy(prompts, row / samples * prompt, state, 0, prompt);
          System.arraycopy(drawn.tokens(), row * horizon, state, prompt, horizon - 1);
          float[] full = policy.logProbs(1, ReferenceValues.longs(state));
          for (int h = 0; h < horizon; h++) {
            int token = drawn.tokens()[row * horizon + h];
            assertEquals(
                full[(prompt - 1 + h) * vocabulary + token],
                drawn.logProbs()[row * horizon + h],
                1e-4,
                "row " + row + ", token " + h);
          }
        }
      }
    }
  }

  @Test
  void greedyContinuationsAreTheGeneratorsOwn() {
    ReferenceGpt reference = ReferenceGpt.read("gpt_avatarl");
    int[] prompts = Arrays.copyOf(reference.tokens(), 6);
    try (Policy policy = new Policy(reference.config(), reference.parameters())) {
      Policy.Continuations drawn =
          policy.continuations(2, prompts, 3, 4, new Policy.Sampling(1e-6, 0, 1), new Random(1));
      for (int row = 0; row < 6; row++) {
        int[] prompt = Arrays.copyOfRange(prompts, row / 3 * 3, row / 3 * 3 + 3);
        assertArrayEquals(
            generate(policy, prompt, 4, 0, 1),
            Arrays.copyOfRange(drawn.tokens(), row * 4, row * 4 + 4));
      }
    }
  }

  /** Each token by a forward pass over the state alone, with the streams of the prompts. */
  private static int[] withoutACache(
      Policy policy, int[] prompt, int samples, int horizon, double temperature, Random random) {
    int[][] states = new int[samples][];
    Arrays.setAll(states, k -> Arrays.copyOf(prompt, prompt.length + horizon));
    for (int h = 0; h < horizon; h++) {
      int length = prompt.length + h;
      for (int[] state : states) {
        double uniform = temperature == 0 ? 0 : random.nextDouble();
        float[] logProbs =
            policy.logProbs(1, ReferenceValues.longs(Arrays.copyOf(state, length)), length - 1);
        state[length] =
            TokenSampler.token(
                logProbs, 0, policy.vocabulary(), new Policy.Sampling(temperature, 0, 1), uniform);
      }
    }
    return Arrays.stream(states)
        .flatMapToInt(state -> Arrays.stream(state, prompt.length, state.length))
        .toArray();
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1})
  void continuationsOfPromptsAreThoseOfThePathWithoutACache(double temperature) {
    GptConfig config =
        ConfigReader.read(
                "", "model { layers = 2, heads = 2, width = 32, context = 24 }", List.of())
            .model();
    int vocabulary = 65;
    int samples = 5;
    int horizon = 9;
    Random random = new Random(2);
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      int length = i % 3 == 0 ? 7 : 1 + random.nextInt(16);
      prompts.add(random.ints(length, 0, vocabulary).toArray());
    }
    int made = samples * horizon;
    try (Policy policy =
        new Policy(config, Parameters.random(ParameterLayout.of(config, vocabulary), 0.3, 5))) {
      int before = NativeMemory.held(policy.manager);
      Policy.Continuations together =
          policy.continuations(prompts, samples, horizon, temperature, Random::new);
      assertEquals(before, NativeMemory.held(policy.manager));
      for (int i = 0; i < prompts.size(); i++) {
        int[] prompt = prompts.get(i);
        int[] tokens = Arrays.copyOfRange(together.tokens(), i * made, (i + 1) * made);
        assertArrayEquals(
            withoutACache(policy, prompt, samples, horizon, temperature, new Random(i)), tokens);
        for (int k = 0; k < samples; k++) {
          int[] state = Arrays.copyOf(prompt, prompt.length + horizon - 1);
          System.arraycopy(tokens, k * horizon, state, prompt.length, horizon - 1);
          float[] all = policy.logProbs(1, ReferenceValues.longs(state));
          for (int h = 0; h < horizon; h++) {
            assertEquals(
                all[(prompt.length - 1 + h) * vocabulary + tokens[k * horizon + h]],
                together.logProbs()[i * made + k * horizon + h],
                2e-5);
          }
        }
      }
      // Any partitioning: alone, or with others in another order, the same bits.
      int[] order = {3, 60, 0, 33, 34, 35, 5};
      Policy.Continuations others =
          policy.continuations(
              Arrays.stream(order).mapToObj(prompts::get).toList(),
              samples,
              horizon,
              temperature,
              i -> new Random(order[i]));
      for (int j = 0; j < order.length; j++) {
        int from = order[j] * made;
        assertArrayEquals(
            Arrays.copyOfRange(together.tokens(), from, from + made),
            Arrays.copyOfRange(others.tokens(), j * made, (j + 1) * made));
        assertArrayEquals(
            Arrays.copyOfRange(together.logProbs(), from, from + made),
            Arrays.copyOfRange(others.logProbs(), j * made, (j + 1) * made));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2"})
  void theCacheHoldsTwoArraysPerLayer(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    try (Policy policy = new Policy(reference.config(), reference.parameters());
        KeyValueCache cache =
            new KeyValueCache(
                reference.config(), 1, reference.config().context(), policy.manager)) {
      for (int t = 0; t < reference.config().context(); t++) {
        policy.next(cache, reference.tokens(), t, t + 1);
        assertEquals(2 * reference.config().layers(), cache.manager.getManagedArrays().size());
      }
    }
  }
}
