/**
 * Which actions are tried in which state: explorations and their results, {@link
 * io.avatarl.rollout.Groups} of actions with weights and log-probabilities, packed into shards.
 *
 * <p>Knows rewards and advantages only as numbers. May call config, corpus and model, never Spark.
 */
package io.avatarl.rollout;
