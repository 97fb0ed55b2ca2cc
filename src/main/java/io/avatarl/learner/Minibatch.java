package io.avatarl.learner;

import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Consecutive windows of a step's shards, packed for tensors. Each float array of a step lies in a
 * direct buffer; a minibatch or a slice is a range of windows over these buffers, without copies.
 */
public final class Minibatch {
  private final Step step;
  private final int from;
  private final int to;

  private Minibatch(Step step, int from, int to) {
    this.step = step;
    this.from = from;
    this.to = to;
  }

  /** The arrays of all windows of a step, in shard order. */
  private record Step(
      int context,
      int first,
      int actionsPerGroup,
      int referenceWidth,
      long[] inputs,
      long[] actions,
      ByteBuffer weights,
      ByteBuffer oldLogProbs,
      ByteBuffer advantages,
      ByteBuffer reference) {
    int groupsPerRow() {
      return context - first;
    }
  }

  /**
   * Cuts a step's windows, in shard order, into {@code count} minibatches of equal size.
   *
   * @param shards in shard order
   */
  public static List<Minibatch> of(List<RolloutShard> shards, int count) {
    Groups first = shards.get(0).groups();
    int windows = shards.stream().mapToInt(s -> s.groups().windows()).sum();
    int context = first.context();
    int k = first.actionsPerGroup();
    int groups = Math.multiplyExact(windows, first.groupsPerRow());
    int entries = Math.multiplyExact(groups, k);
    int referenceWidth = shards.get(0).reference().length / first.count();
    Step step =
        new Step(
            context,
            first.first(),
            k,
            referenceWidth,
            new long[windows * context],
            new long[first.actions().length == 0 ? 0 : entries],
            buffer(entries),
            buffer(entries),
            buffer(entries),
            buffer(Math.multiplyExact(groups, referenceWidth)));
    int window = 0;
    int entry = 0;
    int referenceEntry = 0;
    for (RolloutShard shard : shards) {
      Groups part = shard.groups();
      for (int i = 0; i < part.tokens().length; i++) {
        step.inputs[window * context + i] = part.tokens()[i];
      }
      window += part.windows();
      for (int i = 0; i < part.actions().length; i++) {
        step.actions[entry + i] = part.actions()[i];
      }
      put(step.weights, entry, part.weights());
      put(step.oldLogProbs, entry, part.logProbs());
      put(step.advantages, entry, shard.advantages());
      put(step.reference, referenceEntry, shard.reference());
      entry += part.weights().length;
      referenceEntry += shard.reference().length;
    }
    List<Minibatch> minibatches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      minibatches.add(
          new Minibatch(
              step, (int) ((long) windows * i / count), (int) ((long) windows * (i + 1) / count)));
    }
    return minibatches;
  }

  private static ByteBuffer buffer(int floats) {
    return ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES))
        .order(ByteOrder.nativeOrder());
  }

  private static void put(ByteBuffer target, int at, float[] values) {
    target.asFloatBuffer().put(at, values);
  }

  int windows() {
    return to - from;
  }

  int context() {
    return step.context;
  }

  /** Position of the first group in a row. */
  int first() {
    return step.first;
  }

  public int groups() {
    return windows() * step.groupsPerRow();
  }

  int actionsPerGroup() {
    return step.actionsPerGroup;
  }

  /** Windows [{@code first}, {@code last}) of this minibatch. */
  Minibatch slice(int first, int last) {
    return new Minibatch(step, from + first, from + last);
  }

  /** Input tokens, [windows·T]. */
  long[] inputs() {
    return java.util.Arrays.copyOfRange(step.inputs, from * step.context, to * step.context);
  }

  /** Tokens of the actions, [groups·K]; absent if entry k is token k. */
  Optional<long[]> actions() {
    return step.actions.length == 0
        ? Optional.empty()
        : Optional.of(java.util.Arrays.copyOfRange(step.actions, entry(from), entry(to)));
  }

  ByteBuffer weights() {
    return range(step.weights);
  }

  ByteBuffer oldLogProbs() {
    return range(step.oldLogProbs);
  }

  ByteBuffer advantages() {
    return range(step.advantages);
  }

  /** Reference log-probabilities per group: V, K, or 0 without a reference. */
  int referenceWidth() {
    return step.referenceWidth;
  }

  ByteBuffer reference() {
    return range(step.reference, step.referenceWidth);
  }

  private ByteBuffer range(ByteBuffer all) {
    return range(all, step.actionsPerGroup);
  }

  private ByteBuffer range(ByteBuffer all, int perGroup) {
    int floats = step.groupsPerRow() * perGroup;
    return all.slice(from * floats * Float.BYTES, (to - from) * floats * Float.BYTES)
        .order(ByteOrder.nativeOrder());
  }

  private int entry(int window) {
    return window * step.groupsPerRow() * step.actionsPerGroup;
  }
}
