package io.avatarl.learner;

import static io.avatarl.learner.LearnerFixture.VOCABULARY;
import static io.avatarl.learner.LearnerFixture.config;
import static io.avatarl.learner.LearnerFixture.parameters;
import static io.avatarl.learner.LearnerFixture.rollouts;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.ReferenceValues;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.Parameters;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class MinibatchTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  @Test
  void minibatchesPartTheWindowsOfAllShardsInOrder() {
    TrainingConfig config = config("rollout.exploration=sampled", "rollout.samples=3");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 5);
    Groups all = shard.groups();
    int context = all.context();
    int k = all.actionsPerGroup();
    List<RolloutShard> shards = List.of(part(shard, 0, 2), part(shard, 2, 3), part(shard, 3, 5));
    List<Minibatch> minibatches = Minibatch.of(shards, 2);
    assertEquals(List.of(2, 3), minibatches.stream().map(Minibatch::windows).toList());
    long[] inputs = ReferenceValues.longs(all.tokens());
    int window = 0;
    for (Minibatch minibatch : minibatches) {
      int from = window * context;
      int to = from + minibatch.groups();
      assertArrayEquals(Arrays.copyOfRange(inputs, from, to), minibatch.inputs());
      long[] actions = minibatch.actions().orElseThrow();
      float[] advantages = new float[actions.length];
      minibatch.advantages().asFloatBuffer().get(advantages);
      float[] logProbs = new float[actions.length];
      minibatch.oldLogProbs().asFloatBuffer().get(logProbs);
      for (int i = 0; i < actions.length; i++) {
        assertEquals(all.actions()[from * k + i], actions[i]);
        assertEquals(all.logProbs()[from * k + i], logProbs[i]);
        assertEquals(shard.advantages()[from * k + i], advantages[i]);
      }
      window += minibatch.windows();
    }
  }

  private static RolloutShard part(RolloutShard shard, int first, int last) {
    Groups g = shard.groups();
    int entries = g.context() * g.actionsPerGroup();
    int from = first * entries;
    int to = last * entries;
    return new RolloutShard(
        first,
        new Groups(
            last - first,
            g.context(),
            0,
            1,
            Arrays.copyOfRange(g.tokens(), first * g.context(), last * g.context()),
            Arrays.copyOfRange(g.golds(), first * g.context(), last * g.context()),
            g.actionsPerGroup(),
            g.draw(),
            Arrays.copyOfRange(g.actions(), from, to),
            Arrays.copyOfRange(g.weights(), from, to),
            Arrays.copyOfRange(g.logProbs(), from, to)),
        Arrays.copyOfRange(shard.advantages(), from, to),
        new float[0],
        RolloutStatistics.NONE);
  }
}
