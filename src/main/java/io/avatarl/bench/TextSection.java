package io.avatarl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.bench.Results.Section;
import java.io.IOException;
import java.util.List;

/** Reading, BPE, tokenizing and counting, at two sizes. */
record TextSection(Bench bench) {
  private static final int MERGES = 1024;

  Section table() throws IOException {
    Section table =
        new Section(
            "Text of generated plays, byte-level BPE with " + MERGES + " merges",
            "what",
            "MB",
            "seconds",
            "MB/s",
            "CPU MB/s");
    for (int megabytes : bench.quick() ? List.of(1, 10) : List.of(10, 100)) {
      bench.progress().accept("jobs/ngrams.sh on " + megabytes + " MB");
      JsonNode timings = bench.launch().ngrams(megabytes, MERGES, bench.folder());
      timings.forEach(
          timing ->
              table.add(
                  timing.path("what").asText(),
                  timing.path("bytes").asDouble() / 1e6,
                  timing.path("seconds").asDouble(),
                  timing.path("bytes").asDouble() / 1e6 / timing.path("seconds").asDouble(),
                  timing.path("bytes").asDouble() / 1e6 / timing.path("cpu_seconds").asDouble()));
    }
    table
        .notes()
        .add("one run each; linear if MB/s at the larger size is not less than at the smaller");
    return table;
  }
}
