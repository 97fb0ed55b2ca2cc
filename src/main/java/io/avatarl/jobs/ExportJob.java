package io.avatarl.jobs;

import java.io.PrintStream;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a trained model in formats of other projects; see {@code jobs/export.sh --help}. */
@Command(
    name = "jobs/export.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Writes a trained model as a folder that Hugging Face's transformers load without code of"
            + " this project, or as a GGUF file for llama.cpp, with its tokenizer and a model"
            + " card. Does not start Spark.")
public final class ExportJob implements Callable<Integer> {
  private final PrintStream out;

  @Parameters(paramLabel = "RUN", description = "a run's folder, or one of its checkpoints/step-*")
  private String run;

  @Option(
      names = "--format",
      paramLabel = "hf|gguf",
      required = true,
      description =
          "hf: config.json, model.safetensors, tokenizer.json; gguf: model.gguf, only for the"
              + " default form")
  private ModelExport.Format format;

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      required = true,
      description = "the folder, any Hadoop path; it must not exist yet")
  private String folder;

  @Mixin private CheckpointChoice checkpointAt;

  ExportJob(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    Job.main(new ExportJob(System.out), args);
  }

  @Override
  public Integer call() {
    ModelExport.Written written =
        ModelExport.write(Job.storage(), checkpointAt.of(run), format, folder);
    out.println("checkpoint    " + Terminal.harmless(written.checkpoint().path()));
    out.println("architecture  " + written.architecture());
    out.println("files         " + String.join(", ", written.files()));
    out.println("folder        " + Terminal.harmless(written.folder()));
    return 0;
  }
}
