package io.avatarl.learner;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import io.avatarl.config.OptimizerConfig;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * State on the device that differentiates; {@code optimizer.py} makes the update there. The host
 * has a copy of the weights, which {@link #parameters()} brings up to date: 4 bytes a parameter
 * cross over once for each broadcast or checkpoint, whatever the number of updates between two.
 *
 * <p>Each flat tensor has the layout of {@link Parameters}, and its gaps stay zero.
 */
final class DeviceState implements ModelState {
  /** Numbers of which a norm in float64 is taken at a time: a copy of 8 bytes each. */
  private static final long BLOCK_ON_GPU = 1 << 26;

  private static final long BLOCK_ON_CPU = 1 << 16; // stays in a core's cache

  private final ParameterLayout layout;
  private final OptimizerConfig config;
  private final List<Muon.Matrix> matrices;
  private final long[] decayed;
  private final long[] others;
  private final long block;
  final NDManager manager; // for the test that counts what it holds
  private final Parameters host;
  private boolean hostIsBehind;
  private final Flat weights;
  private final Flat[] moments;
  private final Flat before; // the weights before the last step
  private Flat gradient;
  private final Flat[] slices;
  private Flat spare; // of minibatches in several parts
  private List<Flat> marked = List.of();

  /** A tensor [layout.length()], and the parameters as views of it. */
  private record Flat(PtNDArray all, Map<String, NDArray> views) {
    PtNDArray[] tensors() {
      return views.values().toArray(PtNDArray[]::new);
    }
  }

  /**
   * @param host initial values; from then on the host's copy
   * @param slices most parts of a minibatch
   */
  DeviceState(Parameters host, OptimizerConfig config, int slices, Device device) {
    this.host = host;
    this.layout = host.layout();
    this.config = config;
    this.matrices = config.kind() == OptimizerConfig.Kind.MUON ? Muon.matrices(layout) : List.of();
    List<ParameterLayout.Parameter> adamW =
        matrices.isEmpty() ? layout.parameters() : Muon.others(layout);
    this.decayed = ranges(adamW, true);
    this.others = ranges(adamW, false);
    this.block = device.isGpu() ? BLOCK_ON_GPU : BLOCK_ON_CPU;
    this.manager = NDManager.newBaseManager(device);
    this.weights = flat();
    this.moments = new Flat[] {flat(), flat()};
    this.before = flat();
    this.slices = new Flat[slices];
    upload();
  }

  /**
   * Ranges [from, to), one after another, of parameters that are decayed or of the others.
   * Neighbours are joined, with the gap between them.
   */
  private static long[] ranges(List<ParameterLayout.Parameter> parameters, boolean decayed) {
    List<Long> ends = new ArrayList<>();
    for (ParameterLayout.Parameter p : parameters) {
      if (p.decayed() == decayed) {
        if (!ends.isEmpty() && ends.get(ends.size() - 1) == p.offset()) {
          ends.remove(ends.size() - 1);
        } else {
          ends.add((long) p.offset());
        }
        ends.add((long) p.end());
      }
    }
    return ends.stream().mapToLong(Long::longValue).toArray();
  }

  /** Zeros, which live as long as this object. */
  private Flat flat() {
    NDArray all = manager.zeros(new Shape(layout.length()), DataType.FLOAT32);
    Map<String, NDArray> views = new LinkedHashMap<>();
    for (ParameterLayout.Parameter p : layout.parameters()) {
      Shape shape = new Shape(p.shape().stream().mapToLong(Integer::longValue).toArray());
      try (NDArray range = all.get(p.offset() + ":" + (p.offset() + p.size()))) {
        views.put(p.name(), range.reshape(shape));
      }
    }
    return new Flat((PtNDArray) all, views);
  }

  @Override
  public Map<String, NDArray> weights(NDManager scope) {
    return weights.views;
  }

  @Override
  public void begin(boolean more) {
    if (more && gradient == slices[0]) { // what is added to must not be written to
      slices[0] = spare;
      spare = gradient;
    }
  }

  @Override
  public void take(int index, Map<String, NDArray> gradients) {
    Flat target;
    synchronized (slices) {
      if (slices[index] == null) {
        slices[index] = flat();
      }
      target = slices[index];
    }
    PtNDArray[] sources =
        target.views.keySet().stream().map(gradients::get).toArray(PtNDArray[]::new);
    copy(target.tensors(), sources);
  }

  @Override
  public void sum(int count, boolean more) {
    int first = 0;
    if (!more) {
      gradient = slices[0];
      first = 1;
    }
    for (int i = first; i < count; i++) {
      OptimizerScript.run("add", gradient.all, slices[i].all);
    }
  }

  @Override
  public void sum(List<float[]> parts) {
    if (gradient == null) {
      gradient = flat();
    }
    for (int i = 0; i < parts.size(); i++) {
      try (NDManager scope = manager.newSubManager()) {
        PtNDArray part = (PtNDArray) scope.create(parts.get(i));
        if (i == 0) {
          copy(new PtNDArray[] {gradient.all}, new PtNDArray[] {part});
        } else {
          OptimizerScript.run("add", gradient.all, part);
        }
      }
    }
  }

  @Override
  public float[] gradient() {
    return toHost(gradient);
  }

  @Override
  public double norm() {
    return number("norm", gradient.all, block);
  }

  @Override
  public boolean step(long update, double learningRate, double gradientScale) {
    copy(before, weights);
    if (gradientScale != 1) {
      OptimizerScript.run("scale", gradient.all, (double) (float) gradientScale);
    }
    adamW(update, learningRate, decayed, config.weightDecay());
    adamW(update, learningRate, others, 0);
    Muon.Rates rates = Muon.rates(config, learningRate);
    for (Muon.Matrix matrix : matrices) {
      OptimizerScript.run(
          "muon",
          weights.all,
          gradient.all,
          moments[0].all,
          (long) matrix.offset(),
          (long) matrix.out(),
          (long) matrix.in(),
          (double) (float) config.muon().momentum(),
          (long) config.muon().iterations(),
          (double) rates.keep(),
          (double) rates.step(matrix));
    }
    if (!Double.isFinite(number("sum", weights.all))) {
      copy(weights, before);
      return false;
    }
    hostIsBehind = true;
    return true;
  }

  private void adamW(long update, double learningRate, long[] ranges, double decay) {
    if (ranges.length == 0) {
      return;
    }
    try (NDManager scope = manager.newSubManager()) {
      OptimizerScript.run(
          "adamw",
          weights.all,
          gradient.all,
          moments[0].all,
          moments[1].all,
          (PtNDArray) scope.create((float) update),
          ranges,
          learningRate,
          (double) (float) config.beta1(),
          (double) (float) config.beta2(),
          decay,
          config.epsilon());
    }
  }

  @Override
  public Parameters parameters() {
    if (hostIsBehind) {
      download(weights, host);
      hostIsBehind = false;
    }
    return host;
  }

  @Override
  public float[][] moments() {
    return new float[][] {toHost(moments[0]), toHost(moments[1])};
  }

  @Override
  public void load(float[][] values) {
    upload();
    for (int i = 0; i < moments.length; i++) {
      try (NDManager scope = manager.newSubManager()) {
        copy(
            new PtNDArray[] {moments[i].all},
            new PtNDArray[] {(PtNDArray) scope.create(values[i])});
      }
    }
  }

  @Override
  public void mark() {
    if (marked.isEmpty()) {
      marked = List.of(flat(), flat(), flat());
    }
    copy(marked.get(0), weights);
    copy(marked.get(1), moments[0]);
    copy(marked.get(2), moments[1]);
  }

  @Override
  public void rewind() {
    copy(weights, marked.get(0));
    copy(moments[0], marked.get(1));
    copy(moments[1], marked.get(2));
    hostIsBehind = true;
  }

  private void upload() {
    try (NDManager cpu = NDManager.newBaseManager(Device.cpu())) {
      copy(weights.tensors(), shared(host, cpu));
    }
    hostIsBehind = false;
  }

  private void download(Flat from, Parameters to) {
    try (NDManager cpu = NDManager.newBaseManager(Device.cpu())) {
      copy(shared(to, cpu), from.tensors());
    }
  }

  private float[] toHost(Flat from) {
    Parameters to = new Parameters(layout);
    download(from, to);
    return to.toArray();
  }

  /** Tensors over the memory of {@code parameters}, in layout order. */
  private PtNDArray[] shared(Parameters parameters, NDManager cpu) {
    Map<String, NDArray> tensors = parameters.tensors(cpu);
    return layout.parameters().stream().map(p -> tensors.get(p.name())).toArray(PtNDArray[]::new);
  }

  private void copy(Flat target, Flat source) {
    copy(new PtNDArray[] {target.all}, new PtNDArray[] {source.all});
  }

  private void copy(PtNDArray[] targets, PtNDArray[] sources) {
    OptimizerScript.run("copy", targets, sources);
  }

  private double number(String method, Object... arguments) {
    try (NDManager scope = manager.newSubManager()) {
      return OptimizerScript.tensor(scope, method, arguments)
          .toType(DataType.FLOAT64, false)
          .getDouble();
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
