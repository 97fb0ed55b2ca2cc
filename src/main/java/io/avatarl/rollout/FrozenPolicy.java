package io.avatarl.rollout;

import io.avatarl.config.GptConfig;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.io.Serializable;
import java.util.Arrays;

/** A model that does not train, serializable for the executors. */
public final class FrozenPolicy implements Serializable {
  private final GptConfig config;
  private final int vocabulary;
  private final float[] weights;
  // Native, so rebuilt in each JVM at first use; lives as long as the JVM's copy of the broadcast.
  private transient Policy policy;

  /**
   * @param weights flat parameters in the model's layout
   */
  public FrozenPolicy(GptConfig config, int vocabulary, float[] weights) {
    this.config = config;
    this.vocabulary = vocabulary;
    this.weights = weights;
  }

  public int vocabulary() {
    return vocabulary;
  }

  /** Log-probabilities of every token in every group, [G·V]. */
  public float[] logProbs(Groups groups) {
    return ReferenceLogProbs.policy(policy(), groups);
  }

  /** Log-probabilities of every token at every position, [B·T·V]. */
  float[] logProbs(WindowBatch rows) {
    return policy().logProbs(rows.windows(), Arrays.stream(rows.inputs()).asLongStream().toArray());
  }

  private synchronized Policy policy() {
    if (policy == null) {
      Parameters parameters = new Parameters(ParameterLayout.of(config, vocabulary));
      parameters.set(weights);
      policy = new Policy(config, parameters);
    }
    return policy;
  }
}
