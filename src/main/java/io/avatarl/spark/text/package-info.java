/**
 * Text generation inside Spark queries: the task behind {@code TextGenerator} and the models that
 * an executor keeps for it. Of the other families it calls {@code spark.transport} only; from a
 * training run it uses only the checkpoint.
 */
package io.avatarl.spark.text;
