package io.avatarl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.bench.Results.Section;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The tables of {@code jobs/bench.sh}, and what they are measured with.
 *
 * @param configs the configuration that is measured, with overrides
 * @param python a Python that may have PyTorch
 * @param folder for messages of the measured processes
 * @param rounds lets what is compared take turns
 * @param quick leaves out what takes long to start and what happens only now and then
 * @param progress is told what is measured now
 */
public record Bench(
    Function<List<String>, TrainingConfig> configs,
    Corpus corpus,
    Launch launch,
    Python python,
    Path folder,
    InterleavedRunner rounds,
    boolean quick,
    Consumer<String> progress) {
  /** Starts what runs outside this JVM. */
  public interface Launch {
    /** A training run in a process of its own. */
    Benchmark training(String master, List<String> overrides, Path log) throws IOException;

    /** The timings of {@code jobs/ngrams.sh} on so many generated megabytes. */
    JsonNode ngrams(int megabytes, int merges, Path folder) throws IOException;
  }

  /** The configuration as it is. */
  TrainingConfig config() {
    return configs.apply(List.of());
  }

  int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }

  /** Threads that the learner and the processor's best are given. */
  int threads() {
    return config().learner().slices() * config().nativeThreads();
  }

  /** Speeds of the job and of what it is compared with, the job's stages, the ratios. */
  public List<Section> step() throws IOException {
    return new StepSection(this).tables();
  }

  /** The arithmetic that the shape needs. */
  public Section floor() {
    return new FloorSection(this).table();
  }

  /** The cost of a group by shape. */
  public Section scaling() {
    return new ScalingSection(this).table();
  }

  /** Sampled continuations, and learning from them. */
  public List<Section> generation() throws IOException {
    return new GenerationSection(this).tables();
  }

  /** Reading, BPE, tokenizing and counting. */
  public Section text() throws IOException {
    return new TextSection(this).table();
  }
}
