package io.avatarl.learner;

import static io.avatarl.learner.LearnerFixture.VOCABULARY;
import static io.avatarl.learner.LearnerFixture.config;
import static io.avatarl.learner.LearnerFixture.minibatch;
import static io.avatarl.learner.LearnerFixture.parameters;
import static io.avatarl.learner.LearnerFixture.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import io.avatarl.NativeMemory;
import io.avatarl.config.OptimizerConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The learner whose state lives on its device, against the one in Java. The device is a GPU if
 * there is one, else the CPU.
 */
@Tag("numerical")
class DeviceStateTest {
  private static Device device;

  /** Of an update: a GPU adds up products in another order (seen on an H100: 1.1e-6 with Muon). */
  private static double within = 1e-6;

  @BeforeAll
  static void load() {
    NativeEngine.load(1);
    device = Engine.getInstance().getGpuCount() > 0 ? Device.gpu(0) : Device.cpu();
    if (device.isGpu()) {
      within = 3e-6;
    }
  }

  /** Vectors and matrices, square, wide and tall ones, next to each other. */
  private static TrainingConfig mixed(String kind, double clip) {
    return config(
        "model.layers=2",
        "model.width=20",
        "model.norm=layer",
        "model.bias=true",
        "model.positions=learned",
        "model.tied=false",
        "learner.optimizer.weightDecay=0.3",
        "learner.optimizer.kind=" + kind,
        "learner.optimizer.clipNorm=" + clip);
  }

  private static DeviceState device(Parameters parameters, TrainingConfig config) {
    return new DeviceState(parameters, config.learner().optimizer(), 2, device);
  }

  private static HostState host(Parameters parameters, TrainingConfig config) {
    return new HostState(parameters, config.learner().optimizer(), Ranges.inCaller(), 2);
  }

