package io.avatarl.evaluation;

import java.util.ArrayList;
import java.util.List;

/**
 * A stretch of the validation split for one forward pass: inputs tokens[start .. start+length),
 * targets shifted by one. Only targets from {@code countFrom} on are counted.
 */
public record EvaluationWindow(int start, int length, int countFrom) {
  /**
   * Windows end to end: every target is counted once; the last window may be shorter. (nanoGPT
   * estimates its loss on windows at random positions of the same split.)
   *
   * @param tokens in the split
   * @param context T
   */
  public static List<EvaluationWindow> consecutive(int tokens, int context) {
    List<EvaluationWindow> segments = new ArrayList<>();
    for (int start = 0; start < tokens - 1; start += context) {
      segments.add(new EvaluationWindow(start, Math.min(context, tokens - 1 - start), 0));
    }
    return segments;
  }

  /**
   * Windows that overlap by half: each counts the targets that have more than half a context before
   * them, so that every target but the split's first half context is counted once.
   */
  public static List<EvaluationWindow> sliding(int tokens, int context) {
    int half = context / 2;
    int targets = tokens - 1;
    List<EvaluationWindow> segments = new ArrayList<>();
    int counted = half;
    while (counted < targets) {
      int start = Math.max(0, Math.min(counted - half, targets - context));
      int length = Math.min(context, targets - start);
      segments.add(new EvaluationWindow(start, length, counted - start));
      counted = start + length;
    }
    return segments;
  }

  /** At most {@code count} full windows of {@link #consecutive}, evenly spread over the split. */
  public static List<EvaluationWindow> spread(int tokens, int context, int count) {
    int windows = (tokens - 1) / context;
    int n = Math.min(count, windows);
    List<EvaluationWindow> segments = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      segments.add(new EvaluationWindow((int) ((long) windows * i / n) * context, context, 0));
    }
    return segments;
  }
}
