package io.avatarl.learner;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.avatarl.config.GptConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/**
 * Turns grouped advantages into policy updates: one forward and backward pass of {@link PolicyLoss}
 * per minibatch, then one optimizer step. A minibatch is cut into a configured number of slices;
 * their gradients are computed in parallel, one thread each, and added in slice order.
 */
public final class Learner implements AutoCloseable {
  private final LearnerConfig config;
  final LossGradient lossGradient; // for the test that counts what it holds
  private final Parameters parameters;
  private final float[] values;
  private float[] gradient = new float[0];
  private final float[][] sliceGradients;
  private float[] spareGradient; // of minibatches in several parts
  private final Optimizer optimizer;
  private final LearningRate learningRate;
  private final KlWeight klWeight;
  private final ExecutorService threads;
  private final Ranges ranges;
  private long updates;
  private float[][] marked; // values and moments
  private long markedUpdates;

  /** A learner on the CPU. */
  public Learner(
      LearnerConfig config, GptConfig model, Parameters parameters, long plannedUpdates) {
    this(config, model, parameters, plannedUpdates, Device.cpu());
  }

  /**
   * @param parameters initial values; updated in place
   * @param plannedUpdates updates of the whole run, for the learning-rate schedule
   * @param device that computes gradients; the optimizer's step is on the CPU
   */
  public Learner(
      LearnerConfig config,
      GptConfig model,
      Parameters parameters,
      long plannedUpdates,
      Device device) {
    this(config, parameters, plannedUpdates, new LossGradient(config, model, device));
  }

  /**
   * A learner with another objective than {@link PolicyLoss}. Training cannot reach this: only the
   * room {@code yardstick} may call it.
   *
   * @param objective created with a manager that outlives every backward pass
   */
  public static Learner minimising(
      Function<NDManager, Objective> objective,
      LearnerConfig config,
      GptConfig model,
      Parameters parameters,
      long plannedUpdates) {
    return new Learner(
        config,
        parameters,
        plannedUpdates,
        new LossGradient(config, model, Device.cpu(), objective));
  }

  private Learner(
      LearnerConfig config, Parameters parameters, long plannedUpdates, LossGradient lossGradient) {
    ParameterLayout layout = parameters.layout();
    this.config = config;
    this.lossGradient = lossGradient;
    this.parameters = parameters;
    this.values = parameters.toArray();
    this.sliceGradients = new float[config.slices()][];
    this.learningRate = new LearningRate(config.optimizer(), plannedUpdates);
    this.klWeight = new KlWeight(config.kl());
    this.threads =
        Executors.newFixedThreadPool(
            config.slices(),
            task -> {
              Thread thread = new Thread(task, "learner");
              thread.setDaemon(true);
              return thread;
            });
    this.ranges = new Ranges(threads, config.slices());
    this.optimizer = Optimizer.of(layout, config.optimizer(), ranges);
  }

  /** The parameters being trained. */
  public Parameters parameters() {
    return parameters;
  }

  /** Updates done so far. */
  public long updates() {
    return updates;
  }

  /** The optimizer's moments, for a checkpoint: [2][layout.length()], shared. */
  public float[][] moments() {
    return new float[][] {optimizer.firstMoment(), optimizer.secondMoment()};
  }

  /** Continues after {@code updates} updates, with the moments they left. */
  public void resume(long updates, float[][] moments) {
    this.updates = updates;
    System.arraycopy(moments[0], 0, optimizer.firstMoment(), 0, moments[0].length);
    System.arraycopy(moments[1], 0, optimizer.secondMoment(), 0, moments[1].length);
    parameters.values().get(0, values);
  }

  /** Saves weights and moments for {@link #rewind()}. */
  public void mark() {
    if (marked == null) {
      marked = new float[3][values.length];
    }
    float[][] now = {values, optimizer.firstMoment(), optimizer.secondMoment()};
    for (int i = 0; i < now.length; i++) {
      System.arraycopy(now[i], 0, marked[i], 0, values.length);
    }
    markedUpdates = updates;
  }

  /** Undoes the updates since the last {@link #mark()}. */
  public void rewind() {
    parameters.set(marked[0]);
    resume(markedUpdates, new float[][] {marked[1], marked[2]});
  }

  /** The weight of the KL term in the next update. */
  public double nextKlWeight() {
    return klWeight.at(updates);
  }

  /** The weight of the KL term, with its controller. */
  public KlWeight klWeight() {
    return klWeight;
  }

  /** One update on one minibatch. */
  public UpdateMetrics update(Minibatch minibatch) {
    return update(List.of(minibatch));
  }

  /**
   * One update on a minibatch with rows of different lengths.
   *
   * @param parts at least one, each with rows of one shape; their gradients are added in this order
   */
  public UpdateMetrics update(List<Minibatch> parts) {
    long start = System.nanoTime();
    int groups = parts.stream().mapToInt(Minibatch::groups).sum();
    LossSums sums = LossSums.NONE;
    for (int i = 0; i < parts.size(); i++) {
      sums = sums.plus(gradients(parts.get(i), groups, i > 0));
    }
    return step(sums, groups, start);
  }

  /**
   * One update from gradients that were computed elsewhere.
   *
   * @param parts gradients of the minibatch's parts, [layout.length()] each; all others are added
   *     to the first, in this order
   * @param sums over all parts
   * @param groups of all parts
   */
  public UpdateMetrics update(List<float[]> parts, LossSums sums, int groups) {
    long start = System.nanoTime();
    gradient = parts.get(0);
    add(gradient, parts.subList(1, parts.size()));
    return step(sums, groups, start);
  }

