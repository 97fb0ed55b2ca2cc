package io.avatarl.reward;

/**
 * Where rollouts were made.
 *
 * @param step of training, from 1
 * @param shard of the step, from 0
 * @param stage name of the curriculum's stage
 * @param policyVersion rounds behind the weights that explored
 */
public record RolloutOrigin(long step, int shard, String stage, long policyVersion) {
  /** Of rollouts outside training. */
  public static final RolloutOrigin NONE = new RolloutOrigin(0, 0, "", 0);
}
