package io.avatarl.evaluation;

/**
 * Validation scores of a model that was not trained here, such as an n-gram table.
 *
 * @param ce nats per token
 * @param bitsPerCharacter cross-entropy in bits per character, comparable between tokenizers
 * @param accuracy top-1
 */
public record BaselineScores(double ce, double bitsPerCharacter, double accuracy) {}
