/**
 * How weights, tasks and results travel between driver and executors: by reference within one JVM,
 * else as blocks of bytes. The lowest family of the {@code spark} room: it knows no rollouts or
 * tables and calls no other family.
 */
package io.avatarl.spark.transport;
