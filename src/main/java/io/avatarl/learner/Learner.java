package io.avatarl.learner;

import ai.djl.Device;
import io.avatarl.config.GptConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Turns grouped advantages into policy updates: one forward and backward pass of {@link PolicyLoss}
 * per minibatch, then one optimizer step. A minibatch is cut into a configured number of slices;
 * their gradients are computed in parallel, one thread each, and added in slice order.
 */
public final class Learner implements AutoCloseable {
  private final LearnerConfig config;
  final LossGradient lossGradient; // for the test that counts what it holds
  private final ParameterLayout layout;
  final ModelState state; // likewise
  private final LearningRate learningRate;
  private final KlWeight klWeight;
  private final ExecutorService threads;
  private long updates;
  private long markedUpdates;

  /** A learner on the CPU. */
  public Learner(
      LearnerConfig config, GptConfig model, Parameters parameters, long plannedUpdates) {
    this(config, model, parameters, plannedUpdates, Device.cpu());
  }

  /**
   * @param parameters initial values; changed by updates, and up to date after {@link
   *     #parameters()}
   * @param plannedUpdates updates of the whole run, for the learning-rate schedule
   * @param device that computes; if it is a GPU, weights, gradients and moments stay on it
   */
  public Learner(
      LearnerConfig config,
      GptConfig model,
      Parameters parameters,
      long plannedUpdates,
      Device device) {
    this(
        config,
        parameters,
        plannedUpdates,
        new LossGradient(config, model, device),
        device.isGpu() ? Optional.of(device) : Optional.empty());
  }

  /** A learner whose weights, gradients and moments stay on the device, of any kind. */
  static Learner onDevice(
      LearnerConfig config,
      GptConfig model,
      Parameters parameters,
      long plannedUpdates,
      Device device) {
    LossGradient lossGradient = new LossGradient(config, model, device);
    return new Learner(config, parameters, plannedUpdates, lossGradient, Optional.of(device));
  }

  /**
   * A learner with another objective than {@link PolicyLoss}. Training cannot reach this: only the
   * room {@code yardstick} may call it.
   */
  public static Learner minimising(
      Objective objective,
      LearnerConfig config,
      GptConfig model,
      Parameters parameters,
      long plannedUpdates) {
    return new Learner(
        config,
        parameters,
        plannedUpdates,
        new LossGradient(config, model, Device.cpu(), objective),
        Optional.empty());
  }

  /**
   * @param stateOn where weights, gradients and moments live; empty: in Java's memory
   */
  private Learner(
      LearnerConfig config,
      Parameters parameters,
      long plannedUpdates,
      LossGradient lossGradient,
      Optional<Device> stateOn) {
    this.config = config;
    this.layout = parameters.layout();
    this.lossGradient = lossGradient;
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
    int slices = config.slices();
    this.state =
        stateOn.isPresent()
            ? new DeviceState(parameters, config.optimizer(), slices, stateOn.get())
            : new HostState(parameters, config.optimizer(), new Ranges(threads, slices), slices);
  }

  /** The parameters being trained, after the last update. */
  public Parameters parameters() {
    return state.parameters();
  }

  /** Updates done so far. */
  public long updates() {
    return updates;
  }

  /** The optimizer's moments, for a checkpoint: [2][layout.length()]; must not be changed. */
  public float[][] moments() {
    return state.moments();
  }

  /** Continues after {@code updates} updates, with the moments they left. */
  public void resume(long updates, float[][] moments) {
    this.updates = updates;
    state.load(moments);
  }

  /** Saves weights and moments for {@link #rewind()}. */
  public void mark() {
    state.mark();
    markedUpdates = updates;
  }

  /** Undoes the updates since the last {@link #mark()}. */
  public void rewind() {
    state.rewind();
    updates = markedUpdates;
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
    state.sum(parts);
    return step(sums, groups, start);
  }

  /** Clips {@link #gradient()} and does one optimizer step. */
  private UpdateMetrics step(LossSums sums, double groups, long start) {
    double norm = state.norm();
    List<String> diverged = sums.notFinite();
    if (!Double.isFinite(norm)) {
      diverged.add("gradient");
    }
    if (!diverged.isEmpty()) {
      throw new DivergedException(updates + 1, diverged, sums.loss() / groups, norm);
    }
    double scale = clipScale(norm, config.optimizer().clipNorm());
    double rate = learningRate.at(updates);
    if (!state.step(updates + 1, rate, scale)) {
      throw new DivergedException(updates + 1, List.of("parameters"), sums.loss() / groups, norm);
    }
    updates++;
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

  /** A copy of the last minibatch's gradient, [layout.length()]. */
  float[] gradient() {
    return state.gradient();
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
    state.begin(more);
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
    state.sum(slices, more);
    return total;
  }

  private LossSums gradient(Minibatch slice, int minibatchGroups, int index) {
    try (LossGradient.Forward forward =
        lossGradient.forward(
            layout, state::weights, slice.windows(), slice.inputs(), slice.first())) {
      return forward.backward(
          slice, minibatchGroups, nextKlWeight(), gradients -> state.take(index, gradients));
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
    state.close();
    lossGradient.close();
  }
}
