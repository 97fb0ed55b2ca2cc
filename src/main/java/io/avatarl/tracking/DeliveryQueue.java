package io.avatarl.tracking;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Delivers a run's records in order, on a thread of its own, so that training never waits. What
 * cannot be delivered stays in the queue and is tried again until {@link #close}; what the receiver
 * refuses for good is dropped and counted.
 */
final class DeliveryQueue {
  /** Where records go. Called by the queue's thread alone. */
  interface Receiver {
    /** Gets ready. Called before each delivery, so that a failed attempt is repeated. */
    void open() throws IOException, InterruptedException;

    /** Whether it got so far that anything can be delivered. */
    boolean isOpen();

    void deliver(List<TimedRecord> records) throws IOException, InterruptedException;

    /** Takes a file of the run's folder. */
    void upload(String file) throws IOException, InterruptedException;

    /** The run is over; the last call. */
    void end(String status) throws IOException, InterruptedException;
  }

  /** What to do next. */
  private sealed interface Task {}

  private record Deliver(List<TimedRecord> records) implements Task {}

  private record Upload(String file) implements Task {}

  private record End(String status) implements Task {}

  private final int fieldsPerDelivery;
  private final Patience patience;

  // Guarded by this.
  private final Deque<TimedRecord> records = new ArrayDeque<>();
  private final List<String> files = new ArrayList<>();
  private Optional<Thread> thread = Optional.empty();
  private String status = "";
  private boolean closing;
  private boolean done;
  private long refused;
  private Optional<String> trouble = Optional.empty();
  private boolean troubled;

  /**
   * @param fieldsPerDelivery most fields of all records of one delivery
   */
  DeliveryQueue(int fieldsPerDelivery, Patience patience) {
    this.fieldsPerDelivery = fieldsPerDelivery;
    this.patience = patience;
  }

  /** Begins to deliver. */
  synchronized void start(Receiver receiver) {
    Thread delivering = new Thread(() -> deliverAll(receiver), "mlflow");
    delivering.setDaemon(true);
    thread = Optional.of(delivering);
    delivering.start();
  }

  synchronized void add(TimedRecord record) {
    records.add(record);
    notifyAll();
  }

  /** Files of the run's folder, which are uploaded after the last record. */
  synchronized void addFiles(List<String> names) {
    files.addAll(names);
  }

  /** The first failure, once. */
  synchronized Optional<String> newTrouble() {
    Optional<String> news = trouble;
    trouble = Optional.empty();
    return news;
  }

  /**
   * Delivers what is left, within {@link Patience#close()}. Returns how many records were not
   * delivered; 0 where the queue was never started or is closed already.
   *
   * @param status of the run
   */
  long close(String status) {
    long undelivered;
    synchronized (this) {
      if (thread.isEmpty() || closing) {
        return 0;
      }
      this.status = status;
      closing = true;
      notifyAll();
      long end = System.nanoTime() + patience.close().toNanos();
      long left;
      while (!done && (left = (end - System.nanoTime()) / 1_000_000) > 0) {
        try {
          wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          break;
        }
      }
      undelivered = refused + records.size();
      thread.get().interrupt();
    }
    return undelivered;
  }

  private void deliverAll(Receiver receiver) {
    Duration pause = patience.firstRetry();
    try {
      while (true) {
        try {
          receiver.open();
          if (!deliverOne(receiver, next())) {
            break;
          }
          pause = patience.firstRetry();
        } catch (RefusedException e) {
          failed(e.getMessage());
          if (!receiver.isOpen()) {
            break;
          }
        } catch (IOException e) {
          failed(e + "; trying again until the run ends");
          Thread.sleep(pause.toMillis());
          pause = isClosing() ? patience.firstRetry() : patience.longerThan(pause);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      failed(e.toString());
    } finally {
      synchronized (this) {
        done = true;
        notifyAll();
      }
    }
  }

  /** Waits until there is something to do. Files wait for the end: the report is among them. */
  private synchronized Task next() throws InterruptedException {
    while (records.isEmpty() && !closing) {
      wait();
    }
    if (records.isEmpty()) {
      return files.isEmpty() ? new End(status) : new Upload(files.get(0));
    }
    List<TimedRecord> batch = new ArrayList<>();
    int fields = 0;
    for (TimedRecord record : records) {
      fields += record.fields().size();
      if (fields > fieldsPerDelivery && !batch.isEmpty()) {
        break;
      }
      batch.add(record);
    }
    return new Deliver(batch);
  }

  /** Delivers, and takes from the queue what was delivered or refused; false after the last. */
  private boolean deliverOne(Receiver receiver, Task task)
      throws IOException, InterruptedException {
    if (task instanceof Deliver next) {
      try {
        receiver.deliver(next.records());
      } catch (RefusedException e) {
        removeRecords(next.records().size(), true);
        throw e;
      }
      removeRecords(next.records().size(), false);
    } else if (task instanceof Upload next) {
      try {
        receiver.upload(next.file());
      } catch (RefusedException e) {
        removeFile();
        throw e;
      }
      removeFile();
    } else if (task instanceof End next) {
      try {
        receiver.end(next.status());
      } catch (RefusedException e) {
        failed(e.getMessage());
      }
      return false;
    }
    return true;
  }

  private synchronized void removeRecords(int count, boolean asRefused) {
    for (int i = 0; i < count; i++) {
      records.removeFirst();
    }
    refused += asRefused ? count : 0;
  }

  private synchronized void removeFile() {
    files.remove(0);
  }

  private synchronized boolean isClosing() {
    return closing;
  }

  private synchronized void failed(String why) {
    if (!troubled) {
      troubled = true;
      trouble = Optional.of(why.lines().findFirst().orElse(""));
    }
  }
}
