package io.avatarl.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Windows;
import io.avatarl.learner.Learner;
import io.avatarl.learner.Minibatch;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.yardstick.CrossEntropyTraining;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;

/** The benchmarks that need no Spark. */
public final class Benchmarks {
  private static final int MATRIX = 1024;
  private static final int COPIED_FLOATS = 1 << 24;

  private Benchmarks() {}

  /**
   * (a) Forward, backward and optimizer on the groups of one step, made once by the untrained
   * policy. Units: groups (for continuations: tokens).
   */
  public static Benchmark learner(TrainingConfig config, Corpus corpus) {
    return learner(config, corpus, Device.cpu());
  }

  /** The same on a device. */
  static Benchmark learner(TrainingConfig config, Corpus corpus, Device device) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    Parameters parameters = initial(config, corpus);
    List<Minibatch> minibatches;
    try (Policy policy = new Policy(config.model(), parameters, device)) {
      LocalRollouts rollouts = new LocalRollouts(config, corpus);
      List<RolloutShard> shards = new ArrayList<>();
      for (int shard = 0; shard < config.shardsPerStep(); shard++) {
        shards.add(rollouts.shard(policy, 0, shard, config.windowsInShard(shard)));
      }
      minibatches = Minibatch.of(shards, config.learner().updatesPerStep());
    }
    Learner learner =
        new Learner(config.learner(), config.model(), parameters, Long.MAX_VALUE, device);
    return Benchmark.repeating(
        () -> {
          minibatches.forEach(learner::update);
          return (long) minibatches.stream().mapToInt(Minibatch::groups).sum();
        },
        learner::close);
  }

  /** (c) See {@link PlainDjl}. */
  public static Benchmark plainDjl(TrainingConfig config, Corpus corpus) {
    return new PlainDjl(
        config,
        corpus,
        initial(config, corpus),
        config.learner().slices() * config.nativeThreads());
  }

  /**
   * Cross-entropy training with this project's own learner. Units: tokens, each of which is a
   * state.
   */
  public static Benchmark crossEntropy(TrainingConfig config, Corpus corpus) {
    CrossEntropyTraining loop = new CrossEntropyTraining(config, corpus);
    AtomicLong step = new AtomicLong();
    return Benchmark.repeating(
        () -> {
          loop.step(step.getAndIncrement());
          return (long) config.windowsPerStep() * config.model().context();
        },
        loop::close);
  }

  /**
   * (e) States scored by one forward pass per action, with as many threads as the learner has
   * slices; each repetition takes states of all lengths from 1 to T − 1. Units: groups.
   */
  public static Benchmark oneForwardPerAction(TrainingConfig config, Corpus corpus) {
    int longest = config.model().context() - 1;
    AtomicLong next = new AtomicLong();
    return inParallel(
        config,
        corpus,
        policy -> {
          long n = next.getAndIncrement();
          // A stride that reaches every length and alternates between long and short ones.
          int length = (int) (n * 37 % longest) + 1;
          int[] window =
              Windows.draw(corpus.train(), config.model().context(), 1, config.seed(), n, 0, 1);
          OneForwardPerAction.logProbs(policy, Arrays.copyOf(window, length));
          return 1;
        });
  }

  /**
   * The most favourable reading of (e): all states of a window, by one pass of the window per
   * action.
   */
  public static Benchmark windowPerAction(TrainingConfig config, Corpus corpus) {
    int context = config.model().context();
    AtomicLong next = new AtomicLong();
    return inParallel(
        config,
        corpus,
        policy -> {
          int[] window =
              Windows.draw(corpus.train(), context, 1, config.seed(), next.getAndIncrement(), 0, 1);
          OneForwardPerAction.windowLogProbs(policy, Arrays.copyOf(window, context));
          return context;
        });
  }

  private interface Scoring {
    int groups(Policy policy);
  }

  private static Benchmark inParallel(TrainingConfig config, Corpus corpus, Scoring scoring) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    Policy policy = new Policy(config.model(), initial(config, corpus));
    Threads threads = new Threads(config.learner().slices());
    return Benchmark.repeating(
        () -> threads.sum(thread -> () -> (long) scoring.groups(policy)),
        () -> {
          threads.close();
          policy.close();
        });
  }

  /**
   * The full cost of a group on one thread and without Spark: a minibatch's rollouts, then its
   * update. Units: groups.
   */
  public static Benchmark rolloutAndUpdate(TrainingConfig config, Corpus corpus) {
    return rolloutAndUpdate(config, corpus, Device.cpu());
  }

  /** The same on a device. */
  static Benchmark rolloutAndUpdate(TrainingConfig config, Corpus corpus, Device device) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    Parameters parameters = initial(config, corpus);
    Policy policy = new Policy(config.model(), parameters, device);
    LocalRollouts rollouts = new LocalRollouts(config, corpus);
    Learner learner =
        new Learner(config.learner(), config.model(), parameters, Long.MAX_VALUE, device);
    AtomicLong step = new AtomicLong();
    int windows = config.rollout().windowsPerUpdate();
    return Benchmark.repeating(
        () -> {
          RolloutShard shard = rollouts.shard(policy, step.getAndIncrement(), 0, windows);
          learner.update(Minibatch.of(List.of(shard), 1).get(0));
          return (long) windows * config.model().context();
        },
        () -> {
          learner.close();
          policy.close();
        });
  }

  /** What of a group comes back to a driver that learns. */
  static long bytesPerGroup(TrainingConfig config, Corpus corpus) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    try (Policy policy = new Policy(config.model(), initial(config, corpus))) {
      RolloutShard shard = new LocalRollouts(config, corpus).shard(policy, 0, 0, 1);
      return shard.bytes() / shard.groups().count();
    }
  }

  /**
   * K continuations of H tokens for each of some contexts, on one thread. Units: tokens drawn.
   *
   * @param contexts prompts of T − H + 1 tokens
   */
  public static Benchmark continuations(
      TrainingConfig config, Corpus corpus, int contexts, int samples, int horizon) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    Policy policy = new Policy(config.model(), initial(config, corpus));
    int prompt = config.model().context() - horizon + 1;
    AtomicLong step = new AtomicLong();
    return Benchmark.repeating(
        () -> {
          long n = step.getAndIncrement();
          int[] prompts =
              Windows.draw(corpus.train(), prompt - 1, contexts, config.seed(), n, 0, 1);
          policy.continuations(
              contexts,
              prompts,
              samples,
              horizon,
              new Policy.Sampling(1, 0, 1),
              RandomStream.of(config.seed(), n, 0, RandomStream.Purpose.EXPLORATION));
          return (long) contexts * samples * horizon;
        },
        policy::close);
  }

  /**
   * Peak speed of this machine's processor: matrix products of 1024 × 1024 floats, one for each of
   * the learner's slices. Units: floating-point operations.
   */
  public static Benchmark matrixProducts(TrainingConfig config) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    NDManager manager = NDManager.newBaseManager();
    float[] random = new float[MATRIX * MATRIX];
    Random stream = new Random(1);
    for (int i = 0; i < random.length; i++) {
      random[i] = stream.nextFloat() - 0.5f;
    }
    NDArray matrix = manager.create(random, new Shape(MATRIX, MATRIX));
    Threads pool = new Threads(config.learner().slices());
    return Benchmark.repeating(
        () ->
            pool.sum(
                thread ->
                    () -> {
                      try (NDManager scope = manager.newSubManager()) {
                        NDArray product = matrix.matMul(matrix);
                        product.attach(scope);
                      }
                      return 2L * MATRIX * MATRIX * MATRIX;
                    }),
        () -> {
          pool.close();
          manager.close();
        });
  }

  /** Peak speed of its memory: copies of 64 MiB. Units: bytes read and written. */
  public static Benchmark memoryCopies(TrainingConfig config) {
    int threads = config.learner().slices() * config.nativeThreads();
    float[][] from = new float[threads][COPIED_FLOATS];
    float[][] to = new float[threads][COPIED_FLOATS];
    Threads pool = new Threads(threads);
    return Benchmark.repeating(
        () ->
            pool.sum(
                thread ->
                    () -> {
                      System.arraycopy(from[thread], 0, to[thread], 0, COPIED_FLOATS);
                      return 2L * Float.BYTES * COPIED_FLOATS;
                    }),
        pool::close);
  }

  private static Parameters initial(TrainingConfig config, Corpus corpus) {
    return Parameters.initial(
        config, ParameterLayout.of(config.model(), corpus.tokenizer().vocabularySize()));
  }

  /** A fixed number of threads that each run one task at the same time. */
  private static final class Threads implements AutoCloseable {
    private final int count;
    private final ExecutorService pool;

    Threads(int count) {
      this.count = count;
      this.pool =
          Executors.newFixedThreadPool(
              count,
              task -> {
                Thread thread = new Thread(task, "bench");
                thread.setDaemon(true);
                return thread;
              });
    }

    /** Runs one task per thread and returns the sum of their results. */
    long sum(IntFunction<Callable<Long>> tasks) {
      List<Future<Long>> running = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        running.add(pool.submit(tasks.apply(i)));
      }
      long sum = 0;
      try {
        for (Future<Long> task : running) {
          sum += task.get();
        }
      } catch (InterruptedException | ExecutionException e) {
        throw new IllegalStateException(e);
      }
      return sum;
    }

    @Override
    public void close() {
      pool.shutdown();
    }
  }
}
