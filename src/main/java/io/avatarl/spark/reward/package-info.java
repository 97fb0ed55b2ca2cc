/**
 * Reward components that are SQL: expressions over the rollout table's columns, resolved by Spark
 * on the driver and evaluated by its own projections in the tasks that explored.
 *
 * <p>May call {@code table} for the columns; knows no policy and runs no job.
 */
package io.avatarl.spark.reward;
