package io.avatarl.rollout;

import io.avatarl.model.Policy;
import java.util.random.RandomGenerator;

/**
 * What an exploration is given.
 *
 * @param logProbs log-probabilities of every token in every state under the policy, [B·T·V]
 */
public record ExplorationInput(
    WindowBatch rows, float[] logProbs, Policy policy, RandomGenerator random) {}
