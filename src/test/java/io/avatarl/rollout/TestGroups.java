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
        WindowBatch.of(windows, packed), actionsPerGroup, sampled, actions, weights, logProbs);
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
        true,
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
