package io.avatarl.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.GptConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * A GPT with fixed weights, which gives log-probabilities to rollouts, evaluation and sampling.
 * Thread-safe.
 */
public final class Policy implements AutoCloseable {
  private final GptConfig config;
  final NDManager manager; // for the test that counts what it holds
  final Gpt gpt;
  private final Optional<Gpt> ownGpt;
  private final Parameters parameters;
  private final Map<String, NDArray> weights;

  /**
   * A policy on the CPU.
   *
   * @param parameters must not change while this policy is in use
   */
  public Policy(GptConfig config, Parameters parameters) {
    this(config, parameters, Device.cpu());
  }

  /**
   * @param parameters must not change while this policy is in use
   * @param device that computes
   */
  public Policy(GptConfig config, Parameters parameters, Device device) {
    this.config = config;
    this.manager = NDManager.newBaseManager(device);
    this.ownGpt = Optional.of(new Gpt(config, manager));
    this.gpt = ownGpt.get();
    this.parameters = parameters;
    this.weights = parameters.tensors(manager);
  }

  /**
   * A policy that shares the model's constants with other versions of the weights.
   *
   * @param gpt must stay open longer than this policy
   */
  public Policy(GptConfig config, Gpt gpt, Parameters parameters) {
    this.config = config;
    this.manager = NDManager.newBaseManager(gpt.device());
    this.ownGpt = Optional.empty();
    this.gpt = gpt;
    this.parameters = parameters;
    this.weights = parameters.tensors(manager);
  }

  public GptConfig config() {
    return config;
  }

  /** The weights, which must not change. */
  public Parameters parameters() {
    return parameters;
  }