  private static float[] gradient(ParameterLayout layout, Random random) {
    float[] gradient = new float[layout.length()];
    for (ParameterLayout.Parameter p : layout.parameters()) {
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        gradient[i] = (float) (random.nextGaussian() * Math.exp(2 * random.nextGaussian()));
      }
    }
    return gradient;
  }

  /** One update from gradients, as the learner makes it. */
  private static double update(ModelState state, OptimizerConfig config, int update, long seed) {
    Random random = new Random(seed + update);
    ParameterLayout layout = state.parameters().layout();
    float[] first = gradient(layout, random);
    state.sum(new ArrayList<>(List.of(first, gradient(layout, random))));
    double norm = state.norm();
    double scale = Learner.clipScale(norm, config.clipNorm());
    assertTrue(state.step(update, config.learningRate() / update, scale));
    return norm;
  }

  /** Compares each parameter's values, by the length of the vector that they are. */
  private static void assertClose(
      ParameterLayout layout,
      String what,
      float[] expected,
      float[] actual,
      double most,
      float[] origin) {
    for (ParameterLayout.Parameter p : layout.parameters()) {
      double difference = 0;
      double moved = 0;
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        difference += Math.pow((double) expected[i] - actual[i], 2);
        moved += Math.pow((double) expected[i] - origin[i], 2);
      }
      assertTrue(
          Math.sqrt(difference) <= most * Math.sqrt(moved),
          what + " of " + p.name() + ": " + Math.sqrt(difference / moved));
    }
  }

  @ParameterizedTest
  @CsvSource({"adamw, 0", "adamw, 3", "muon, 0", "muon, 3"})
  void updatesAreThoseOfTheJavaOptimizers(String kind, double clip) {
    TrainingConfig config = mixed(kind, clip);
    OptimizerConfig optimizer = config.learner().optimizer();
    ParameterLayout layout = ParameterLayout.of(config.model(), VOCABULARY);
    // Small against an update, so that rounding of the sum is small against it, too.
    Parameters expected = Parameters.random(layout, 1e-4, 3);
    for (ParameterLayout.Parameter p : layout.parameters()) {
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        expected.values().put(i, expected.values().get(i) * 1e-3f);
      }
    }
    Parameters actual = new Parameters(layout);
    actual.set(expected.toArray());
    float[] origin = expected.toArray();
    float[] zero = new float[layout.length()];
    try (HostState java = host(expected, config);
        DeviceState script = device(actual, config)) {
      for (int update = 1; update <= 5; update++) {
        double norm = update(java, optimizer, update, 100);
        assertTrue(norm > 10, "clipping matters");
        assertEquals(norm, update(script, optimizer, update, 100), 1e-9 * norm);
        assertClose(
            layout,
            "update " + update,
            java.parameters().toArray(),
            script.parameters().toArray(),
            within,
            origin);
        for (int i = 0; i < 2; i++) {
          assertClose(layout, "moment " + i, java.moments()[i], script.moments()[i], within, zero);
        }
      }
      float[] moved = actual.toArray();
      for (ParameterLayout.Parameter p : layout.parameters()) {
        for (int i = p.offset() + p.size(); i < p.end(); i++) {
          assertEquals(0, moved[i], "gap after " + p.name());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"adamw", "muon"})
  void aRunGoesOnToTheBitAndOnTheOtherDevice(String kind) {
    TrainingConfig config = mixed(kind, 3);
    OptimizerConfig optimizer = config.learner().optimizer();
    Parameters whole = parameters(config, VOCABULARY);
    Parameters inJava = parameters(config, VOCABULARY);
    Parameters resumed = new Parameters(whole.layout());
    float[] origin = whole.toArray();
    Parameters onJava = new Parameters(whole.layout());
    try (DeviceState straight = device(whole, config);
        HostState java = host(inJava, config);
        DeviceState second = device(resumed, config);
        HostState other = host(onJava, config)) {
      for (int update = 1; update <= 6; update++) {
        update(straight, optimizer, update, 7);
        update(java, optimizer, update, 7);
        if (update == 3) {
          for (ModelState next : List.of(second, other)) {
            float[][] moments = straight.moments();
            next.parameters().set(straight.parameters().toArray());
            next.load(new float[][] {moments[0].clone(), moments[1].clone()});
          }
        } else if (update > 3) {
          update(second, optimizer, update, 7);
          update(other, optimizer, update, 7);
        }
      }
      assertNotEquals(0, straight.parameters().toArray()[0] - origin[0]);
      assertEquals(straight.parameters().sha256(), second.parameters().sha256());
      assertArrayEquals(straight.moments()[0], second.moments()[0]);
      assertArrayEquals(straight.moments()[1], second.moments()[1]);
      assertEquals(0, distance(java.parameters(), other.parameters(), origin), 10 * within);
    }
  }

  /** Distance of two sets of weights, relative to how far the first has moved. */
  private static double distance(Parameters a, Parameters b, float[] origin) {
    float[] x = a.toArray();
    float[] y = b.toArray();
    double between = 0;
    double moved = 0;
    for (int i = 0; i < x.length; i++) {
      between += Math.pow((double) x[i] - y[i], 2);
      moved += Math.pow((double) x[i] - origin[i], 2);
    }
    assertTrue(moved > 1e-3, "there was something to learn");
    return Math.sqrt(between / moved);
  }

  /** Steps of rollouts by the newest weights, then updates, as in a run. */
  private static Parameters train(TrainingConfig config, boolean onDevice) {
    Parameters parameters = parameters(config, VOCABULARY);
    try (Learner learner =
        onDevice
            ? Learner.onDevice(config.learner(), config.model(), parameters, 60, device)
            : new Learner(config.learner(), config.model(), parameters, 60)) {
      for (int step = 0; step < 15; step++) {
        Minibatch rollouts = minibatch(config, learner.parameters(), 8);
        learner.update(rollouts.slice(0, 4));
        learner.update(List.of(rollouts.slice(4, 6), rollouts.slice(6, 7), rollouts.slice(7, 8)));
      }
      assertEquals(30, learner.updates());
      return learner.parameters();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"adamw", "muon"})
  void aTrainingEndsWhereTheOneInJavaDoesAndTwiceAtTheSameBits(String kind) {
    TrainingConfig config =
        config(
            "learner.optimizer.kind=" + kind,
            "learner.optimizer.clipNorm=0.5",
            "learner.slices=2",
            "learner.entropy=0.01",
            "learner.optimizer.learningRate=0.01");
    Parameters java = train(config, false);
    Parameters device = train(config, true);
    assertEquals(device.sha256(), train(config, true).sha256());
    float[] origin = parameters(config, VOCABULARY).toArray();
    assertEquals(0, distance(java, device, origin), 1e-3);
  }

  @Test
  void aGpuComputesTheProbabilitiesAndGradientsOfTheCpu() {
    assumeTrue(device.isGpu(), "PyTorch sees no GPU here");
    TrainingConfig config = config("model.layers=2", "model.width=32", "learner.entropy=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 6);
    long[] inputs = LearnerFixture.inputs(tokens(config, 6, VOCABULARY), 6, 5);
    try (Policy cpu = new Policy(config.model(), parameters);
        Policy gpu = new Policy(config.model(), parameters, device)) {
      assertArrayEquals(cpu.logProbs(6, inputs), gpu.logProbs(6, inputs), 1e-5f);
    }
    try (Learner java = new Learner(config.learner(), config.model(), parameters, 10);
        Learner onGpu = new Learner(config.learner(), config.model(), parameters, 10, device)) {
      LossSums expected = java.gradients(minibatch);
      LossSums actual = onGpu.gradients(minibatch);
      assertEquals(expected.loss(), actual.loss(), 1e-5 * Math.abs(expected.loss()));
      assertClose(
          parameters.layout(),
          "gradient",
          java.gradient(),
          onGpu.gradient(),
          1e-5,
          new float[parameters.layout().length()]);
    }
  }

  @Test
  void gradientsOfExecutorsGiveTheSameUpdate() {
    TrainingConfig config = config("learner.slices=2");
    Parameters parameters = parameters(config, VOCABULARY);
    Parameters same = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 6);
    try (Learner own = Learner.onDevice(config.learner(), config.model(), parameters, 10, device);
        Learner told = Learner.onDevice(config.learner(), config.model(), same, 10, device)) {
      LossSums sums = own.gradients(minibatch);
      UpdateMetrics expected =
          told.update(
              new ArrayList<>(List.of(own.gradient(), new float[same.layout().length()])),
              sums,
              minibatch.groups());
      UpdateMetrics actual = own.update(minibatch);
      assertEquals(expected.loss(), actual.loss());
      assertEquals(expected.gradientNorm(), actual.gradientNorm());
      assertEquals(told.parameters().sha256(), own.parameters().sha256());
    }
  }

  @Test
  void theHostGetsACopyWhenItAsks() {
    TrainingConfig config = config();
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    String first = parameters.sha256();
    try (Learner learner =
        Learner.onDevice(config.learner(), config.model(), parameters, 10, device)) {
      learner.mark();
      learner.update(minibatch);
      learner.update(minibatch);
      assertEquals(first, parameters.sha256(), "nothing has crossed over");
      assertNotEquals(first, learner.parameters().sha256());
      learner.rewind();
      assertEquals(0, learner.updates());
      assertEquals(first, learner.parameters().sha256());
      assertArrayEquals(new float[parameters.layout().length()], learner.moments()[0]);
    }
  }

  @Test
  void weightsThatStopBeingNumbersAreTakenBack() {
    TrainingConfig config = config();
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    try (Learner learner =
        Learner.onDevice(config.learner(), config.model(), parameters, 10, device)) {
      learner.update(minibatch);
      String hash = learner.parameters().sha256();
      for (float moment : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
        float[][] moments = learner.moments();
        Arrays.fill(moments[0], 0);
        moments[0][parameters.layout().parameters().get(1).offset()] = moment;
        learner.resume(4, moments);
        DivergedException error =
            assertThrows(DivergedException.class, () -> learner.update(minibatch));
        assertTrue(error.getMessage().contains("at update 5: not finite: parameters ("));
        assertEquals(hash, learner.parameters().sha256());
        assertEquals(4, learner.updates());
      }
      learner.resume(1, new float[2][parameters.layout().length()]);
      learner.update(minibatch);
      assertTrue(Double.isFinite(Learner.norm(learner.parameters().toArray())), "it can go on");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"adamw", "muon"})
  void updatesLeaveNothingBehind(String kind) {
    // Large enough that one tensor kept per update would show in the resident memory.
    TrainingConfig config =
        config("learner.optimizer.kind=" + kind, "model.width=64", "learner.slices=2");
    int vocabulary = 1000;
    Parameters parameters = parameters(config, vocabulary);
    Minibatch minibatch = minibatch(config, parameters, 4);
    try (Learner learner =
        Learner.onDevice(config.learner(), config.model(), parameters, 1000, device)) {
      for (int i = 0; i < 20; i++) {
        learner.update(minibatch);
        learner.mark();
      }
      DeviceState state = (DeviceState) learner.state;
      int held = NativeMemory.held(state.manager);
      int passes = NativeMemory.held(learner.lossGradient.manager);
      assertTrue(held > 0);
      // The Java heap may grow in one round for reasons of its own, a leak grows in all of them.
      long grown = Long.MAX_VALUE;
      for (int round = 0; round < 3 && grown >= 40 << 20; round++) {
        System.gc();
        long resident = NativeMemory.resident();
        for (int i = 0; i < 100; i++) {
          learner.update(minibatch);
          learner.parameters();
          if (i % 10 == 0) {
            learner.mark();
            learner.moments();
            learner.rewind();
          }
        }
        assertEquals(held, NativeMemory.held(state.manager));
        assertEquals(passes, NativeMemory.held(learner.lossGradient.manager));
        System.gc();
        grown = NativeMemory.resident() - resident;
      }
      assertTrue(grown < 40 << 20, "resident memory grew by " + grown + " bytes");
    }
  }
}
