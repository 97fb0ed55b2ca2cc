package io.avatarl.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.sun.management.OperatingSystemMXBean;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.LoadedCorpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramKeys;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.evaluation.BaselineScores;
import io.avatarl.files.Storage;
import io.avatarl.files.StorageSettings;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.ngram.NgramCounter;
import io.avatarl.spark.transport.ShardFunction;
import io.avatarl.yardstick.NgramBaselines;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Counts n-grams and measures the time; see {@code jobs/ngrams.sh --help}. */
@Command(
    name = "jobs/ngrams.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Counts the n-grams of a text's training split with Spark, times it, and scores the n-gram"
            + " models on the validation split. The text may have any length: neither it nor its"
            + " tokens are held in memory. Options of spark-submit are passed on.")
public final class NgramsJob implements Callable<Integer> {
  private static final double MEGABYTE = 1e6;
  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  /** Most characters of the validation split that are scored, by five models on one thread. */
  private static final int SCORED = 1_000_000;

  /** Most characters, held in memory, from which BPE is learned and timed. */
  private static final int LEARNT = 128_000_000;

  private static final int PLAY = 1_000_000;

  @Option(
      names = "--corpus",
      paramLabel = "FILE|URI",
      description =
          "a corpus as for jobs/train.sh, at any Hadoop path that the executors can read (default:"
              + " $AVATARL_CORPUS, data/tinyshakespeare/input.txt, a download)")
  private String corpus;

  @Option(
      names = "--table",
      paramLabel = "NAME",
      description = "a table of Spark's catalog instead; with --column")
  private String table;

  @Option(
      names = "--column",
      paramLabel = "NAME",
      description = "the column with the texts, if there are columns")
  private String column;