  /** Number of tokens, V. */
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
    return logProbs(windows, inputs, 0);
  }

  /**
   * Log-probabilities of every token in the states from position {@code first} on.
   *
   * @return [B·(T − first)·V]
   */
  public float[] logProbs(int windows, long[] inputs, int first) {
    try (NDManager scope = manager.newSubManager()) {
      return logSoftmax(scope, windows, inputs, first).toFloatArray();
    }
  }

  /**
   * Log-probabilities of as many tokens in every state from position {@code first} on.
   *
   * @param windows B
   * @param inputs [B·T], T at most the context
   * @param actions tokens of each state, [B·(T − first)·K]
   * @return [B·(T − first)·K]
   */
  public float[] logProbs(int windows, long[] inputs, int first, int[] actions) {
    try (NDManager scope = manager.newSubManager()) {
      int states = inputs.length / windows - first;
      Shape entries = new Shape(windows, states, actions.length / windows / states);
      return logSoftmax(scope, windows, inputs, first)
          .gather(scope.create(longs(actions), entries), 2)
          .toFloatArray();
    }
  }

  /**
   * The distributions in every state, whose logits stay where they are computed until the result is
   * closed.
   *
   * @param windows B
   * @param inputs [B·T], T at most the context
   * @param atOnce windows that pass through the model at once
   */
  public Distributions distributions(int windows, int[] inputs, int atOnce) {
    int context = inputs.length / windows;
    NDManager scope = manager.newSubManager();
    try {
      List<NDArray> logits = new ArrayList<>();
      for (int from = 0; from < windows; from += atOnce) {
        int to = Math.min(windows, from + atOnce);
        long[] tokens = longs(Arrays.copyOfRange(inputs, from * context, to * context));
        logits.add(
            gpt.logits(weights, scope.create(tokens, new Shape(to - from, context)))
                .reshape((long) (to - from) * context, vocabulary()));
      }
      return new TensorDistributions(logits, scope::close);
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  private NDArray logSoftmax(NDManager scope, int windows, long[] inputs, int first) {
    NDArray tokens = scope.create(inputs, new Shape(windows, inputs.length / windows));
    return gpt.logits(weights, tokens, first).logSoftmax(-1);
  }

  /**
   * How tokens are sampled.
   *
   * @param temperature the logits are divided by it
   * @param topK draws only from this many most probable tokens; 0: from all
   * @param topP draws only from the fewest tokens whose probabilities sum to this; 1: from all
   */
  public record Sampling(double temperature, int topK, double topP) {}

  /**
   * @param tokens [B·K·H], the K continuations of a context one after another
   * @param logProbs of the tokens under the unmodified policy, [B·K·H]
   */
  public record Continuations(int[] tokens, float[] logProbs) {}

  /**
   * K continuations of H tokens for each of B contexts, in one batch with a KV cache: the contexts
   * pass through the model once, then each step feeds one token of every continuation.
   *
   * @param contexts B
   * @param prompts [B·P]; P + H − 1 is at most the model's context
   */
  public Continuations continuations(
      int contexts,
      int[] prompts,
      int samples,
      int horizon,
      Sampling sampling,
      RandomGenerator random) {
    int rows = contexts * samples;
    int[] tokens = new int[rows * horizon];
    float[] chosen = new float[rows * horizon];
    try (KeyValueCache cache = cache(contexts, prompts.length / contexts + horizon - 1)) {
      float[] logProbs = nextLogProbs(cache, contexts, longs(prompts)); // [B·V]
      cache.repeat(samples);
      for (int h = 0; h < horizon; h++) {
        long[] fresh = new long[rows];
        for (int row = 0; row < rows; row++) {
          int from = (h == 0 ? row / samples : row) * vocabulary();
          int token = TokenSampler.token(logProbs, from, vocabulary(), sampling, random);
          tokens[row * horizon + h] = token;
          chosen[row * horizon + h] = logProbs[from + token];
          fresh[row] = token;
        }
        if (h + 1 < horizon) {
          logProbs = nextLogProbs(cache, rows, fresh); // [B·K·V]
        }
      }
    }
    return new Continuations(tokens, chosen);
  }

  /**
   * K continuations of H tokens for each prompt, of any lengths. A prompt's continuations depend
   * only on the prompt, its stream and the weights, not on the other prompts; see {@link
   * PromptContinuations}.
   *
   * @param prompts at least one token each; a prompt's length + H − 1 is at most the context
   * @param temperature the logits are divided by it; 0 takes the most probable token
   * @param streams starts a prompt's stream of random numbers, by the prompt's index
   */
  public Continuations continuations(
      List<int[]> prompts,
      int samples,
      int horizon,
      double temperature,
      IntFunction<RandomGenerator> streams) {
    return new PromptContinuations(this, samples, horizon, temperature).of(prompts, streams);
  }

  /** An empty cache for {@code rows} rows of {@code capacity} tokens. */
  KeyValueCache cache(int rows, int capacity) {
    return new KeyValueCache(config, rows, capacity, manager);
  }

  /** Log-probabilities [rows·V] after each row's new tokens, which follow those in the cache. */
  float[] nextLogProbs(KeyValueCache cache, int rows, long[] fresh) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray tokens = scope.create(fresh, new Shape(rows, fresh.length / rows));
      return gpt.lastLogits(weights, tokens, cache).logSoftmax(-1).toFloatArray();
    }
  }

  private static long[] longs(int[] values) {
    return Arrays.stream(values).asLongStream().toArray();
  }

  /**
   * Continues a prompt, one token at a time. When the context is full, its first half is dropped.
   *
   * @param prompt at least one token
   * @param temperature the logits are divided by it; 0 takes the most probable token
   * @param sink gets each new token and returns whether to continue
   */
  public void generate(
      int[] prompt, int tokens, double temperature, RandomGenerator random, IntPredicate sink) {
    Sampling sampling = new Sampling(temperature, 0, 1);
    int[] history = Arrays.copyOf(prompt, prompt.length + tokens);
    int length = prompt.length;
    int seen = Math.max(0, length - config.context());
    KeyValueCache cache = cache(1, config.context());
    try {
      while (length < history.length) {
        if (cache.length() + length - seen > config.context()) {
          cache.close();
          cache = cache(1, config.context());
          seen = length - Math.max(1, config.context() / 2);
        }
        float[] logProbs = next(cache, history, seen, length);
        seen = length;
        int token = TokenSampler.token(logProbs, 0, vocabulary(), sampling, random);
        history[length++] = token;
        if (!sink.test(token)) {
          return;
        }
      }
    } finally {
      cache.close();
    }
  }

  /**
   * Continues several prompts at once. Each gets exactly the tokens that {@link #generate(int[],
   * int, double, RandomGenerator, IntPredicate)} would give it.
   *
   * <p>PyTorch picks its matrix kernels by the number of rows, and they round differently. A row
   * whose draw is so close that rounding could decide it therefore leaves the batch and is
   * generated alone.
   *
   * @param prompts of one length, at least one token each
   * @param streams starts a prompt's stream of random numbers, by the prompt's index
   * @return for each prompt its new tokens
   */
  public int[][] generate(
      int[][] prompts, int tokens, double temperature, IntFunction<RandomGenerator> streams) {
    int rows = prompts.length;
    int[][] made = new int[rows][];
    boolean[] alone = new boolean[rows];
    if (rows == 1) {
      alone[0] = true;
    } else {
      together(prompts, tokens, temperature, streams, made, alone);
    }
    for (int row = 0; row < rows; row++) {
      if (alone[row]) {
        IntStream.Builder own = IntStream.builder();
        generate(
            prompts[row],
            tokens,
            temperature,
            streams.apply(row),
            token -> {
              own.add(token);
              return true;
            });
        made[row] = own.build().toArray();
      }
    }
    return made;
  }

  /** Fills {@code made}, except for the rows that it marks to be generated alone. */
  private void together(
      int[][] prompts,
      int tokens,
      double temperature,
      IntFunction<RandomGenerator> streams,
      int[][] made,
      boolean[] alone) {
    int rows = prompts.length;
    int prompt = prompts[0].length;
    RandomGenerator[] random = new RandomGenerator[rows];
    int[][] history = new int[rows][];
    for (int row = 0; row < rows; row++) {
      random[row] = streams.apply(row);
      history[row] = Arrays.copyOf(prompts[row], prompt + tokens);
    }
    int seen = Math.max(0, prompt - config.context());
    KeyValueCache cache = cache(rows, config.context());
    try {
      for (int length = prompt; length < prompt + tokens; length++) {
        if (cache.length() + length - seen > config.context()) {
          cache.close();
          cache = cache(rows, config.context());
          seen = length - Math.max(1, config.context() / 2);
        }
        long[] fresh = new long[rows * (length - seen)];
        for (int row = 0; row < rows; row++) {
          for (int t = seen; t < length; t++) {
            fresh[row * (length - seen) + t - seen] = history[row][t];
          }
        }
        float[] logProbs = nextLogProbs(cache, rows, fresh);
        seen = length;
        for (int row = 0; row < rows; row++) {
          double uniform = random[row].nextDouble();
          int from = row * vocabulary();
          history[row][length] =
              TokenSampler.token(
                  logProbs, from, vocabulary(), new Sampling(temperature, 0, 1), uniform);
          alone[row] |= !TokenSampler.isSure(logProbs, from, vocabulary(), temperature, uniform);
        }
      }
    } finally {
      cache.close();
    }
    for (int row = 0; row < rows; row++) {
      made[row] = Arrays.copyOfRange(history[row], prompt, prompt + tokens);
    }
  }

  /**
   * Log-probabilities [V] after tokens [from, to) of the history, which follow those in the cache.
   */
  float[] next(KeyValueCache cache, int[] history, int from, int to) {
    return nextLogProbs(cache, 1, longs(Arrays.copyOfRange(history, from, to)));
  }

  @Override
  public void close() {
    ownGpt.ifPresent(Gpt::close);
    manager.close();
  }
}
