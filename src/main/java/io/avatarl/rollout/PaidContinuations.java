package io.avatarl.rollout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * Continuations of one shape as groups: K consecutive rows for each prompt, with a group at each
 * position that is compared over the K rows. The continuations were drawn independently, so equal
 * weights of 1/K estimate expectations of the policy that drew them.
 *
 * @param rollouts the continuations in the order of the rows
 * @param groups their groups; there are no gold tokens
 * @param rewards [G]
 */
public record PaidContinuations(List<Continuation> rollouts, Groups groups, float[] rewards) {
  /**
   * Packs whole groups.
   *
   * @param sorted the K continuations of each group one after another
   * @param contexts most prompts that are packed together
   * @return one object per shape, in the order of the groups
   */
  public static List<PaidContinuations> of(List<Continuation> sorted, int contexts) {
    TreeMap<Continuation.Shape, List<Continuation>> shapes = new TreeMap<>();
    for (Continuation rollout : sorted) {
      shapes.computeIfAbsent(rollout.shape(), shape -> new ArrayList<>()).add(rollout);
    }
    List<PaidContinuations> packed = new ArrayList<>();
    shapes.forEach(
        (shape, rollouts) -> {
          int most = contexts * shape.samples();
          for (int from = 0; from < rollouts.size(); from += most) {
            packed.add(
                packed(shape, rollouts.subList(from, Math.min(rollouts.size(), from + most))));
          }
        });
    return packed;
  }

  private static PaidContinuations packed(Continuation.Shape shape, List<Continuation> rollouts) {
    int horizon = shape.horizon();
    int row = shape.prompt() + horizon - 1; // the last token is not fed
    int n = rollouts.size();
    int[] tokens = new int[Math.multiplyExact(n, row)];
    int[] actions = new int[n * horizon];
    float[] logProbs = new float[actions.length];
    float[] rewards = new float[actions.length];
    float[] weights = new float[actions.length];
    Arrays.fill(weights, 1f / shape.samples());
    for (int i = 0; i < n; i++) {
      Continuation r = rollouts.get(i);
      System.arraycopy(r.context(), 0, tokens, i * row, shape.prompt());
      System.arraycopy(r.actions(), 0, tokens, i * row + shape.prompt(), horizon - 1);
      System.arraycopy(r.actions(), 0, actions, i * horizon, horizon);
      System.arraycopy(r.logProbs(), 0, logProbs, i * horizon, horizon);
      System.arraycopy(r.rewards(), 0, rewards, i * horizon, horizon);
    }
    return new PaidContinuations(
        List.copyOf(rollouts),
        new Groups(
            n,
            row,
            shape.prompt() - 1,
            shape.samples(),
            tokens,
            new int[0],
            1,
            Groups.Draw.INDEPENDENT,
            actions,
            weights,
            logProbs),
        rewards);
  }
}
