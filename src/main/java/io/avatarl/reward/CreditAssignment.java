package io.avatarl.reward;

import io.avatarl.config.RolloutConfig;
import io.avatarl.rollout.Groups;
import java.util.Arrays;

/** Distributes a continuation's rewards over its tokens. */
public final class CreditAssignment {
  private CreditAssignment() {}

  /**
   * Per token: unchanged. Per sequence: every token of a row gets an even share of the row's sum.
   *
   * @param rewards [G·K]; changed in place
   */
  public static void assign(RolloutConfig.Credit credit, Groups groups, float[] rewards) {
    if (credit == RolloutConfig.Credit.SEQUENCE && groups.rowsPerContext() > 1) {
      int row = groups.groupsPerRow();
      for (int from = 0; from < rewards.length; from += row) {
        double sum = 0;
        for (int i = from; i < from + row; i++) {
          sum += rewards[i];
        }
        Arrays.fill(rewards, from, from + row, (float) (sum / row));
      }
    }
  }
}
