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
 * The tables of {@code jobs/bench.sh} and the means to measure them.
 *
 * @param configs the configuration that is measured, with overrides
 * @param python a Python that may have PyTorch
 * @param tokenizers a Python that may have Hugging Face's tokenizers
 * @param tokens token folders to train from
 * @param folder for logs of the measured processes
 * @param rounds runs the compared benchmarks in turns
 * @param quick leaves out what takes long to start and what happens only occasionally
 * @param progress gets the name of the current measurement
 */
public record Bench(
    Function<List<String>, TrainingConfig> configs,
    Corpus corpus,
    Launch launch,
    Python python,
    Python tokenizers,
    List<String> tokens,
    Path folder,
    InterleavedRunner rounds,
    boolean quick,
    Consumer<String> progress) {
  /** Starts benchmarks outside this JVM. */
  public interface Launch {
    /** A training run in a process of its own. */
    Benchmark training(String master, List<String> overrides, Path log) throws IOException;

    /** The same configuration's steps by {@code PolicyTrainer}, with {@code reward} as a column. */
    Benchmark frames(String master, List<String> overrides, String reward, Path log)
        throws IOException;

    /** The timings of {@code jobs/ngrams.sh} on generated text. */
    JsonNode ngrams(int megabytes, int merges, Path folder) throws IOException;
  }

  /** The configuration without further overrides. */
  TrainingConfig config() {
    return configs.apply(List.of());
  }

  int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }

  /** Number of threads for the learner and for the processor's peak. */
  int threads() {
    return config().learner().slices() * config().nativeThreads();
  }

  /** Speeds of the job and of its yardsticks, the job's phases, the ratios. */
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

  /** The cost of a group of few actions by vocabulary. */
  public Section byVocabulary() {
    return new VocabularySection(this).table();
  }

  /** A step of the loop in DataFrames. */
  public Section frames() throws IOException {
    return new FramesSection(this).table();
  }

  /** The shape on a GPU. */
  public List<Section> gpu() throws IOException {
    return new GpuSection(this).tables();
  }

  /** What a run's JVM holds while it learns. */
  public Section memory() {
    return new MemorySection(config(), vocabulary(), Runtime.getRuntime().availableProcessors())
        .table();
  }

  /** Sampled continuations, and learning from them. */
  public List<Section> generation() throws IOException {
    return new GenerationSection(this).tables();
  }

  /** Tokenizing, and training from token folders. */
  public List<Section> corpora() throws IOException {
    return new CorpusSection(this).tables();
  }

  /** Reading, BPE, tokenizing and counting. */
  public Section text() throws IOException {
    return new TextSection(this).table();
  }
}
