package io.avatarl.rollout;

import java.util.random.RandomGenerator;

/** What tests of other rooms need of this one. */
public final class TestGroups {
  private TestGroups() {}

  /** Groups at every position of packed windows, [B·(T+1)]. */
  public static Groups ofWindows(
      int windows,
      int[] packed,
      int actionsPerGroup,
      boolean sampled,
      int[] actions,
      float[] weights,
      float[] logProbs) {
    return Groups.ofWindows(
        WindowBatch.of(windows, packed),
        actionsPerGroup,
        draw(sampled),
        actions,
        weights,
        logProbs);
  }

  private static Groups.Draw draw(boolean sampled) {
    return sampled ? Groups.Draw.INDEPENDENT : Groups.Draw.ENUMERATED;
  }

  /** One group of sampled actions for each row of the arrays; the state is of no matter. */
  public static Groups drawn(
      Groups.Draw draw, int[][] actions, double[][] weights, double[] policy) {
    int k = actions[0].length;
    int[] allActions = new int[actions.length * k];
    float[] allWeights = new float[allActions.length];
    float[] logProbs = new float[allActions.length];
    for (int i = 0; i < allActions.length; i++) {
      allActions[i] = actions[i / k][i % k];
      allWeights[i] = (float) weights[i / k][i % k];
      logProbs[i] = (float) Math.log(policy[allActions[i]]);
    }
    WindowBatch rows = WindowBatch.of(1, new int[actions.length + 1]);
    return Groups.ofWindows(rows, k, draw, allActions, allWeights, logProbs);
  }

  /**
   * Two contexts with two continuations of two tokens each: rows 0 and 1, rows 2 and 3. Row r has
   * the entries 2r and 2r + 1.
   */
  public static Groups continuations() {
    float half = 0.5f;
    return new Groups(
        4,
        3,
        1,
        2,
        new int[] {0, 1, 2, 0, 1, 3, 4, 5, 6, 4, 5, 7},
        new int[] {2, 8, 2, 8, 6, 9, 6, 9},
        1,
        Groups.Draw.INDEPENDENT,
        new int[] {2, 8, 3, 8, 6, 1, 7, 9},
        new float[] {half, half, half, half, half, half, half, half},
        new float[] {-1, -2, -3, -4, -5, -6, -7, -8});
  }

  /** What an exploration without a policy is given. */
  static ExplorationInput input(
      int windows, int[] packed, float[] logProbs, RandomGenerator random) {
    return new ExplorationInput(WindowBatch.of(windows, packed), logProbs, null, random);
  }
}
