package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunClaimTest {
  private static final Duration NEVER = Duration.ofHours(1);

  @TempDir private Path run;
  private final List<String> told = new ArrayList<>();

  private RunClaim take(Duration patience) {
    return RunClaim.take(TinyTraining.storage(), run.toString(), patience, told::add, NEVER);
  }

  private List<Path> files() throws IOException {
    try (var files = Files.list(run)) {
      return files.toList();
    }
  }

  private Path left(String host, long process, String started) throws IOException {
    return Files.writeString(
        run.resolve("claim-0.json"),
        String.format(
            "{\"host\": \"%s\", \"process\": %d, \"started\": \"%s\", \"since\": \"2026-01-01T00:00:00Z\"}",
            host, process, started));
  }

  private static String thisHost() throws IOException {
    return java.net.InetAddress.getLocalHost().getHostName();
  }

  @Test
  void ofManyThatComeAtOnceOneAtMostGoesOn() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(6);
    for (int round = 0; round < 5; round++) {
      List<Callable<RunClaim>> all = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        all.add(
            () -> {
              try {
                return take(Duration.ZERO);
              } catch (UserError e) {
                return null;
              }
            });
      }
      List<RunClaim> won = new ArrayList<>();
      for (Future<RunClaim> claim : threads.invokeAll(all)) {
        if (claim.get() != null) {
          won.add(claim.get());
        }
      }
      assertTrue(won.size() <= 1, won.size() + " claims");
      assertEquals(won.size(), files().size());
      won.forEach(RunClaim::close);
      assertEquals(List.of(), files());
    }
    threads.shutdown();
  }

  @Test
  void aLivingOneIsNamed() throws IOException {
    try (RunClaim held = take(Duration.ZERO)) {
      held.requireHeld();
      UserError refused = assertThrows(UserError.class, () -> take(NEVER));
      String message = refused.getMessage();
      assertThat(message).startsWith(run + ": is being written by process ");
      assertThat(message)
          .contains(ProcessHandle.current().pid() + " on " + thisHost(), " since 20");
      assertEquals(1, files().size());
    }
    assertEquals(List.of(), files());
    take(Duration.ZERO).close();
  }

  @Test
  void aProcessOfThisHostThatHasEndedHoldsNothing() throws IOException {
    // The number of a process that lives, but not since then.
    left(thisHost(), ProcessHandle.current().parent().orElseThrow().pid(), "2026-01-01T00:00:00Z");
    take(Duration.ZERO).close();
    left(thisHost(), 4_000_000_000L, "2026-01-01T00:00:00Z");
    take(Duration.ZERO).close();
    // This process's own, of a run that ended without closing it.
    left(thisHost(), ProcessHandle.current().pid(), "");
    take(Duration.ZERO).close();
    assertEquals(List.of(), files());
  }

  @Test
  void anotherHostsLivesWhileItIsWritten() throws IOException {
    Path other = left("elsewhere", 1, "");
    UserError refused = assertThrows(UserError.class, () -> take(Duration.ZERO));
    assertThat(refused.getMessage()).contains("process 1 on elsewhere since 2026-01-01T00:00:00Z");
    Files.setLastModifiedTime(
        other, FileTime.from(Instant.now().minus(RunClaim.DEAD).minusSeconds(5)));
    take(Duration.ZERO).close();
    assertEquals(List.of(), files());
  }

  @Test
  void whoResumesWaitsForAnotherHostsToDie() throws IOException {
    Path other = left("elsewhere", 1, "");
    Files.setLastModifiedTime(
        other, FileTime.from(Instant.now().minus(RunClaim.DEAD).plusSeconds(3)));
    take(Duration.ofSeconds(60)).close();
    assertEquals(1, told.size());
    assertThat(told.get(0)).contains("was left by process 1 on elsewhere");
  }

  @Test
  void aDamagedClaimCountsByItsAge() throws IOException {
    Path other = Files.writeString(run.resolve("claim-0.json"), "{");
    assertThrows(UserError.class, () -> take(Duration.ZERO));
    Files.setLastModifiedTime(
        other, FileTime.from(Instant.now().minus(RunClaim.DEAD.multipliedBy(2))));
    take(Duration.ZERO).close();
  }

  @Test
  void whoWasTakenForDeadWritesNothingMore() throws Exception {
    RunClaim held =
        RunClaim.take(
            TinyTraining.storage(),
            run.toString(),
            Duration.ZERO,
            told::add,
            Duration.ofMillis(20));
    Path file = files().get(0);
    FileTime first = Files.getLastModifiedTime(file);
    for (int i = 0; i < 500 && first.equals(Files.getLastModifiedTime(file)); i++) {
      Thread.sleep(20);
    }
    assertTrue(first.compareTo(Files.getLastModifiedTime(file)) < 0, "no beat");
    assertDoesNotThrow(held::requireHeld);
    Files.delete(file);
    for (int i = 0; i < 500 && held.isHeld(); i++) {
      if (Files.exists(file)) {
        Files.delete(file); // a beat came between looking and writing
      }
      Thread.sleep(20);
    }
    assertThat(assertThrows(Failure.class, held::requireHeld).getMessage())
        .contains("taken it over");
    held.close();
  }
}
