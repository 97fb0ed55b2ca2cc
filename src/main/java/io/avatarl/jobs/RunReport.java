package io.avatarl.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.TrainingConfig;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.train.RunFiles;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The samples and the report page of a finished run.
 *
 * @param samples that were written
 * @param page where it is
 */
record RunReport(List<String> samples, String page) {
  /** Writes both into the run's folder. */
  static RunReport write(Storage storage, TrainingConfig config, String folder) {
    List<String> samples = samples(storage, config, folder);
    storage.writeString(
        Storage.resolve(folder, RunFiles.SAMPLES), new ObjectMapper().valueToTree(samples) + "\n");
    String page = Storage.resolve(folder, RunFiles.REPORT);
    ReportPage.write(storage, List.of(folder), page);
    return new RunReport(samples, page);
  }

  private static List<String> samples(Storage storage, TrainingConfig config, String folder) {
    List<String> samples = new ArrayList<>();
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, folder, CheckpointFolder.NEWEST);
    try (TextSampler sampler =
        new TextSampler(
            storage,
            checkpoint,
            config,
            Optional.of(config.sample().prompt()).filter(prompt -> !prompt.isEmpty()))) {
      for (int i = 0; i < config.sample().count(); i++) {
        StringBuilder text = new StringBuilder();
        sampler.sample(
            config.sample().tokens(),
            config.sample().temperature(),
            config.seed(),
            i,
            text::append);
        samples.add(text.toString());
      }
    }
    return samples;
  }
}
