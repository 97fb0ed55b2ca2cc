package io.avatarl.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.files.Storage;
import io.avatarl.spark.rollout.PolicySnapshot;

/**
 * {@code RUN/contexts.json}, for the report: the first and the latest {@link PolicySnapshot} of a
 * run, and the short samples of all of them.
 */
final class PolicySnapshots {
  private static final ObjectMapper JSON = new ObjectMapper();

  private PolicySnapshots() {}

  /** Adds a snapshot to the file; drops those of later steps, which a killed run left. */
  static void add(Storage storage, String run, PolicySnapshot snapshot) {
    String file = Storage.resolve(run, RunFiles.CONTEXTS);
    ObjectNode root = JSON.createObjectNode();
    ArrayNode samples = root.putArray("samples");
    root.set("first", JSON.valueToTree(snapshot));
    if (snapshot.step() > 0 && storage.exists(file)) {
      try {
        ObjectNode before = (ObjectNode) JSON.readTree(storage.readString(file));
        root.set("first", (ObjectNode) before.required("first"));
        before
            .path("samples")
            .forEach(
                sample -> {
                  if (sample.path("step").asLong() < snapshot.step()) {
                    samples.add(sample);
                  }
                });
      } catch (JsonProcessingException | ClassCastException | IllegalArgumentException e) {
        // Writes are atomic, so the file was changed by hand; the report starts over.
        root.set("first", JSON.valueToTree(snapshot));
      }
    }
    root.set("last", JSON.valueToTree(snapshot));
    samples.addObject().put("step", snapshot.step()).put("text", snapshot.sample());
    storage.writeString(file, root.toString());
  }
}
