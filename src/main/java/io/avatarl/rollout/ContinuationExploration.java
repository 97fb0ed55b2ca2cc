package io.avatarl.rollout;

import io.avatarl.model.Policy;
import java.util.Arrays;

/**
 * K continuations of H tokens per context, drawn from the policy itself without temperature or
 * truncation; only then do weights of 1/K estimate its expectations. A window's first T − H + 1
 * tokens are the context. Its K rollouts are K rows of T tokens that differ in the last H − 1
 * inputs and in the actions.
 */
record ContinuationExploration(int samples, int horizon) implements Exploration {
  private static final Policy.Sampling UNMODIFIED = new Policy.Sampling(1, 0, 1);

  @Override
  public Groups explore(ExplorationInput input) {
    WindowBatch rows = input.rows();
    int context = rows.context();
    int prompt = context - horizon + 1;
    int[] prompts = new int[rows.windows() * prompt];
    for (int b = 0; b < rows.windows(); b++) {
      System.arraycopy(rows.inputs(), b * context, prompts, b * prompt, prompt);
    }
    Policy.Continuations drawn =
        input
            .policy()
            .continuations(rows.windows(), prompts, samples, horizon, UNMODIFIED, input.random());
    int n = rows.windows() * samples;
    int[] tokens = new int[n * context];
    int[] golds = new int[n * horizon];
    for (int row = 0; row < n; row++) {
      int b = row / samples;
      System.arraycopy(prompts, b * prompt, tokens, row * context, prompt);
      System.arraycopy(drawn.tokens(), row * horizon, tokens, row * context + prompt, horizon - 1);
      System.arraycopy(rows.golds(), b * context + prompt - 1, golds, row * horizon, horizon);
    }
    float[] weights = new float[n * horizon];
    Arrays.fill(weights, 1f / samples);
    return new Groups(
        n,
        context,
        prompt - 1,
        samples,
        tokens,
        golds,
        1,
        Groups.Draw.INDEPENDENT,
        drawn.tokens(),
        weights,
        drawn.logProbs());
  }
}
