/**
 * A run from its first step to its summary: the loop, the curriculum, health, and the run's folder
 * with its metrics and checkpoints. {@link io.avatarl.train.Trainer} is the entry point.
 *
 * <p>It decides what happens when; formulas live in the numerical rooms. May call these and {@code
 * spark}. Must not call {@code yardstick}, {@code tracking}, {@code bench} or {@code jobs}: code
 * that watches or compares a run is passed in as an interface ({@link
 * io.avatarl.train.TrainingListener}, {@link io.avatarl.train.Baselines}).
 */
package io.avatarl.train;
