/**
 * The rollout table: its columns, its rows, its files or Delta commits, and the views over it. It
 * is given scored groups and writes them; it neither explores nor pays, knows no policy and no run
 * in progress, and may call {@code transport} alone.
 */
package io.avatarl.spark.table;
