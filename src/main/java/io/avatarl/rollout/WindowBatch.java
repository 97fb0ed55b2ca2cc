package io.avatarl.rollout;

/**
 * Windows of the corpus, split into inputs and targets.
 *
 * @param windows B
 * @param context T
 * @param inputs the first T tokens of each window, [B·T]
 * @param golds the last T tokens of each window, [B·T]
 */
public record WindowBatch(int windows, int context, int[] inputs, int[] golds) {
  /**
   * @param packed windows of T+1 tokens, [B·(T+1)]
   */
  public static WindowBatch of(int windows, int[] packed) {
    int context = packed.length / windows - 1;
    int[] inputs = new int[windows * context];
    int[] golds = new int[windows * context];
    for (int b = 0; b < windows; b++) {
      System.arraycopy(packed, b * (context + 1), inputs, b * context, context);
      System.arraycopy(packed, b * (context + 1) + 1, golds, b * context, context);
    }
    return new WindowBatch(windows, context, inputs, golds);
  }
}
