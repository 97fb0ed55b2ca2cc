package io.avatarl.learner;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.model.ParameterLayout;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The hot loops that no native library runs, at the default shape: a shard of 24 windows of 64
 * states with 65 actions each, and the 0.8 million parameters of the default model.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PureJavaLoops {
  private static final int VOCABULARY = 65;
  private static final int WINDOWS = 24;
  private static final int SHARDS = 4;

  private TrainingConfig config;
  private AdamW optimizer;
  private float[] parameters;
  private float[] gradient;
  private long update;
  private Groups groups;
  private Rewards exact;
  private Rewards ngrams;
  private AdvantageEstimator estimator;
  private float[] rewards;
  private List<RolloutShard> shards;

  private static final Map<String, Double> EXACT = Map.of("exact", 1.0);
  private static final Map<String, Double> NGRAMS = Map.of("fourgram", 1.0);

  @Setup
  public void prepare() {
    config = ConfigReader.read("maxrl", "", List.of());
    Random random = new Random(1);
    ParameterLayout layout = ParameterLayout.of(config.model(), VOCABULARY);
    optimizer = new AdamW(layout, config.learner().optimizer(), Ranges.inCaller());
    parameters = floats(random, layout.length());
    gradient = floats(random, layout.length());
    int context = config.model().context();
    int states = WINDOWS * context;
    int[] tokens = random.ints(states, 0, VOCABULARY).toArray();
    int[] golds = random.ints(states, 0, VOCABULARY).toArray();
    float[] weights = new float[states * VOCABULARY];
    float[] logProbs = new float[weights.length];
    for (int s = 0; s < states; s++) {
      float sum = 0;
      for (int a = 0; a < VOCABULARY; a++) {
        weights[s * VOCABULARY + a] = 0.01f + random.nextFloat();
        sum += weights[s * VOCABULARY + a];
      }
      for (int a = 0; a < VOCABULARY; a++) {
        weights[s * VOCABULARY + a] /= sum;
        logProbs[s * VOCABULARY + a] = (float) Math.log(weights[s * VOCABULARY + a]);
      }
    }
    groups =
        new Groups(
            WINDOWS,
            context,
            0,
            1,
            tokens,
            golds,
            VOCABULARY,
            Groups.Draw.ENUMERATED,
            new int[0],
            weights,
            logProbs);
    NgramCounts counts =
        NgramCounts.of(random.ints(100_000, 0, VOCABULARY).toArray(), VOCABULARY, 4);
    Rewards.Sources sources = new Rewards.Sources(config.reward(), null, counts, Optional.empty());
    exact = new Rewards(sources, List.of(EXACT));
    ngrams = new Rewards(sources, List.of(NGRAMS));
    estimator = AdvantageEstimator.of(config.advantage());
    rewards = exactReward();
    shards = new ArrayList<>();
    for (int shard = 0; shard < SHARDS; shard++) {
      shards.add(
          new RolloutShard(shard, groups, maxRlAdvantage(), new float[0], RolloutStatistics.NONE));
    }
  }

  private static float[] floats(Random random, int length) {
    float[] floats = new float[length];
    for (int i = 0; i < length; i++) {
      floats[i] = 0.02f * (float) random.nextGaussian();
    }
    return floats;
  }

  /** One AdamW step over all parameters. */
  @Benchmark
  public float[] adamW() {
    optimizer.step(++update, 1e-3, parameters, gradient, 1f);
    return parameters;
  }

  /** The default reward of a shard's actions. */
  @Benchmark
  public float[] exactReward() {
    return Rewards.total(exact.components(groups, EXACT), EXACT, 0);
  }

  /** Partial credit by a 4-gram table. */
  @Benchmark
  public float[] ngramReward() {
    return Rewards.total(ngrams.components(groups, NGRAMS), NGRAMS, 0);
  }

  /** Group statistics and advantages of a shard. */
  @Benchmark
  public float[] maxRlAdvantage() {
    return estimator.advantages(groups, rewards);
  }

  /** A step's four shards into eight minibatches. */
  @Benchmark
  public List<Minibatch> packing() {
    return Minibatch.of(shards, config.learner().updatesPerStep());
  }
}
