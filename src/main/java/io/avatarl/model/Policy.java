package io.avatarl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.GptConfig;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;

/**
 * A GPT with fixed weights: what rollouts, evaluation and sampling ask for log-probabilities. Safe
 * for use by several threads at once.
 */
public final class Policy implements AutoCloseable {
  private final GptConfig config;
  final NDManager manager; // for the test that counts what it holds
  final Gpt gpt;
  private final Parameters parameters;
  private final Map<String, NDArray> weights;

  /**
   * @param parameters must not change while this policy is in use
   */
  public Policy(GptConfig config, Parameters parameters) {
    this.config = config;
    this.manager = NDManager.newBaseManager();
    this.gpt = new Gpt(config, manager);
    this.parameters = parameters;
    this.weights = parameters.tensors(manager, false);
  }

  public GptConfig config() {
    return config;
  }

  /** V. */
  public int vocabulary() {
    return parameters.layout().parameters().get(0).shape().get(0);
  }

  /**
   * Log-probabilities of every token in every state.
   *
   * @param windows B
   * @param inputs [B·T], T at most the context
   * @return [B·T·V]
   */
  public float[] logProbs(int windows, long[] inputs) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray tokens = scope.create(inputs, new Shape(windows, inputs.length / windows));
      return gpt.logits(weights, tokens).logSoftmax(-1).toFloatArray();
    }
  }

  /**
   * Continues a prompt, one token at a time. When the context is full it goes on with its later
   * half.
   *
   * @param prompt at least one token
   * @param temperature the logits are divided by it; 0 takes the most probable token
   * @param sink gets each new token; false stops
   */
  public void generate(
      int[] prompt, int tokens, double temperature, RandomGenerator random, IntPredicate sink) {
    int[] history = java.util.Arrays.copyOf(prompt, prompt.length + tokens);
    int length = prompt.length;
    int seen = Math.max(0, length - config.context());
    KeyValueCache cache = new KeyValueCache(config.layers(), manager);
    try {
      while (length < history.length) {
        if (cache.length() + length - seen > config.context()) {
          cache.close();
          cache = new KeyValueCache(config.layers(), manager);
          seen = length - Math.max(1, config.context() / 2);
        }
        float[] logits = next(cache, history, seen, length);
        seen = length;
        int token = draw(logits, temperature, random);
        history[length++] = token;
        if (!sink.test(token)) {
          return;
        }
      }
    } finally {
      cache.close();
    }
  }

  /** Logits after tokens [from, to) of the history, which follow those in the cache. */
  float[] next(KeyValueCache cache, int[] history, int from, int to) {
    long[] fresh = new long[to - from];
    for (int i = 0; i < fresh.length; i++) {
      fresh[i] = history[from + i];
    }
    try (NDManager scope = manager.newSubManager()) {
      NDArray logits = gpt.logits(weights, scope.create(fresh, new Shape(1, fresh.length)), cache);
      return logits.get(0, fresh.length - 1).toFloatArray();
    }
  }

  private static int draw(float[] logits, double temperature, RandomGenerator random) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    if (temperature == 0) {
      return best;
    }
    double[] cumulative = new double[logits.length];
    double total = 0;
    for (int i = 0; i < logits.length; i++) {
      total += Math.exp((logits[i] - logits[best]) / temperature);
      cumulative[i] = total;
    }
    double x = random.nextDouble() * total;
    int token = 0;
    while (token < logits.length - 1 && cumulative[token] <= x) {
      token++;
    }
    return token;
  }

  @Override
  public void close() {
    gpt.close();
    manager.close();
  }
}
