/**
 * A run from its first step to its summary: the loop, curriculum, health, metrics, checkpoints and
 * resuming.
 *
 * <p>May call the rooms of the numbers and {@code spark}. Must not call {@code yardstick}, {@code
 * tracking}, {@code bench} or {@code jobs}: whoever watches or compares a run is handed in as an
 * interface ({@link io.avatarl.train.TrainingListener}, {@link io.avatarl.train.Baselines}).
 */
package io.avatarl.train;
