/**
 * The users' commands: one class with a {@code main} method for each {@code jobs/*.sh} and for
 * {@code spark-submit --class}, and {@link io.avatarl.jobs.Training} for notebooks. Here are the
 * command line, the exit codes, what is printed, and the report; what they do lies in the rooms
 * below.
 *
 * <p>The only room that prints, and {@link io.avatarl.jobs.Job} is the only class that ends the
 * JVM. Must not call {@code jobs.maintenance}.
 */
package io.avatarl.jobs;
