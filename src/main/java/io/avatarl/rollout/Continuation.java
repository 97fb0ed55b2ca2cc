package io.avatarl.rollout;

import java.io.Serializable;

/**
 * One of the K continuations of a prompt, with its rewards.
 *
 * @param version of the policy that drew it
 * @param group number of the prompt, among those of its version
 * @param rollout its number in the group, from 0
 * @param samples K
 * @param context tokens of the prompt, at least one
 * @param actions its tokens, at least one, H
 * @param logProbs of its tokens under the policy that drew it, [H]
 * @param rewards of its tokens, [H]
 */
public record Continuation(
    long version,
    long group,
    int rollout,
    int samples,
    int[] context,
    int[] actions,
    float[] logProbs,
    float[] rewards)
    implements Serializable {

  /** What must be equal for continuations that are packed together. */
  record Shape(int prompt, int horizon, int samples) implements Comparable<Shape> {
    @Override
    public int compareTo(Shape o) {
      int byPrompt = Integer.compare(prompt, o.prompt);
      int byHorizon = byPrompt == 0 ? Integer.compare(horizon, o.horizon) : byPrompt;
      return byHorizon == 0 ? Integer.compare(samples, o.samples) : byHorizon;
    }
  }

  /**
   * Its reward: the mean over its tokens. (A single number per continuation is the reward of each
   * token.)
   */
  public double meanReward() {
    double sum = 0;
    for (float reward : rewards) {
      sum += reward;
    }
    return sum / rewards.length;
  }

  Shape shape() {
    return new Shape(context.length, actions.length, samples);
  }
}
