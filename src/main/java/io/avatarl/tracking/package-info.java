/**
 * Sends what a run records to an experiment tracker: a {@link io.avatarl.train.TrainingListener}
 * that hears of it, a queue that delivers it on a thread of its own, and the tracker's API.
 *
 * <p>May call config, files and train; training does not know that anybody tracks it.
 */
package io.avatarl.tracking;
