/**
 * Training as a stage of Spark ML's pipelines. A front of {@code jobs.Training} and {@code
 * spark.TextGenerator}: parameters, their checks and their persistence, and nothing that computes
 * or prints.
 */
package io.avatarl.ml;
