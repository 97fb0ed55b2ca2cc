/**
 * Which actions are tried in which state: explorations, and what they yield, {@link
 * io.avatarl.rollout.Groups} of actions with weights and log-probabilities, packed into shards.
 *
 * <p>Knows no reward and no advantage but as numbers. May call config, corpus and model, never
 * Spark.
 */
package io.avatarl.rollout;