  @Option(
      names = "--generated",
      paramLabel = "MB",
      description =
          "instead of a corpus: generated plays with misspelt words, in a temporary file that is"
              + " deleted afterwards")
  private int generated;

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      description = "with --generated: writes the plays there, a file of 1 MB each; counts nothing")
  private String output;

  @Option(
      names = "--order",
      paramLabel = "N",
      description = "the longest n-gram (default: ${DEFAULT-VALUE})")
  private int order = NgramCounter.ORDER;

  @Option(
      names = "--min-count",
      paramLabel = "N",
      description =
          "leave out n-grams of two or more tokens that occur less often (default:"
              + " ${DEFAULT-VALUE})")
  private int minCount = 1;

  @Option(
      names = "--bpe",
      paramLabel = "MERGES",
      description =
          "learn a byte-level BPE tokenizer and count its tokens instead of characters; times"
              + " learning and tokenizing on the training split, at most 128 MB of it")
  private Integer merges;

  @Option(
      names = "--validation-fraction",
      paramLabel = "X",
      description = "fraction of the text that is held out, its end (default: ${DEFAULT-VALUE})")
  private double validationFraction = 0.1;

  @Option(names = "--json", paramLabel = "FILE|URI", description = "also write the timings there")
  private String json;

  private final List<Timing> timings = new ArrayList<>();

  public static void main(String[] args) {
    Job.main(new NgramsJob(), args);
  }

  @Override
  public Integer call() throws IOException {
    if (order < 1 || minCount < 1 || generated < 0 || merges != null && merges < 0) {
      throw new UserError("--order and --min-count must be at least 1, --bpe at least 0");
    }
    if (!(validationFraction > 0 && validationFraction < 1)) {
      throw new UserError("--validation-fraction must be between 0 and 1");
    }
    if (output != null && generated == 0) {
      throw new UserError("--out is for generated plays; say how many MB with --generated");
    }
    Path temporary = null;
    if (generated > 0 && output == null) {
      temporary = Files.createTempFile("avatarl-play", ".txt");
      temporary.toFile().deleteOnExit(); // also if it is interrupted
    }
    try (Job.Session session = Job.Session.open("avatarl ngrams")) {
      if (output != null) {
        write(session.spark());
        return 0;
      }
      if (temporary != null) {
        generate(temporary);
      }
      String path = temporary != null ? temporary.toUri().toString() : table == null ? path() : "";
      if (table == null && CorpusLoader.isPlainText(Job.storage(), path)) {
        count(session.spark(), path);
      } else {
        countDocuments(session.spark(), path);
      }
    }
    if (json != null) {
      Job.storage().writeString(json, JSON.writeValueAsString(timings) + "\n");
    }
    return 0;
  }

  private String path() throws IOException {
    if (corpus != null && !corpus.equals(CorpusSource.GENERATED)) {
      return corpus;
    }
    String variable = System.getenv(CorpusSource.VARIABLE);
    if (corpus == null && variable != null && !variable.isBlank()) {
      return variable;
    }
    // The text that all commands use; copied to a file, because the executors read it.
    Storage storage = Job.storage();
    CorpusSource.Found found =
        new CorpusSource(storage, Home.path(), System.getenv())
            .find(Optional.ofNullable(corpus), Optional.empty());
    found.warnings().forEach(warning -> System.err.println("WARNING: " + warning));
    String file = Storage.resolve(Home.path(), "data/tinyshakespeare/input.txt");
    if (!found.generated() && storage.exists(file)) {
      return file;
    }
    Path copy = Files.createTempFile("avatarl-corpus", ".txt");
    copy.toFile().deleteOnExit();
    Files.write(copy, found.bytes());
    return copy.toUri().toString();
  }

  private void count(SparkSession spark, String path) {
    Stopwatch watch = new Stopwatch();
    NgramCounter job = new NgramCounter(spark, path);
    String scanned = took("looked at", watch, job.bytes());
    job.warnings().forEach(w -> System.err.println(Terminal.harmless("WARNING: " + w)));
    long train = Corpus.trainCharacters(job.characters(), validationFraction);
    line("text        %s: %,d bytes, %,d characters", path, job.bytes(), job.characters());
    line("looked at   %s", scanned);
    Tokenizer tokenizer =
        merges == null
            ? job.characterTokenizer()
            : learn(job.text(0, (int) Math.min(LEARNT, train)));
    line("vocabulary  %,d", tokenizer.vocabularySize());
    int longest = NgramKeys.longestOrder(tokenizer.vocabularySize());
    if (longest < order) {
      line("order       %d instead of %d: as long as this vocabulary allows", longest, order);
    }
    watch = new Stopwatch();
    NgramCounts counts = job.count(tokenizer, validationFraction, order, minCount);
    String counted =
        took("counted", watch, Math.round(job.bytes() * ((double) train / job.characters())));
    print(counts);
    line("counted     %s", counted);
    String text = job.text(train, SCORED);
    line("baselines   on %,d characters of the validation split", text.length());
    print(NgramBaselines.of(counts, tokenizer.encode(text), tokenizer));
  }

  /** Counts a corpus that is more than one text. */
  private void countDocuments(SparkSession spark, String path) {
    List<String> settings = new ArrayList<>();
    settings.add("corpus.validationFraction=" + validationFraction);
    settings.add("corpus.ngramMinCount=" + minCount);
    if (!path.isEmpty()) {
      settings.add("corpus.path=" + path);
    }
    if (table != null) {
      settings.add("corpus.table=" + table);
    }
    if (column != null) {
      settings.add("corpus.column=" + column);
    }
    if (merges != null) {
      settings.add("corpus.tokenizer=bpe");
      settings.add("corpus.bpe.merges=" + merges);
    }
    TrainingConfig config = ConfigReader.read("ngrams", "", settings);
    Storage storage = Job.storage();
    Stopwatch watch = new Stopwatch();
    Corpus documents;
    try (CorpusConsole console = new CorpusConsole(System.err, Home.terminalColumns())) {
      CorpusSource texts = new CorpusSource(storage, Home.path(), System.getenv());
      LoadedCorpus loaded =
          new CorpusLoader(storage, texts, () -> spark, console)
              .load(
                  config.corpus(),
                  config.evaluation().maxTokens(),
                  Storage.resolve(Home.path(), "data"));
      loaded.warnings().forEach(console::warned);
      NgramCounter.leftOut(loaded.corpus(), config.corpus()).ifPresent(console::warned);
      documents = loaded.corpus();
    }
    line(
        "corpus      %s: %,d tokens to count, %,d held out; read in %s",
        documents.name(), documents.train().length(), documents.validationTokens(), seconds(watch));
    line("vocabulary  %,d", documents.tokenizer().vocabularySize());
    watch = new Stopwatch();
    NgramCounts counts = NgramCounter.countUpTo(spark, documents, config.corpus(), order);
    print(counts);
    line("counted     in %s", seconds(watch));
    int[] scored =
        Arrays.copyOf(documents.validation(), Math.min(SCORED, documents.validation().length));
    line("baselines   on %,d tokens of the validation split", scored.length);
    print(NgramBaselines.of(counts, scored, documents.tokenizer()));
  }

  private static String seconds(Stopwatch watch) {
    return String.format(Locale.ROOT, "%.2f s", watch.read("", 0).seconds());
  }

  private static void print(NgramCounts counts) {
    long total = 0;
    for (int n = 1; n <= counts.order(); n++) {
      line("%d-grams     %,d", n, counts.size(n));
      total += counts.size(n);
    }
    line("total       %,d distinct n-grams of %,d tokens", total, counts.count());
  }

  private static void print(Map<String, BaselineScores> baselines) {
    baselines.forEach(
        (name, b) ->
            line(
                "%-11s %.4f nats/token  %.4f bits/character  accuracy %.4f",
                name, b.ce(), b.bitsPerCharacter(), b.accuracy()));
    line("peak memory %s", PeakMemory.line());
  }

  private Tokenizer learn(String text) {
    int bytes = text.getBytes(StandardCharsets.UTF_8).length;
    Stopwatch watch = new Stopwatch();
    BpeTokenizer tokenizer = BpeTokenizer.train(text, merges);
    line("BPE learnt  %s from %,d bytes", took("BPE learnt", watch, bytes), bytes);
    tokenizer.encode("loads the native library");
    watch = new Stopwatch();
    int[] tokens = tokenizer.encode(text);
    String encoded = took("tokenized", watch, bytes);
    line(
        "tokenized   %s, one thread: %,d tokens, %.3f bytes each",
        encoded, tokens.length, (double) bytes / tokens.length);
    return tokenizer;
  }

  /** The length of a play. */
  private int length(long play) {
    return (int) Math.min(PLAY, (long) (generated * MEGABYTE) - play * PLAY);
  }

  private int plays() {
    return Math.toIntExact(((long) (generated * MEGABYTE) + PLAY - 1) / PLAY);
  }

  private void generate(Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      for (int play = 0; play < plays(); play++) {
        out.write(GeneratedPlay.misspelt(play, length(play)));
      }
    }
  }

  private void write(SparkSession spark) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    StorageSettings settings = Job.storage().settings();
    String folder = output;
    int last = length(plays() - 1L);
    int plays = plays();
    ShardFunction.run(
        context,
        plays,
        play -> {
          String file = Storage.resolve(folder, String.format(Locale.ROOT, "play-%06d.txt", play));
          byte[] text = GeneratedPlay.misspelt(play, play == plays - 1 ? last : PLAY);
          settings.storage().writeBytes(file, text);
          return play;
        });
    line("written     %,d plays, %,d MB, into %s", plays, generated, folder);
  }

  /** Measures wall time, and the CPU time of all threads, which other processes disturb less. */
  private static final class Stopwatch {
    private static final OperatingSystemMXBean SYSTEM =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    private final long began = System.nanoTime();
    private final long cpuBegan = SYSTEM.getProcessCpuTime();

    Timing read(String what, long bytes) {
      return new Timing(
          what,
          bytes,
          (System.nanoTime() - began) / 1e9,
          (SYSTEM.getProcessCpuTime() - cpuBegan) / 1e9);
    }
  }

  /** The time for a number of bytes. */
  record Timing(String what, long bytes, double seconds, double cpuSeconds) {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%.2f s, %.1f MB/s (CPU %.2f s, %.1f MB/s)",
          seconds,
          bytes / MEGABYTE / seconds,
          cpuSeconds,
          bytes / MEGABYTE / cpuSeconds);
    }
  }

  private String took(String what, Stopwatch watch, long bytes) {
    Timing timing = watch.read(what, bytes);
    timings.add(timing);
    return timing.toString();
  }

  private static void line(String format, Object... values) {
    System.out.println(String.format(Locale.ROOT, format, values));
  }
}
