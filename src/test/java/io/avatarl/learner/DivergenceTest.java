package io.avatarl.learner;

import static io.avatarl.learner.LearnerFixture.VOCABULARY;
import static io.avatarl.learner.LearnerFixture.config;
import static io.avatarl.learner.LearnerFixture.minibatch;
import static io.avatarl.learner.LearnerFixture.parameters;
import static io.avatarl.learner.LearnerFixture.rollouts;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.Parameters;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A loss, a gradient or parameters that are not finite end an update and change nothing. */
@Tag("numerical")
class DivergenceTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void aLossThatIsNoNumberChangesNothing(float advantage) {
    TrainingConfig config = config("learner.slices=2");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 3);
    Minibatch good = Minibatch.of(List.of(shard), 1).get(0);
    float[] advantages = shard.advantages().clone();
    advantages[advantages.length - 2] = advantage;
    Minibatch bad =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, shard.groups(), advantages, new float[0], RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.update(good);
      String hash = parameters.sha256();
      float[] first = learner.moments()[0].clone();
      float[] second = learner.moments()[1].clone();
      DivergedException error = assertThrows(DivergedException.class, () -> learner.update(bad));
      assertThat(error.getMessage())
          .contains(
              "at update 2: not finite: surrogate, gradient (", "learner.optimizer.learningRate");
      assertEquals(hash, parameters.sha256());
      assertArrayEquals(first, learner.moments()[0]);
      assertArrayEquals(second, learner.moments()[1]);
      assertEquals(1, learner.updates());
      learner.update(good);
      assertTrue(Double.isFinite(Learner.norm(parameters.toArray())), "it can go on");
    }
  }

  @Test
  void aDivergenceNamesTheTermsThatAreNotFinite() {
    TrainingConfig config =
        config("learner.kl.reference=initial", "learner.entropy=0.1", "learner.kl.weight=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 3);
    float[] reference = shard.reference().clone();
    reference[4] = Float.NEGATIVE_INFINITY;
    Minibatch bad =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, shard.groups(), shard.advantages(), reference, RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      DivergedException error = assertThrows(DivergedException.class, () -> learner.update(bad));
      assertThat(error.getMessage()).contains("at update 1: not finite: KL to the reference");
    }
    float[] broken = parameters.toArray();
    broken[0] = Float.NaN;
    Minibatch good = Minibatch.of(List.of(shard), 1).get(0);
    parameters.set(broken);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      DivergedException error = assertThrows(DivergedException.class, () -> learner.update(good));
      assertTrue(
          error
              .getMessage()
              .contains(
                  "not finite: entropy, KL to the reference, KL to the policy that explored,"
                      + " gradient ("),
          error.getMessage());
    }
  }

  @Test
  void parametersThatStopBeingNumbersAreNotPublished() {
    TrainingConfig config = config();
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    String hash = parameters.sha256();
    for (float moment : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
      try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
        float[][] moments = {learner.moments()[0].clone(), learner.moments()[1].clone()};
        moments[0][parameters.layout().parameters().get(1).offset()] = moment;
        learner.resume(4, moments);
        DivergedException error =
            assertThrows(DivergedException.class, () -> learner.update(minibatch));
        assertThat(error.getMessage()).contains("at update 5: not finite: parameters (");
        assertEquals(hash, parameters.sha256());
        assertEquals(4, learner.updates());
      }
    }
  }
}
