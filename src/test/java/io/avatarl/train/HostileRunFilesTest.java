package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.Mutation;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.spark.rollout.PolicySnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Files of a run's folder that training goes on from, as nobody wrote them. */
class HostileRunFilesTest {
  private static final int TRIES = 1000;
  private static final TrainerState TRAINER =
      new TrainerState(
          3,
          6,
          100,
          200,
          0.5,
          -0.25,
          1.5,
          Map.of("learn", 0.5),
          new TransferredBytes.Moved(1L << 40, 7),
          0.25,
          Curriculum.Position.START,
          new HealthMonitor.State(
              List.of(0.5),
              List.of(0.25),
              List.of(1e-30),
              List.of(),
              List.of(),
              List.of(0.5),
              Map.of("rate", 7)),
          new TrainerState.Evaluation(2, 1.5),
          new EarlyStopping.State(new TrainerState.Evaluation(1, 1.25), 2),
          Map.of("steps", "6"));
  private static Path run;

  @BeforeContainer
  static void make() throws IOException {
    run = Files.createTempDirectory("avatarl-hostile");
  }

  @AfterContainer
  static void delete() throws IOException {
    try (var files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Provide
  Arbitrary<String> markers() {
    return Mutation.of(CheckpointFolder.toMarker(TRAINER).toPrettyString());
  }

  /** Forged with care: the marker's own checksum matches. */
  @Property(tries = TRIES, seed = Mutation.SEED)
  void positionsAreReadOrRefused(@ForAll("markers") String json) throws IOException {
    JsonNode node;
    try {
      node = new ObjectMapper().readTree(json);
    } catch (IOException e) {
      return; // Refused before it gets here; see the tests of CheckpointFolder.
    }
    if (node instanceof ObjectNode marker) {
      CheckpointFolder folder = CheckpointFolder.of(run.toString(), 3);
      folder.write(TinyTraining.storage(), Map.of(), marker);
      TrainerState trainer =
          Mutation.read(
              json.length(), () -> folder.content(TinyTraining.storage(), TrainerState.class));
      if (trainer != null) {
        new HealthMonitor(trainer.monitor(), 1).state();
      }
    }
  }

  @Provide
  Arbitrary<String> summaries() {
    return Mutation.of(
        """
        {"val_ce": 1.5, "val_ce_sliding": 1.4, "val_perplexity": 4.5, "val_accuracy": 0.5, "steps": 6,
         "baselines": {"bigram": {"ce": 2.5, "accuracy": 0.25}}, "stage_seconds": {"learn": 1.5},
         "corpus": "play", "weights_sha256": "ab", "preset": "x", "seed": 1}
        """);
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void summariesAreReadOrRefused(@ForAll("summaries") String json) {
    Mutation.read(json.length(), () -> Summary.fromJson("summary.json", json));
  }

  private static PolicySnapshot snapshot(long step) {
    return new PolicySnapshot(step, List.of(), "text of " + step);
  }

  @Provide
  Arbitrary<byte[]> contexts() throws IOException {
    Files.deleteIfExists(run.resolve(RunFiles.CONTEXTS));
    PolicySnapshots.add(TinyTraining.storage(), run.toString(), snapshot(0));
    PolicySnapshots.add(TinyTraining.storage(), run.toString(), snapshot(2));
    return Mutation.of(Files.readAllBytes(run.resolve(RunFiles.CONTEXTS)));
  }

  /** Whatever was there, the newest snapshot is in the file, and the file can be read. */
  @Property(tries = TRIES, seed = Mutation.SEED)
  void contextsAreAddedTo(@ForAll("contexts") byte[] before) throws IOException {
    Path file = run.resolve(RunFiles.CONTEXTS);
    Files.write(file, before);
    Mutation.read(
        before.length,
        () -> {
          PolicySnapshots.add(TinyTraining.storage(), run.toString(), snapshot(4));
          return true;
        });
    JsonNode after = TinyTraining.json(file);
    assertEquals(4, after.at("/last/step").asLong());
    assertTrue(after.path("first").isObject());
    JsonNode samples = after.path("samples");
    assertEquals("text of 4", samples.path(samples.size() - 1).path("text").asText());
  }
}
