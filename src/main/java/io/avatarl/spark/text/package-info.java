/**
 * Text generation inside Spark queries: the task behind {@code TextGenerator} and the models that
 * an executor keeps for it. Calls no other family, and nothing of a training run but the checkpoint
 * it left.
 */
package io.avatarl.spark.text;
