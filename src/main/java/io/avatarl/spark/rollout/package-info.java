/**
 * Rollouts, gradients, snapshots and evaluations as Spark jobs, with the policy's replicas on the
 * executors and the devices they compute on. May call {@code table} and {@code transport}. It
 * touches no optimizer and no checkpoint: those are the trainer's.
 */
package io.avatarl.spark.rollout;
