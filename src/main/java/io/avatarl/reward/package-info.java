/**
 * How good an action was: one class for each component of the reward, and {@link
 * io.avatarl.reward.Rewards}, their weighted sum.
 *
 * <p>A reward is a number for an action, never a gradient, so nothing here may call learner. May
 * call config, corpus and rollout, never Spark.
 */
package io.avatarl.reward;
