package io.avatarl.jobs;

import com.sun.management.OperatingSystemMXBean;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.TokenFolder;
import io.avatarl.corpus.TokenManifest;
import io.avatarl.files.Storage;
import io.avatarl.files.StorageSettings;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.transport.ShardFunction;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Tokenizes a corpus once; see {@code jobs/tokenize.sh --help}. */
@Command(
    name = "jobs/tokenize.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Tokenizes a corpus of any size into a folder that train.sh, evaluate.sh and compare.sh"
            + " accept as --corpus and numpy.memmap reads. To continue after an interruption, run"
            + " the same command again. Options of spark-submit are passed on.")
public final class TokenizeJob implements Callable<Integer> {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--corpus",
      paramLabel = "PATH|URI",
      description =
          "a text, a folder, a glob or a comma-separated list of these, packed (.gz, .bz2, .zst)"
              + " or not;"
              + " JSON lines, CSV, Parquet, ORC or Delta with --column (default: $AVATARL_CORPUS)")
  private String corpus = "";

  @Option(
      names = "--table",
      paramLabel = "NAME",
      description = "a table of Spark's catalog instead; with --column")
  private String table = "";

  @Option(
      names = "--column",
      paramLabel = "NAME",
      description = "the column with the texts, if there are columns")
  private String column = "";

  @Option(
      names = "--tokenizer",
      paramLabel = "KIND",
      description = "character or bpe (default: that of the preset)")
  private String tokenizer = "";

  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      description = "a preset whose corpus section is used (default: ${DEFAULT-VALUE})")
  private String preset = Presets.DEFAULT;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "overrides one key of it, as in corpus.bpe.merges=8192; may be repeated")
  private List<String> overrides = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      required = true,
      description = "the folder for the tokens, any Hadoop path")
  private String output;

  @Option(
      names = "--verify",
      description = "reads the folder and compares every file with its checksum; writes nothing")
  private boolean verify;

  TokenizeJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  public static void main(String[] args) {
    Job.main(new TokenizeJob(System.out, System.err), args);
  }

  @Override
  public Integer call() {
    Storage storage = Job.storage();
    TrainingConfig config = config(storage);
    CorpusConsole console = new CorpusConsole(err, Home.terminalColumns());
    TokenFolder folder;
    try (Job.LazySession session = new Job.LazySession("avatarl tokenize")) {
      if (verify) {
        folder = TokenFolder.open(storage, output);
        verify(session.spark(), storage, folder);
      } else {
        long began = System.nanoTime();
        folder =
            new CorpusLoader(
                    storage,
                    new CorpusSource(storage, Home.path(), System.getenv()),
                    session::spark,
                    console)
                .tokenize(config.corpus(), output);
        console.close();
        double seconds = (System.nanoTime() - began) / 1e9;
        double megacharacters = folder.manifest().source().characters() / 1e6;
        err.printf(
            Locale.ROOT,
            "took %.1f s (%.1f million characters/s; driver's CPU %.1f s); driver's peak %s%n",
            seconds,
            megacharacters / seconds,
            SYSTEM.getProcessCpuTime() / 1e9,
            PeakMemory.line());
      }
    }
    print(folder);
    return 0;
  }

  private TrainingConfig config(Storage storage) {
    Presets.Preset chosen = Presets.load(preset, storage);
    List<String> all = new ArrayList<>(overrides);
    Map.of("path", corpus, "table", table, "column", column, "tokenizer", tokenizer)
        .forEach(
            (key, value) -> {
              if (!value.isEmpty()) {
                all.add("corpus." + key + "=" + value);
              }
            });
    return ConfigReader.read(chosen.name(), chosen.hocon(), all);
  }

  /** Reads all files, because one may be altered without a change of length. */
  private static void verify(SparkSession spark, Storage storage, TokenFolder folder) {
    StorageSettings settings = storage.settings();
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    List<String> paths = List.copyOf(folder.files().keySet());
    List<TokenManifest.Part> parts = paths.stream().map(folder.files()::get).toList();
    List<String> altered =
        ShardFunction.run(
                context,
                Math.max(1, paths.size()),
                file -> {
                  try {
                    if (file < paths.size()) {
                      TokenFolder.verify(settings.storage(), paths.get(file), parts.get(file));
                    }
                    return "";
                  } catch (UserError e) {
                    return e.getMessage();
                  }
                })
            .stream()
            .filter(message -> !message.isEmpty())
            .toList();
    if (!altered.isEmpty()) {
      throw new UserError(altered.get(0));
    }
  }

  private void print(TokenFolder folder) {
    TokenManifest manifest = folder.manifest();
    TokenManifest.Source source = manifest.source();
    line("corpus      %s", source.name());
    line(
        "documents   %,d with %,d characters%s",
        source.documents(),
        source.characters(),
        source.skipped() > 0
            ? String.format(Locale.ROOT, "; %,d without a text skipped", source.skipped())
            : "");
    line("vocabulary  %,d (%s)", manifest.vocabulary(), manifest.type());
    line(
        "tokens      %,d to train on in %,d files, %,d to validate in %,d files, split by %s",
        folder.trainTokens(),
        manifest.train().size(),
        folder.validationTokens(),
        manifest.validation().size(),
        manifest.split().rule());
    line("folder      %s", folder.path());
    line("try         jobs/train.sh --corpus %s", folder.path());
  }

  private void line(String format, Object... values) {
    out.println(Terminal.harmless(String.format(Locale.ROOT, format, values)));
  }
}