  /** Clips {@link #gradient()} and does one optimizer step. */
  private UpdateMetrics step(LossSums sums, double groups, long start) {
    double norm = norm(gradient);
    List<String> diverged = sums.notFinite();
    if (!Double.isFinite(norm)) {
      diverged.add("gradient");
    }
    if (!diverged.isEmpty()) {
      throw new DivergedException(updates + 1, diverged, sums.loss() / groups, norm);
    }
    double scale = clipScale(norm, config.optimizer().clipNorm());
    double rate = learningRate.at(updates);
    optimizer.step(updates + 1, rate, values, gradient, (float) scale);
    if (!finite(values)) {
      parameters.values().get(0, values);
      throw new DivergedException(updates + 1, List.of("parameters"), sums.loss() / groups, norm);
    }
    updates++;
    parameters.set(values);
    return new UpdateMetrics(
        updates,
        sums.loss() / groups,
        norm,
        rate,
        sums.clipFraction() / groups,
        sums.kl() / groups,
        sums.referenceKl() / groups,
        klWeight.at(updates - 1),
        (System.nanoTime() - start) / 1e9);
  }

  /** The last minibatch's gradient, [layout.length()], shared; before clipping. */
  float[] gradient() {
    return gradient;
  }

  /** Fills {@link #gradient()} with the gradient of the minibatch's mean loss. */
  LossSums gradients(Minibatch minibatch) {
    return gradients(minibatch, minibatch.groups(), false);
  }

  /**
   * @param groups number of groups over which the loss is a mean
   * @param more whether {@link #gradient()} has parts of the minibatch already
   */
  private LossSums gradients(Minibatch minibatch, int groups, boolean more) {
    if (more && gradient == sliceGradients[0]) { // what is added to must not be written to
      sliceGradients[0] = spareGradient;
      spareGradient = gradient;
    }
    int slices = Math.min(config.slices(), minibatch.windows());
    List<Future<LossSums>> running = new ArrayList<>();
    for (int i = 0; i < slices; i++) {
      int slice = i;
      int from = (int) ((long) minibatch.windows() * i / slices);
      int to = (int) ((long) minibatch.windows() * (i + 1) / slices);
      running.add(threads.submit(() -> gradient(minibatch.slice(from, to), groups, slice)));
    }
    LossSums total = LossSums.NONE;
    RuntimeException failure = null;
    for (Future<LossSums> slice : running) {
      try {
        total = total.plus(get(slice));
      } catch (RuntimeException e) {
        // Wait for the others: they still use native memory that close() frees.
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
    List<float[]> parts = Arrays.asList(sliceGradients).subList(0, slices);
    if (more) {
      add(gradient, parts);
    } else {
      add(parts);
    }
    return total;
  }

  /**
   * Makes {@link #gradient()} the sum of the parts; all others are added to the first, in order.
   */
  private void add(List<float[]> parts) {
    gradient = parts.get(0);
    add(gradient, parts.subList(1, parts.size()));
  }

  private void add(float[] target, List<float[]> others) {
    ranges.run(
        target.length,
        (from, to) -> {
          for (float[] other : others) {
            add(target, other, from, to);
          }
        });
  }

  // A separate method, so that the JIT vectorizes the loop.
  private static void add(float[] target, float[] other, int from, int to) {
    for (int j = from; j < to; j++) {
      target[j] += other[j];
    }
  }

  private LossSums gradient(Minibatch slice, int minibatchGroups, int index) {
    if (sliceGradients[index] == null) { // never needed if others differentiate
      sliceGradients[index] = new float[values.length];
    }
    try (LossGradient.Forward forward =
        lossGradient.forward(parameters, slice.windows(), slice.inputs(), slice.first())) {
      return forward.backward(slice, minibatchGroups, nextKlWeight(), sliceGradients[index]);
    }
  }

  /**
   * The factor by which clipping to the global norm multiplies the gradient.
   *
   * @param largest largest norm; 0: no clipping
   */
  static double clipScale(double norm, double largest) {
    // torch.nn.utils.clip_grad_norm_ divides by norm + 1e-6.
    return largest > 0 ? Math.min(1, largest / (norm + 1e-6)) : 1;
  }

  /** The Euclidean norm, with four sums so that additions do not wait for each other. */
  static double norm(float[] gradient) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i + 3 < gradient.length; i += 4) {
      a += (double) gradient[i] * gradient[i];
      b += (double) gradient[i + 1] * gradient[i + 1];
      c += (double) gradient[i + 2] * gradient[i + 2];
      d += (double) gradient[i + 3] * gradient[i + 3];
    }
    for (; i < gradient.length; i++) {
      a += (double) gradient[i] * gradient[i];
    }
    return Math.sqrt(a + b + c + d);
  }

  /**
   * Whether no value is infinite or NaN. Works on the bits, because the JIT vectorizes an integer
   * maximum but not a sum of floats.
   */
  private static boolean finite(float[] values) {
    int largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Float.floatToRawIntBits(value) & Integer.MAX_VALUE);
    }
    return largest < Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
  }

  /** Waits for a slice, which takes milliseconds; keeps an interruption for later. */
  static <T> T get(Future<T> future) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    threads.shutdown();
    lossGradient.close();
  }
}
