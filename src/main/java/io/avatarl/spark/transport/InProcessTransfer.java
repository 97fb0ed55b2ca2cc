package io.avatarl.spark.transport;

import java.io.Externalizable;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A value sent between driver and tasks. Under a local master both are in one JVM, but Spark
 * serializes anyway; then only a ticket is serialized, and the value is passed by reference. The
 * sender must not change it afterwards.
 *
 * @param <T> serializable
 */
public final class InProcessTransfer<T> implements Externalizable {
  private record Ticket(String run, long number) {}

  private static final AtomicLong TICKETS = new AtomicLong();

  /** Values of this JVM that are not yet released. */
  private static final Map<Ticket, Object> HELD = new ConcurrentHashMap<>();

  private Ticket ticket; // null: the value itself is serialized
  private T value;

  /** For deserialization only. */
  public InProcessTransfer() {}

  /**
   * @param run whose end releases the value at the latest
   * @param oneJvm whether driver and tasks share this JVM
   */
  InProcessTransfer(String run, boolean oneJvm, T value) {
    this.value = value;
    if (oneJvm) {
      this.ticket = new Ticket(run, TICKETS.incrementAndGet());
      HELD.put(ticket, value);
    }
  }

  /**
   * The value.
   *
   * @throws IllegalStateException if it was released before it came here. A task that only reads
   *     what an earlier job cached is deserialized, too, and need not ask.
   */
  T value() {
    if (value == null && ticket != null) {
      throw new IllegalStateException(
          "this value was released: its run has ended, or later weights have replaced these");
    }
    return value;
  }

  /** Releases the value; nobody may ask for it again. */
  void release() {
    if (ticket != null) {
      HELD.remove(ticket);
    }
  }

  /** Releases all values of a run; nobody may ask for them again. */
  public static void release(String run) {
    HELD.keySet().removeIf(ticket -> ticket.run.equals(run));
  }

  /** Number of values of a run that this JVM holds. */
  static long count(String run) {
    return HELD.keySet().stream().filter(ticket -> ticket.run.equals(run)).count();
  }

  @Override
  public void writeExternal(ObjectOutput out) throws IOException {
    out.writeBoolean(ticket != null);
    if (ticket == null) {
      out.writeObject(value);
    } else {
      out.writeUTF(ticket.run);
      out.writeLong(ticket.number);
    }
  }

  @Override
  @SuppressWarnings("unchecked") // the type that was written
  public void readExternal(ObjectInput in) throws IOException, ClassNotFoundException {
    if (in.readBoolean()) {
      ticket = new Ticket(in.readUTF(), in.readLong());
      value = (T) HELD.get(ticket);
    } else {
      value = (T) in.readObject();
    }
  }
}
