package io.avatarl.rollout;

import java.io.Externalizable;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What one task returns to the learner: its groups with their advantages, and sums for the metrics.
 * Rewards stay on the executor, because the learner does not need them.
 *
 * <p>Gold tokens and {@code rowsPerContext} stay there too.
 *
 * <p>Arrays are serialized as blocks of bytes, because Java serialization writes floats one by one.
 */
public final class RolloutShard implements Externalizable {
  private int shard;
  private Groups groups;
  private float[] advantages;
  private float[] reference;
  private RolloutStatistics statistics;

  /** For deserialization only. */
  public RolloutShard() {}

  /**
   * @param shard its number within the step
   * @param advantages [G·K]
   * @param reference log-probabilities of the KL term's reference: of every token [G·V], of the
   *     actions [G·K], or empty
   */
  public RolloutShard(
      int shard,
      Groups groups,
      float[] advantages,
      float[] reference,
      RolloutStatistics statistics) {
    this.shard = shard;
    this.groups = groups.apart();
    this.advantages = advantages;
    this.reference = reference;
    this.statistics = statistics;
  }

  public int shard() {
    return shard;
  }

  public Groups groups() {
    return groups;
  }

  /** [G·K]. */
  public float[] advantages() {
    return advantages;
  }

  /** Log-probabilities of the reference, [G·V] or [G·K]; empty without a KL term. */
  public float[] reference() {
    return reference;
  }

  public RolloutStatistics statistics() {
    return statistics;
  }

  /** A copy with the seconds that writing its table took. */
  public RolloutShard tabled(double seconds) {
    return new RolloutShard(
        shard,
        groups,
        advantages,
        reference,
        statistics.timed(statistics.rolloutSeconds(), statistics.rewardSeconds(), seconds));
  }

  /** Bytes of the serialized arrays. */
  public long bytes() {
    return 4L
        * (groups.tokens().length
            + groups.actions().length
            + groups.weights().length
            + groups.logProbs().length
            + advantages.length
            + reference.length);
  }

  @Override
  public void writeExternal(ObjectOutput out) throws IOException {
    out.writeInt(shard);
    out.writeInt(groups.windows());
    out.writeInt(groups.context());
    out.writeInt(groups.first());
    out.writeInt(groups.actionsPerGroup());
    out.writeByte(groups.draw().ordinal());
    write(out, groups.tokens());
    write(out, groups.actions());
    write(out, groups.weights());
    write(out, groups.logProbs());
    write(out, advantages);
    write(out, reference);
    out.writeObject(statistics);
  }

  @Override
  public void readExternal(ObjectInput in) throws IOException, ClassNotFoundException {
    shard = in.readInt();
    int windows = in.readInt();
    int context = in.readInt();
    int first = in.readInt();
    int actionsPerGroup = in.readInt();
    Groups.Draw draw = Groups.Draw.values()[in.readByte()];
    int[] tokens = readInts(in);
    int[] actions = readInts(in);
    groups =
        new Groups(
            windows,
            context,
            first,
            1,
            tokens,
            new int[0],
            actionsPerGroup,
            draw,
            actions,
            readFloats(in),
            readFloats(in));
    advantages = readFloats(in);
    reference = readFloats(in);
    statistics = (RolloutStatistics) in.readObject();
  }

  private static void write(ObjectOutput out, int[] values) throws IOException {
    ByteBuffer block = block(values.length);
    block.asIntBuffer().put(values);
    out.writeInt(values.length);
    out.write(block.array());
  }

  private static void write(ObjectOutput out, float[] values) throws IOException {
    ByteBuffer block = block(values.length);
    block.asFloatBuffer().put(values);
    out.writeInt(values.length);
    out.write(block.array());
  }

  private static int[] readInts(ObjectInput in) throws IOException {
    int[] values = new int[in.readInt()];
    read(in, values.length).asIntBuffer().get(values);
    return values;
  }

  private static float[] readFloats(ObjectInput in) throws IOException {
    float[] values = new float[in.readInt()];
    read(in, values.length).asFloatBuffer().get(values);
    return values;
  }

  private static ByteBuffer read(ObjectInput in, int length) throws IOException {
    ByteBuffer block = block(length);
    in.readFully(block.array());
    return block;
  }

  private static ByteBuffer block(int length) {
    return ByteBuffer.allocate(Math.multiplyExact(length, 4)).order(ByteOrder.LITTLE_ENDIAN);
  }
}
