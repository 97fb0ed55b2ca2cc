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
 * One process alone writes into a run's folder. Whoever comes puts a file {@code claim-ID.json} of
 * its own there, and goes on if it then sees no other that lives. Two who come at once see each
 * other, or the later one sees the earlier; who sees another takes its file away and tries again.
 * So nothing depends on a file system that can create a file exclusively (S3A cannot): only on
 * listings that show what was written before, as those of local disks, HDFS and S3 do.
 *
 * <p>A claim on this host lives as long as its process. The file of any other is written anew every
 * {@link #BEAT}; it is dead when it is {@link #DEAD} older than one written just now, both times by
 * the file system's own clock.
 */
final class RunClaim implements AutoCloseable {
  static final Duration BEAT = Duration.ofSeconds(15);
  static final Duration DEAD = Duration.ofSeconds(60);

  private static final String PREFIX = "claim-";
  private static final String SUFFIX = ".json";
  private static final int TRIES = 6;
  private static final int LONGEST_PAUSE_MILLIS = 500;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Those of this JVM, whose process says nothing about them. */
  private static final Set<String> HELD = ConcurrentHashMap.newKeySet();

  private final Storage storage;
  private final String run;
  private final String name;
  private final String content;
  private final ScheduledExecutorService beats;
  private volatile boolean lost;

  private RunClaim(Storage storage, String run) {
    this.storage = storage;
    this.run = run;
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
   * Claims a run's folder, which exists.
   *
   * @param wait whether to wait for a claim to die that another host left (at most {@link #DEAD})
   * @param waiting is told so
   * @throws UserError where a living process holds it
   */
  static RunClaim take(Storage storage, String run, boolean wait, Consumer<String> waiting) {
    return take(storage, run, wait ? DEAD.plus(BEAT) : Duration.ZERO, waiting, BEAT);
  }

  static RunClaim take(
      Storage storage, String run, Duration patience, Consumer<String> waiting, Duration beat) {
    RunClaim claim = new RunClaim(storage, run);
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
                + "; wait until that has ended, stop it, or name another folder with --out");
      }
      if (mayDie && !told) {
        told = true;
        waiting.accept(
            run
                + ": was left by "
                + other.get().description
                + "; waiting up to "
                + patience.toSeconds()
                + " s to see whether that still lives");
      }
      pause(mayDie && tries >= TRIES ? 4 * LONGEST_PAUSE_MILLIS : LONGEST_PAUSE_MILLIS);
    }
  }

  private static void pause(int longestMillis) {
    try {
      Thread.sleep(ThreadLocalRandom.current().nextInt(longestMillis / 2, longestMillis));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure("interrupted while a run's folder was waited for");
    }
  }

  /** Another's claim that lives; dead ones are removed. */
  private Optional<Holder> living() {
    List<Holder> living = new ArrayList<>();
    // Where somebody took this one away, no other counts as old.
    long now = storage.modified(file(name)).orElse(0L);
    for (String other : storage.list(run)) {
      if (!other.startsWith(PREFIX) || !other.endsWith(SUFFIX) || other.equals(name)) {
        continue;
      }
      Optional<Long> written = storage.modified(file(other));
      if (written.isEmpty()) {
        continue; // taken away meanwhile
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
                // A number goes to another process some time after its own has ended.
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
        lost = true; // taken for dead, by who holds the folder now
        beats.shutdown();
        return;
      }
      storage.writeString(file(name), content);
    } catch (UserError | UncheckedIOException e) {
      // The next one may get through; a run whose storage is gone ends at its checkpoint.
    }
  }

  /**
   * Fails where another process has taken the folder over, which it does when this one was held up
   * for long (a machine that slept).
   */
  void requireHeld() {
    if (lost) {
      throw new Failure(
          run
              + ": another process has taken it over while this one stood still; nothing was written");
    }
  }

  boolean isHeld() {
    return !lost;
  }

  /** Gives the folder free. */
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
      // It dies by itself.
    } finally {
      HELD.remove(name);
    }
  }

  private String file(String claim) {
    return Storage.resolve(run, claim);
  }
}
