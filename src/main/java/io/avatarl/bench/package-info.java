/**
 * What {@code jobs/bench.sh} measures and how its figures are made. A {@link
 * io.avatarl.bench.Benchmark} is one thing that can be run for a while, again and again; parts take
 * turns, because a machine's speed drifts. Training never comes here.
 */
package io.avatarl.bench;
