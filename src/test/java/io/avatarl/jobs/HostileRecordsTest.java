package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.Mutation;
import io.avatarl.config.ConfigReader;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.hadoop.conf.Configuration;

/** A run's folder with records that no run wrote, and what the report makes of them. */
class HostileRecordsTest {
  private static final Map<String, String> FILES = new LinkedHashMap<>();
  private static Path run;

  @BeforeContainer
  static void write() throws IOException {
    run = Files.createTempDirectory("avatarl-hostile");
    FILES.put(
        "metrics/steps-000001-000002.jsonl",
        """
        {"kind":"update","step":1,"update":1,"stage":"one","reward":0.25,"kl":"NaN"}
        {"kind":"update","step":1,"update":2,"stage":"two","reward":0.75,"kl":0.5}
        {"kind":"evaluation","step":1,"update":2,"val_ce":2.125,"val_accuracy":0.375}
        {"kind":"warning","step":2,"warning":"entropy collapse"}
        """);
    FILES.put(
        "summary.json",
        "{\"val_ce\":1.6789,\"corpus\":\"play\",\"baselines\":{\"bigram\":{\"ce\":2.4,\"accuracy\":0.2}}}");
    FILES.put("samples.json", "[\"To be\", \"or not\"]");
    FILES.put(
        "contexts.json",
        "{\"samples\":[{\"step\":0,\"text\":\"x\"}],\"first\":{\"step\":0,\"contexts\":[]},\"last\":{\"step\":2,\"contexts\":[]}}");
    Files.createDirectories(run.resolve("metrics"));
    Files.writeString(
        run.resolve("config.conf"), ConfigReader.render(ConfigReader.read("x", "", List.of())));
    for (Map.Entry<String, String> file : FILES.entrySet()) {
      Files.writeString(run.resolve(file.getKey()), file.getValue());
    }
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
  Arbitrary<Map.Entry<String, byte[]>> oneFile() {
    return Arbitraries.of(FILES.entrySet())
        .flatMap(
            entry ->
                Mutation.of(entry.getValue().getBytes(StandardCharsets.UTF_8))
                    .map(bytes -> Map.entry(entry.getKey(), bytes)));
  }

  @Property(tries = 1500, seed = Mutation.SEED)
  void recordsAreReadOrRefused(@ForAll("oneFile") Map.Entry<String, byte[]> altered)
      throws IOException {
    Path file = run.resolve(altered.getKey());
    Files.write(file, altered.getValue());
    try {
      ObjectNode record =
          Mutation.read(
              altered.getValue().length,
              () -> RunRecord.read(new Storage(new Configuration()), run.toString()));
      if (record != null) {
        ObjectNode data = JsonNodeFactory.instance.objectNode();
        data.putArray("runs").add(record);
        String embedded = ReportPage.embeddable(data.toString());
        assertFalse(embedded.contains("<") || embedded.contains("&"));
        assertEquals(
            RunRecord.parse("page", data.toString()).toString(),
            RunRecord.parse("page", embedded).toString());
      }
    } finally {
      Files.writeString(file, FILES.get(altered.getKey()));
    }
  }
}
