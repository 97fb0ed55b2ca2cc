package io.avatarl.tracking;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Delivers a run's records in order on its own thread, so that training never waits. Undelivered
 * records stay in the queue and are retried until {@link #close}; records that the receiver rejects
 * permanently are dropped and counted.
 */
final class DeliveryQueue {
  /** Receives records. Only called by the queue's thread. */
  interface Receiver {
    /** Connects. Called before each delivery, so that a failed attempt is repeated. */
    void open() throws IOException, InterruptedException;

    /** Whether anything can be delivered. */
    boolean isOpen();

    void deliver(List<TimedRecord> records) throws IOException, InterruptedException;

    /** Uploads a file of the run's folder. */
    void upload(String file) throws IOException, InterruptedException;

    /** Ends the run; the last call. */
    void end(String status) throws IOException, InterruptedException;
  }

  /** What to do next. */
  private sealed interface Task {}

  private record Deliver(List<TimedRecord> records) implements Task {}

  private record Upload(String file) implements Task {}

  private record End(String status) implements Task {}

  private final int fieldsPerDelivery;
  private final Patience patience;

  // Fields below are guarded by this.
  private final Deque<TimedRecord> records = new ArrayDeque<>();
  private final List<String> files = new ArrayList<>();
  private Optional<Thread> thread = Optional.empty();
  private String status = "";
  private boolean closing;
  private boolean done;
  private long refused;
  private Duration longer = Duration.ZERO;
  private Optional<String> trouble = Optional.empty();
  private boolean troubled;

  /**
   * @param fieldsPerDelivery most fields in the records of one delivery
   */
  DeliveryQueue(int fieldsPerDelivery, Patience patience) {
    this.fieldsPerDelivery = fieldsPerDelivery;
    this.patience = patience;
  }

  /** Starts to deliver. */
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

  /**
   * Adds files of the run's folder, to be uploaded after the last record.
   *
   * @param longer by how much longer {@link #close} may take because of them
   */
  synchronized void addFiles(List<String> names, Duration longer) {
    files.addAll(names);
    this.longer = this.longer.plus(longer);
  }

  /** The first failure; returned only once. */
  synchronized Optional<String> newTrouble() {
    Optional<String> news = trouble;
    trouble = Optional.empty();
    return news;
  }

  /**
   * Delivers what is left, within {@link Patience#close()} and what {@link #addFiles} added.
   * Returns the number of undelivered records; 0 if the queue was never started or is already
   * closed.
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
      long end = System.nanoTime() + patience.close().plus(longer).toNanos();
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

  /**
   * Waits until there is something to do. Files wait until the end, because the report is one of
   * them.
   */
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

  /**
   * Delivers, and removes from the queue what was delivered or rejected; false after the last task.
   */
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
