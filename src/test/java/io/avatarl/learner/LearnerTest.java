package io.avatarl.learner;

import static io.avatarl.learner.LearnerFixture.VOCABULARY;
import static io.avatarl.learner.LearnerFixture.config;
import static io.avatarl.learner.LearnerFixture.minibatch;
import static io.avatarl.learner.LearnerFixture.parameters;
import static io.avatarl.learner.LearnerFixture.perturb;
import static io.avatarl.learner.LearnerFixture.rollouts;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import io.avatarl.NativeMemory;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.Parameters;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Updates: slices, the optimizer, resuming, memory. */
@Tag("numerical")
class LearnerTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  @Test
  void slicesGiveTheSameGradientButForRounding() {
    float[] whole = null;
    double wholeLoss = 0;
    for (int slices = 1; slices <= 3; slices++) {
      TrainingConfig config = config("learner.slices=" + slices, "learner.entropy=0.1");
      Parameters parameters = parameters(config, VOCABULARY);
      Minibatch minibatch = minibatch(config, parameters, 7);
      perturb(parameters, 0.02);
      try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
        LossSums sums = learner.gradients(minibatch);
        float[] first = learner.gradient().clone();
        for (int repetition = 0; repetition < 5; repetition++) {
          assertEquals(sums, learner.gradients(minibatch));
          assertArrayEquals(first, learner.gradient(), "bit for bit");
        }
        if (whole == null) {
          whole = first;
          wholeLoss = sums.loss();
        }
        double largest = 0;
        for (int i = 0; i < whole.length; i++) {
          largest = Math.max(largest, Math.abs(whole[i]));
        }
        assertArrayEquals(whole, first, (float) (2e-6 * largest));
        assertEquals(wholeLoss, sums.loss(), 1e-5 * Math.max(1, Math.abs(wholeLoss)));
      }
    }
  }

  @Test
  void partsOfAMinibatchAddUpToTheWhole() {
    TrainingConfig config = config("learner.slices=2", "learner.entropy=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    Parameters same = parameters(config, VOCABULARY);
    Minibatch whole = minibatch(config, parameters, 7);
    perturb(parameters, 0.02);
    perturb(same, 0.02);
    try (Learner one = new Learner(config.learner(), config.model(), parameters, 10);
        Learner parts = new Learner(config.learner(), config.model(), same, 10)) {
      UpdateMetrics expected = one.update(whole);
      UpdateMetrics actual =
          parts.update(List.of(whole.slice(0, 2), whole.slice(2, 3), whole.slice(3, 7)));
      assertEquals(expected.loss(), actual.loss(), 1e-6);
      assertEquals(expected.kl(), actual.kl(), 1e-6);
      assertEquals(expected.gradientNorm(), actual.gradientNorm(), 1e-6);
      assertEquals(1, parts.updates());
    }
  }

  @Test
  void gradientsOfOthersAreNotKeptAfterTheirUpdate() {
    TrainingConfig config = config("learner.slices=2");
    Parameters parameters = parameters(config, VOCABULARY);
    Parameters same = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 6);
    try (Learner own = new Learner(config.learner(), config.model(), parameters, 10);
        Learner told = new Learner(config.learner(), config.model(), same, 10)) {
      LossSums sums = own.gradients(minibatch);
      told.update(List.of(own.gradient()), sums, minibatch.groups());
      own.update(minibatch);
      assertEquals(own.parameters().sha256(), told.parameters().sha256());
      assertEquals(parameters.layout().length(), own.gradient().length);
      assertEquals(0, told.gradient().length);
    }
  }

  @Test
  void oneWindowIsNotCutIntoTwoSlices() {
    TrainingConfig two = config("learner.slices=2");
    TrainingConfig one = config("learner.slices=1");
    Parameters parameters = parameters(two, VOCABULARY);
    Minibatch minibatch = minibatch(two, parameters, 1);
    try (Learner expected = new Learner(one.learner(), one.model(), parameters, 10);
        Learner actual = new Learner(two.learner(), two.model(), parameters, 10)) {
      // What a larger minibatch left in the second slice's gradient does not count.
      actual.gradients(minibatch(two, parameters, 6));
      assertEquals(expected.gradients(minibatch), actual.gradients(minibatch));
      assertArrayEquals(expected.gradient(), actual.gradient());
    }
  }

  @Test
  void anUpdateIsClippedAdamWOnTheGradient() {
    TrainingConfig config =
        config("learner.optimizer.clipNorm=0.01", "learner.optimizer.learningRate=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    float[] expected = parameters.toArray();
    AdamW optimizer =
        new AdamW(parameters.layout(), config.learner().optimizer(), Ranges.inCaller());
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(minibatch);
      double norm = Learner.norm(learner.gradient());
      assertTrue(norm > 0.01);
      optimizer.step(1, 0.1, expected, learner.gradient(), (float) (0.01 / (norm + 1e-6)));
      UpdateMetrics metrics = learner.update(minibatch);
      assertArrayEquals(expected, parameters.toArray());
      assertArrayEquals(optimizer.firstMoment(), learner.moments()[0]);
      assertArrayEquals(optimizer.secondMoment(), learner.moments()[1]);
      assertEquals(1, metrics.update());
      assertEquals(1, learner.updates());
      assertEquals(norm, metrics.gradientNorm());
      assertEquals(0.1, metrics.learningRate());
      assertEquals(0, metrics.kl(), 1e-6, "on policy");
      assertEquals(0, metrics.clipFraction());
    }
  }

  @Test
  void aResumedLearnerGoesOnBitForBit() {
    TrainingConfig config = config();
    Parameters straight = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, straight, 3);
    Parameters stopped = parameters(config, VOCABULARY);
    float[][] moments;
    try (Learner learner = new Learner(config.learner(), config.model(), stopped, 10)) {
      learner.update(minibatch);
      learner.update(minibatch);
      moments = new float[][] {learner.moments()[0].clone(), learner.moments()[1].clone()};
    }
    Parameters resumed = new Parameters(stopped.layout());
    try (Learner whole = new Learner(config.learner(), config.model(), straight, 10);
        Learner second = new Learner(config.learner(), config.model(), resumed, 10)) {
      resumed.set(stopped.toArray());
      second.resume(2, moments);
      second.update(minibatch);
      for (int i = 0; i < 3; i++) {
        whole.update(minibatch);
      }
      assertEquals(whole.updates(), second.updates());
      assertEquals(straight.sha256(), resumed.sha256());
    }
  }

  @Test
  void aSliceThatFailsDoesNotLeaveTheOthersRunning() {
    TrainingConfig config = config("learner.slices=3", "rollout.exploration=sampled");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 60);
    Minibatch good = Minibatch.of(List.of(shard), 1).get(0);
    int[] tokens = shard.groups().tokens().clone();
    tokens[0] = VOCABULARY + 1; // no such row in the embedding
    Groups g = shard.groups();
    Groups broken =
        new Groups(
            g.windows(),
            g.context(),
            0,
            1,
            tokens,
            g.golds(),
            g.actionsPerGroup(),
            g.draw(),
            g.actions(),
            g.weights(),
            g.logProbs());
    Minibatch bad =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, broken, shard.advantages(), new float[0], RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(good);
      float[] expected = learner.gradient().clone();
      int held = NativeMemory.held(learner.lossGradient.manager);
      assertThrows(RuntimeException.class, () -> learner.gradients(bad));
      assertEquals(
          held,
          NativeMemory.held(learner.lossGradient.manager),
          "every slice has freed its memory");
      Thread.currentThread().interrupt();
      learner.gradients(good);
      assertTrue(Thread.interrupted(), "an interruption is kept");
      assertArrayEquals(expected, learner.gradient());
    }
  }

  @Test
  void garbageCollectionBetweenForwardAndBackwardChangesNoBit() {
    TrainingConfig config = config("learner.entropy=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    perturb(parameters, 0.02);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(minibatch);
      assertArrayEquals(
          learner.gradient(), gradient(config, parameters, minibatch, NativeMemory::churn));
    }
  }

  /** What the learner does for one slice, with something in the middle. */
  private static float[] gradient(
      TrainingConfig config, Parameters parameters, Minibatch minibatch, Runnable between) {
    try (LossGradient loss = new LossGradient(config.learner(), config.model(), Device.cpu());
        LossGradient.Forward forward =
            loss.forward(parameters, minibatch.windows(), minibatch.inputs(), 0)) {
      between.run();
      float[] gradient = new float[parameters.layout().length()];
      forward.backward(minibatch, minibatch.groups(), 0, gradient);
      return gradient;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"exhaustive", "sampled"})
  void updatesLeaveNothingBehind(String exploration) {
    // Large enough that one array kept per update would show in the resident memory.
    int vocabulary = 1000;
    TrainingConfig config =
        config(
            "model.context=32",
            "rollout.exploration=" + exploration,
            "rollout.samples=256",
            "learner.entropy=0.01",
            "learner.slices=2");
    Parameters parameters = parameters(config, vocabulary);
    Minibatch minibatch = minibatch(config, parameters, 8);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 1000)) {
      for (int i = 0; i < 20; i++) {
        learner.update(minibatch);
      }
      int held = NativeMemory.held(learner.lossGradient.manager);
      assertTrue(held > 0);
      // The Java heap may grow in one round for reasons of its own, a leak grows in all of them.
      long grown = Long.MAX_VALUE;
      for (int round = 0; round < 3 && grown >= 60 << 20; round++) {
        System.gc();
        long resident = NativeMemory.resident();
        for (int i = 0; i < 100; i++) {
          learner.update(minibatch);
        }
        assertEquals(held, NativeMemory.held(learner.lossGradient.manager));
        System.gc();
        grown = NativeMemory.resident() - resident;
      }
      assertTrue(grown < 60 << 20, "resident memory grew by " + grown + " bytes");
    }
  }
}
