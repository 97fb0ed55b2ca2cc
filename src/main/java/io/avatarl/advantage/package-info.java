/**
 * How good an action was relative to the others of its group: one class for each estimator (GRPO,
 * Dr. GRPO, MaxRL, REINFORCE), all written over the group's weights and rewards.
 *
 * <p>May call config and rollout, never Spark. Must not know where rewards come from.
 */
package io.avatarl.advantage;
