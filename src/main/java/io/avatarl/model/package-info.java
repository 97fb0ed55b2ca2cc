/**
 * The language model: a GPT whose forward and backward pass are one TorchScript program ({@code
 * gpt.py}), its parameters in one flat buffer, the policy that computes log-probabilities and
 * samples, and checkpoints as safetensors files.
 *
 * <p>Knows token ids, not text; no reward and no loss. May call config, files and corpus, never
 * Spark.
 */
package io.avatarl.model;
