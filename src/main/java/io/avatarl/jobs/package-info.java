/**
 * The users' commands: one class with a {@code main} method for each {@code jobs/*.sh} and for
 * {@code spark-submit --class}, and {@link io.avatarl.jobs.Training} for notebooks. This room has
 * the command line, exit codes, printed output and the report; the work is done in the rooms below.
 *
 * <p>The only room that prints, and {@link io.avatarl.jobs.Job} is the only class that ends the
 * JVM. Must not call {@code jobs.maintenance}.
 */
package io.avatarl.jobs;
