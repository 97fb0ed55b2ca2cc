package io.avatarl.rollout;

import io.avatarl.model.Policy;
import java.util.random.RandomGenerator;

/**
 * The input of an exploration.
 *
 * @param logProbs log-probabilities of every token in every state under the policy, [B·T·V]
 */
public record ExplorationInput(
    WindowBatch rows, float[] logProbs, Policy policy, RandomGenerator random) {}
