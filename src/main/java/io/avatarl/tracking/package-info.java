/**
 * Sends a run's records to an experiment tracker: a {@link io.avatarl.train.TrainingListener} that
 * receives them, a queue that delivers them on its own thread, and the tracker's API.
 *
 * <p>May call config, files and train; training does not know that it is tracked.
 */
package io.avatarl.tracking;
