/**
 * The rollout table: its columns, rows, files or Delta commits, and the views over it. It writes
 * scored groups; it does not explore or score, and knows no policy and no run in progress. May call
 * only {@code transport}.
 */
package io.avatarl.spark.table;
