package io.avatarl.evaluation;

/**
 * What a model that was not trained here, such as an n-gram table, reaches on the validation split.
 *
 * @param ce nats per token
 * @param bitsPerCharacter the same per character, by which tokenizers compare
 * @param accuracy top-1
 */
public record BaselineScores(double ce, double bitsPerCharacter, double accuracy) {}
