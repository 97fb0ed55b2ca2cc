package io.avatarl.ml;

import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.jobs.Job;
import io.avatarl.jobs.Presets;
import io.avatarl.jobs.Training;
import io.avatarl.spark.TextColumns;
import io.avatarl.spark.TextGenerator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;

/**
 * Trains a language model on a column of texts, by reinforcement learning from random weights: a
 * Spark ML estimator whose model is a {@link TextGenerator}.
 *
 * <pre>{@code
 * TextGenerator model = new LanguageModelTrainer()
 *     .setInputCol("text").setOutputCol("continuation").setPreset("smoke").setOut("s3a://bucket/runs/1").fit(texts);
 * }</pre>
 *
 * <p>Each row is a document; rows with NULL or an empty text are left out, and a line says how
 * many. The same rows and parameters give the same weights, in whatever partitions and order the
 * rows come. The trained run's folder is like any other: reports, rollout tables, checkpoints.
 *
 * <p>Every {@code fit} trains a run of its own: in {@code out} where that is empty, else in {@code
 * out-2}, {@code out-3} and so on ({@link TextGenerator#getModelUrl} says where), so that {@code
 * CrossValidator} can fit again and again. An interrupt of the calling thread and cancelled jobs
 * end training with a checkpoint ({@link Training}).
 */
