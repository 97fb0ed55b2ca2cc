/**
 * Rollouts, gradients, snapshots and evaluations as Spark jobs, with the policy's replicas on the
 * executors and the devices they compute on. May call {@code table} and {@code transport}. Does not
 * touch optimizers or checkpoints, which belong to the trainer.
 */
package io.avatarl.spark.rollout;
