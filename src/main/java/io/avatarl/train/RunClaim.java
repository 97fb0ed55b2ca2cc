package io.avatarl.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Ensures that only one process writes into a run's folder. A process writes its own file {@code
 * claim-ID.json} there and continues if it then sees no other live claim. If two processes come at
 * once, at least one sees the other; it removes its file and tries again. This does not need a file
 * system that can create a file exclusively (S3A cannot), only listings that show earlier writes,
 * as on local disks, HDFS and S3.
 *
 * <p>A claim of this host is live as long as its process. A claim of another host is rewritten
 * every {@link #BEAT}; it is dead once it is {@link #DEAD} older than a file written just now, by
 * the file system's own clock.
 */
final class RunClaim implements AutoCloseable {
  static final Duration BEAT = Duration.ofSeconds(15);
  static final Duration DEAD = Duration.ofSeconds(60);

  /** What to do instead of writing into a folder that is claimed. */
  static final String ANOTHER_FOLDER = "name another folder with --out";

  private static final String PREFIX = "claim-";
  private static final String SUFFIX = ".json";
  private static final int TRIES = 6;
  private static final int LONGEST_PAUSE_MILLIS = 500;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Claims of this JVM; that their process lives does not say whether they are still held. */
  private static final Set<String> HELD = ConcurrentHashMap.newKeySet();

  private final Storage storage;
  private final String run;
  private final String instead;
  private final String name;
  private final String content;
  private final ScheduledExecutorService beats;
  private volatile boolean lost;

  private RunClaim(Storage storage, String run, String instead) {
    this.storage = storage;
    this.run = run;
    this.instead = instead;
    this.name = PREFIX + UUID.randomUUID() + SUFFIX;
    ProcessHandle self = ProcessHandle.current();
    this.content =
        JSON.valueToTree(
                Map.of(
                    "host", host(),
                    "process", self.pid(),
                    "started", started(self),
                    "since",
                        LocalDateTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.SECONDS) + "Z"))
            + "\n";
    this.beats =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "avatarl-claim");
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Claims a run's folder, which must exist.
   *
   * @param wait whether to wait, at most {@link #DEAD}, for a claim of another host to die
   * @param waiting gets a message before the wait
   * @throws UserError if a live process holds it
   */
  static RunClaim take(Storage storage, String run, boolean wait, Consumer<String> waiting) {
    return take(storage, run, wait ? DEAD.plus(BEAT) : Duration.ZERO, waiting, BEAT);
  }

  /**
   * Claims a run's folder for a moment.
   *
   * @param instead what to do where a living process holds it
   * @throws UserError where one does
   */
  static RunClaim take(Storage storage, String run, String instead) {
    return take(new RunClaim(storage, run, instead), Duration.ZERO, waiting -> {}, BEAT);
  }

  static RunClaim take(
      Storage storage, String run, Duration patience, Consumer<String> waiting, Duration beat) {
    return take(new RunClaim(storage, run, ANOTHER_FOLDER), patience, waiting, beat);
  }

  private static RunClaim take(
      RunClaim claim, Duration patience, Consumer<String> waiting, Duration beat) {
    HELD.add(claim.name);
    try {
      claim.take(patience, waiting);
    } catch (RuntimeException e) {
      claim.close();
      throw e;
    }
    claim.beats.scheduleAtFixedRate(
        claim::beat, beat.toMillis(), beat.toMillis(), TimeUnit.MILLISECONDS);
    return claim;
  }

  private void take(Duration patience, Consumer<String> waiting) {
    long end = System.nanoTime() + patience.toNanos();
    boolean told = false;
    for (int tries = 1; ; tries++) {
      storage.writeString(file(name), content);
      Optional<Holder> other = living();
      if (other.isEmpty()) {
        return;
      }
      storage.delete(file(name));
      boolean mayDie = !other.get().onThisHost && System.nanoTime() < end;
      if (tries >= TRIES && !mayDie) {
        throw new UserError(
            run
                + ": is being written by "
                + other.get().description
                + "; wait until it has ended, stop it, or "
                + instead);
      }
      if (mayDie && !told) {
        told = true;
        waiting.accept(
            run
                + ": was left by "
                + other.get().description
                + "; waiting up to "
                + patience.toSeconds()
                + " s to see whether it is still running");
      }
      pause(mayDie && tries >= TRIES ? 4 * LONGEST_PAUSE_MILLIS : LONGEST_PAUSE_MILLIS);
    }
  }

  private static void pause(int longestMillis) {
    try {
      Thread.sleep(ThreadLocalRandom.current().nextInt(longestMillis / 2, longestMillis));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure("interrupted while waiting for a run's folder");
    }
  }

  /** Another process's live claim; removes dead ones. */
  private Optional<Holder> living() {
    List<Holder> living = new ArrayList<>();
    // If someone removed this claim, no other counts as old.
    long now = storage.modified(file(name)).orElse(0L);
    for (String other : storage.list(run)) {
      if (!other.startsWith(PREFIX) || !other.endsWith(SUFFIX) || other.equals(name)) {
        continue;
      }
      Optional<Long> written = storage.modified(file(other));
      if (written.isEmpty()) {
        continue; // removed meanwhile
      }
      Holder holder = holder(other, now - written.get());
      if (holder.lives) {
        living.add(holder);
      } else {
        storage.delete(file(other));
      }
    }
    return living.stream().findFirst();
  }

  /** Who holds a claim. */
  private record Holder(String description, boolean onThisHost, boolean lives) {}

  private Holder holder(String other, long ageMillis) {
    JsonNode claim = read(other);
    String description =
        String.format(
            "process %s on %s since %s",
            claim.path("process").asText("?"),
            claim.path("host").asText("?"),
            claim.path("since").asText("?"));
    if (!claim.path("host").asText().equals(host())) {
      return new Holder(description, false, ageMillis < DEAD.toMillis());
    }
    long pid = claim.path("process").asLong();
    boolean lives =
        pid == ProcessHandle.current().pid()
            ? HELD.contains(other)
            : ProcessHandle.of(pid)
                // The system reuses a process id some time after the process has ended.
                .filter(process -> started(process).equals(claim.path("started").asText()))
                .isPresent();
    return new Holder(description, true, lives);
  }

  private JsonNode read(String claim) {
    try {
      return JSON.readTree(storage.readString(file(claim)));
    } catch (JsonProcessingException | UserError e) {
      return JSON.createObjectNode(); // removed or damaged meanwhile: its age decides
    }
  }

  private static String started(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toString).orElse("");
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return String.valueOf(System.getenv("HOSTNAME"));
    }
  }

  /** Shows that this process lives. */
  private void beat() {
    try {
      if (!storage.exists(file(name))) {
        lost = true; // another process took this claim for dead and holds the folder now
        beats.shutdown();
        return;
      }
      storage.writeString(file(name), content);
    } catch (UserError | UncheckedIOException e) {
      // The next beat may succeed; a run without storage fails at its next checkpoint.
    }
  }

  /**
   * Fails if another process has taken over the folder, which happens if this one was suspended for
   * long (a machine that slept).
   */
  void requireHeld() {
    if (lost) {
      throw new Failure(
          run
              + ": another process has taken it over while this one was suspended; nothing was"
              + " written");
    }
  }

  boolean isHeld() {
    return !lost;
  }

  /** Releases the folder. */
  @Override
  public void close() {
    beats.shutdownNow();
    try {
      if (beats.awaitTermination(BEAT.toSeconds(), TimeUnit.SECONDS)) {
        storage.delete(file(name));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (UserError | UncheckedIOException e) {
      // The claim expires by itself.
    } finally {
      HELD.remove(name);
    }
  }

  private String file(String claim) {
    return Storage.resolve(run, claim);
  }
}