public class LanguageModelTrainer extends Estimator<TextGenerator>
    implements DefaultParamsWritable {
  private static final long serialVersionUID = 1;

  /** Keys of a training that have parameters, or that the DataFrame takes the place of. */
  private static final Map<String, String> NOT_SETTINGS =
      Map.of(
          "preset", "call setPreset",
          "out", "call setOut",
          "resume", "Training.run goes on with a run",
          "corpus", "the corpus is the DataFrame",
          "corpus.path", "the corpus is the DataFrame",
          "corpus.table", "the corpus is the DataFrame",
          "corpus.column", "call setInputCol");

  /** Held while a fit looks for an empty folder and begins to write into it. */
  private static final Object STARTING = new Object();

  private final String uid;
  private final Param<String> inputCol;
  private final Param<String> outputCol;
  private final Param<String> preset;
  private final MapParam settings;
  private final Param<String> out;
  private final LongParam seed;
  private final IntParam steps;
  private final DoubleParam learningRate;
  private final IntParam patience;
  private final BooleanParam verbose;

  public LanguageModelTrainer() {
    this(Identifiable$.MODULE$.randomUID("LanguageModelTrainer"));
  }

  /**
   * @param uid names this instance in saved pipelines
   */
  public LanguageModelTrainer(String uid) {
    // Parameters take their parent's uid when they are made.
    this.uid = uid;
    this.inputCol = new Param<>(this, "inputCol", "column of the texts to train on");
    this.outputCol =
        new Param<>(this, "outputCol", "column of the continuations that the model adds");
    this.preset = new Param<>(this, "preset", "a preset's name, or a file that ends in .conf");
    this.settings =
        new MapParam(
            this,
            "settings",
            "keys of reference.conf with their values; the parameters seed, steps, learningRate and"
                + " patience win over them");
    this.out = new Param<>(this, "out", "folder of the run, any Hadoop path");
    this.seed = new LongParam(this, "seed", "of every random stream of training");
    this.steps = new IntParam(this, "steps", "training steps");
    this.learningRate =
        new DoubleParam(
            this, "learningRate", "its peak, of AdamW (learner.optimizer.learningRate)");
    this.patience =
        new IntParam(
            this,
            "patience",
            "evaluations without a lower cross-entropy after which training ends"
                + " (evaluation.patience)");
    this.verbose = new BooleanParam(this, "verbose", "whether fit prints its progress");
    setDefault(preset, Presets.DEFAULT);
    setDefault(settings, Map.of());
    setDefault(verbose, true);
  }

  /** Reads what {@code save} wrote. */
  public static MLReader<LanguageModelTrainer> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} wrote. */
  public static LanguageModelTrainer load(String path) {
    return read().load(path);
  }

  @Override
  public String uid() {
    return uid;
  }

  public Param<String> inputCol() {
    return inputCol;
  }

  public Param<String> outputCol() {
    return outputCol;
  }

  public Param<String> preset() {
    return preset;
  }

  public Param<Map<String, ?>> settings() {
    return settings;
  }

  public Param<String> out() {
    return out;
  }

  public LongParam seed() {
    return seed;
  }

  public IntParam steps() {
    return steps;
  }

  public DoubleParam learningRate() {
    return learningRate;
  }

  public IntParam patience() {
    return patience;
  }

  public BooleanParam verbose() {
    return verbose;
  }

  public LanguageModelTrainer setInputCol(String value) {
    set(inputCol, value);
    return this;
  }

  public LanguageModelTrainer setOutputCol(String value) {
    set(outputCol, value);
    return this;
  }

  public LanguageModelTrainer setPreset(String value) {
    set(preset, value);
    return this;
  }

  /**
   * @param values keys of {@code reference.conf}; texts, numbers or truth values
   */
  public LanguageModelTrainer setSettings(Map<String, ?> values) {
    set(settings, MapParam.texts(values));
    return this;
  }

  public LanguageModelTrainer setOut(String value) {
    set(out, value);
    return this;
  }

  public LanguageModelTrainer setSeed(long value) {
    set(seed, value);
    return this;
  }

  public LanguageModelTrainer setSteps(int value) {
    set(steps, value);
    return this;
  }

  public LanguageModelTrainer setLearningRate(double value) {
    set(learningRate, value);
    return this;
  }

  public LanguageModelTrainer setPatience(int value) {
    set(patience, value);
    return this;
  }

  public LanguageModelTrainer setVerbose(boolean value) {
    set(verbose, value);
    return this;
  }

  public String getInputCol() {
    return required(inputCol, "setInputCol");
  }

  public String getPreset() {
    return getOrDefault(preset);
  }

  public Map<String, String> getSettings() {
    return MapParam.texts(getOrDefault(settings));
  }

  public String getOut() {
    return required(out, "setOut");
  }

  public boolean getVerbose() {
    return (Boolean) getOrDefault(verbose);
  }

  /**
   * @throws UserError where the input is wrong, in one line
   * @throws java.util.concurrent.CancellationException where it was cancelled; the checkpoint is
   *     written
   */
  @Override
  public TextGenerator fit(Dataset<?> dataset) {
    Training training = start(dataset);
    return model(getVerbose() ? training.follow() : training.follow(line -> {}));
  }

  /**
   * Begins to train and returns, for callers that show the progress themselves; {@link #model} has
   * the model of what {@link Training#result} gives.
   *
   * @throws UserError where the input is wrong, in one line
   */
  public Training start(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    if (dataset.isStreaming()) {
      throw new UserError(
          "LanguageModelTrainer: a stream has no end to train on; fit on a table that it is written"
              + " to");
    }
    Map<String, String> config = config();
    config.put("corpus.column", columns().field(dataset.schema()).name());
    Storage storage = Job.storage();
    synchronized (STARTING) {
      config.put("out", empty(storage, getOut()));
      return Training.start(dataset.toDF(), config);
    }
  }

  /** The first of {@code out}, {@code out-2}, ... with nothing in it. */
  private static String empty(Storage storage, String out) {
    String folder = out;
    for (int n = 2; storage.exists(folder) && !storage.list(folder).isEmpty(); n++) {
      folder = out.replaceAll("/+$", "") + "-" + n;
    }
    return folder;
  }

  /** The model of a run that this estimator trained. */
  public TextGenerator model(String run) {
    TextGenerator model = new TextGenerator(uid).setModelUrl(run).setInputCol(getInputCol());
    if (isSet(outputCol)) {
      model.setOutputCol(getOrDefault(outputCol));
    }
    return model.setParent(this);
  }

  /** What {@link Training} is told, but for the folder and the column. */
  private Map<String, String> config() {
    Map<String, String> config = new TreeMap<>(getSettings());
    NOT_SETTINGS.forEach(
        (key, instead) -> {
          if (config.containsKey(key)) {
            throw new UserError("LanguageModelTrainer: settings: " + key + ": " + instead);
          }
        });
    config.put("preset", getPreset());
    Map.of(
            seed, "seed",
            steps, "steps",
            learningRate, "learner.optimizer.learningRate",
            patience, "evaluation.patience")
        .forEach(
            (param, key) -> {
              if (isSet(param)) {
                config.put(key, String.valueOf(getOrDefault(param)));
              }
            });
    return config;
  }

  private TextColumns columns() {
    return new TextColumns("LanguageModelTrainer", "to train on", getInputCol());
  }

  /** Refuses columns and settings that cannot be, before anything runs. */
  @Override
  public StructType transformSchema(StructType schema) {
    getOut();
    StructType transformed =
        columns()
            .added(
                schema,
                isSet(outputCol) ? getOrDefault(outputCol) : TextGenerator.defaultOutputCol(uid));
    Map<String, String> config = config();
    String chosen = config.remove("preset");
    List<String> overrides =
        config.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
    Storage storage = Job.storage();
    Presets.load(chosen, storage).read(storage, overrides, warning -> {});
    return transformed;
  }

  @Override
  public LanguageModelTrainer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  private String required(Param<String> param, String setter) {
    if (!isDefined(param)) {
      throw new UserError("LanguageModelTrainer: " + setter + " was not called");
    }
    return getOrDefault(param);
  }
}
