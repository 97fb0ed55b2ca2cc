package io.avatarl.spark.transport;

import java.io.Externalizable;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A value on its way between driver and tasks. Under a local master both are in one JVM, and Spark
 * serializes all the same; then only a ticket travels, and the value itself is handed over by
 * reference. Whoever has handed it over must not change it any more.
 *
 * @param <T> serializable
 */
public final class InProcessTransfer<T> implements Externalizable {
  private record Ticket(String run, long number) {}

  private static final AtomicLong TICKETS = new AtomicLong();

  /** What this JVM has handed over and not yet released. */
  private static final Map<Ticket, Object> HELD = new ConcurrentHashMap<>();

  private Ticket ticket; // null: the value travels
  private T value;

  /** For deserialization only. */
  public InProcessTransfer() {}

  /**
   * @param run that releases what is left over when it ends
   * @param oneJvm whether driver and tasks share this JVM
   */
  InProcessTransfer(String run, boolean oneJvm, T value) {
    this.value = value;
    if (oneJvm) {
      this.ticket = new Ticket(run, TICKETS.incrementAndGet());
      HELD.put(ticket, value);
    }
  }

  T value() {
    return value;
  }

  /** Nobody will ask for the value again. */
  void release() {
    if (ticket != null) {
      HELD.remove(ticket);
    }
  }

  /** Nobody will ask for any value of a run again. */
  public static void release(String run) {
    HELD.keySet().removeIf(ticket -> ticket.run.equals(run));
  }

  /** Values of a run that this JVM holds. */
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
      if (value == null) {
        throw new IOException("a value of a run that has ended was asked for");
      }
    } else {
      value = (T) in.readObject();
    }
  }
}
