package io.avatarl.jobs;

import io.avatarl.config.GptConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.interchange.GgufModel;
import io.avatarl.interchange.HuggingFaceModel;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.train.Runs;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Exports a checkpoint with a model card: as a folder for Hugging Face's transformers, or as a GGUF
 * file for llama.cpp.
 *
 * <pre>{@code
 * ModelExport.write("s3a://bucket/runs/1", "hf", "s3a://bucket/models/1");
 * }</pre>
 */
public final class ModelExport {
  /** The format to write. */
  public enum Format {
    /** Hugging Face: {@code config.json}, {@code model.safetensors} and the tokenizer. */
    HF,
    /** {@code model.gguf}. */
    GGUF
  }

  /**
   * The result of an export.
   *
   * @param checkpoint that it was made from
   * @param architecture as the format calls it
   * @param files names in the folder
   */
  record Written(
      CheckpointFolder checkpoint, String architecture, String folder, List<String> files) {}

  private ModelExport() {}

  /**
   * Exports a run's newest checkpoint, or the one that a path names.
   *
   * @param run a run's folder, or one of its {@code checkpoints/step-*}
   * @param format {@code hf} or {@code gguf}
   * @param out a folder that does not exist yet; any Hadoop path
   * @throws UserError if there is no such run, if the model's form has no counterpart in the format
   *     (it names the switch), or if {@code out} exists
   */
  public static void write(String run, String format, String out) {
    Format chosen =
        Stream.of(Format.values())
            .filter(f -> f.name().equalsIgnoreCase(format))
            .findFirst()
            .orElseThrow(() -> new UserError("format " + format + " is not one of hf, gguf"));
    CheckpointChoice.OfRun which = new CheckpointChoice().of(run);
    write(Job.storage(), which, chosen, out);
  }

  static Written write(Storage storage, CheckpointChoice.OfRun which, Format format, String out) {
    String run = which.run();
    TrainingConfig config = Runs.config(storage, run);
    requireCounterpart(config.model(), format);
    if (storage.exists(out)) {
      throw new UserError(out + ": exists already; name a new folder with --out");
    }
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, run, which.checkpoint());
    GptConfig model = checkpoint.config(storage);
    Tokenizer tokenizer = checkpoint.tokenizer(storage);
    Parameters parameters =
        checkpoint.parameters(storage, ParameterLayout.of(model, tokenizer.vocabularySize()));
    String name = name(run);
    Map<String, byte[]> files = new LinkedHashMap<>();
    String card =
        ModelCard.of(
            new ModelCard.Facts(
                name,
                format,
                config,
                model,
                tokenizer,
                parameters,
                checkpoint,
                ModelCard.figures(storage, run, checkpoint)));
    files.put("README.md", card.getBytes(StandardCharsets.UTF_8));
    switch (format) {
      case HF -> files.putAll(HuggingFaceModel.files(model, tokenizer, parameters));
      case GGUF -> files.put("model.gguf", GgufModel.file(name, model, tokenizer, parameters));
    }
    if (isInside(storage, out, run)) {
      Runs.whileClaimed(storage, run, () -> writeAll(storage, out, files));
    } else {
      writeAll(storage, out, files);
    }
    return new Written(
        checkpoint,
        format == Format.HF ? HuggingFaceModel.architecture(model) : "apertus",
        out,
        List.copyOf(files.keySet()));
  }

  /**
   * @throws UserError that names the switch without a counterpart
   */
  static void requireCounterpart(GptConfig model, Format format) {
    switch (format) {
      case HF -> HuggingFaceModel.requireCounterpart(model);
      case GGUF -> GgufModel.requireCounterpart(model);
    }
  }

  /** Writes all or nothing; the folder did not exist before. */
  private static void writeAll(Storage storage, String out, Map<String, byte[]> files) {
    try {
      files.forEach((file, bytes) -> storage.writeBytes(Storage.resolve(out, file), bytes));
    } catch (RuntimeException e) {
      try {
        storage.delete(out);
      } catch (RuntimeException ignored) {
        // The first error tells the cause.
      }
      throw e;
    }
  }

  private static boolean isInside(Storage storage, String out, String run) {
    return (storage.qualified(out) + "/").startsWith(storage.qualified(run) + "/");
  }

  /** Of the last folder in a path. */
  static String name(String run) {
    String name = run.replaceAll("/+$", "").replaceAll(".*/", "");
    return name.isEmpty() ? "model" : name;
  }
}
