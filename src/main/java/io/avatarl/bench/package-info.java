/**
 * What {@code jobs/bench.sh} measures, and how. A {@link io.avatarl.bench.Benchmark} is one thing
 * that can be run repeatedly; benchmarks take turns, because a machine's speed drifts. There is one
 * class for each section of the output.
 *
 * <p>May call all rooms except {@code jobs}. Training does not know this room.
 */
package io.avatarl.bench;
