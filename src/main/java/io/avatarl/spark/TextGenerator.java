package io.avatarl.spark;

import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.model.SavedModel;
import io.avatarl.spark.text.GenerationTask;
import io.avatarl.spark.transport.TaskValue;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.StructType;

/**
 * Continues a column of texts with a trained model: the Spark ML model of {@code
 * LanguageModelTrainer}, with the parameter names of DJL's Spark extension ({@code
 * ai.djl.spark.task.text}).
 *
 * <p>The output is the continuation without the text, {@code maxNewTokens} tokens. A NULL text
 * gives NULL. An empty text, or one with a character unknown to the model, fails the query with an
 * error that names it.
 *
 * <p>The same model, seed and text give the same continuation in any partition, batch or order,
 * because the random stream depends only on the seed and the text. Equal texts therefore get equal
 * continuations; another seed gives others.
 *
 * <p>The driver reads the model once per {@link #transform} and broadcasts it. Executors need no
 * access to its folder and load it once per JVM.
 */
public class TextGenerator extends Model<TextGenerator> implements DefaultParamsWritable {
  private static final long serialVersionUID = 1;

  private final String uid;
  private final Param<String> inputCol;
  private final Param<String> outputCol;
  private final Param<String> modelUrl;
  private final IntParam maxNewTokens;
  private final DoubleParam temperature;
  private final LongParam seed;
  private final IntParam batchSize;

  public TextGenerator() {
    this(Identifiable$.MODULE$.randomUID("TextGenerator"));
  }

  /**
   * @param uid names this instance in saved pipelines
   */
  public TextGenerator(String uid) {
    // Parameters copy their parent's uid when they are created.
    this.uid = uid;
    this.inputCol = new Param<>(this, "inputCol", "column of the texts to continue");
    this.outputCol = new Param<>(this, "outputCol", "column of the continuations");
    this.modelUrl =
        new Param<>(
            this,
            "modelUrl",
            "folder of a run (its newest checkpoint) or of a checkpoint, any Hadoop path");
    this.maxNewTokens =
        new IntParam(this, "maxNewTokens", "tokens of a continuation", ParamValidators.gtEq(1));
    this.temperature =
        new DoubleParam(
            this,
            "temperature",
            "the logits are divided by it; 0 takes the most probable token",
            ParamValidators.gtEq(0));
    this.seed =
        new LongParam(
            this,
            "seed",
            "seed of the random numbers; another seed gives other" + " continuations");
    this.batchSize =
        new IntParam(
            this,
            "batchSize",
            "rows of a partition generated at once; prompts of equal length share a forward pass",
            ParamValidators.gtEq(1));
    setDefault(outputCol, defaultOutputCol(uid));
    setDefault(maxNewTokens, 100);
    setDefault(temperature, 0.8);
    setDefault(seed, 1L);
    setDefault(batchSize, 100);
  }

  /** Reads what {@code save} wrote. */
  public static MLReader<TextGenerator> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} wrote. */
  public static TextGenerator load(String path) {
    return read().load(path);
  }

  /** The column of the continuations where none was named. */
  public static String defaultOutputCol(String uid) {
    return uid + "__output";
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

  public Param<String> modelUrl() {
    return modelUrl;
  }

  public IntParam maxNewTokens() {
    return maxNewTokens;
  }

  public DoubleParam temperature() {
    return temperature;
  }

  public LongParam seed() {
    return seed;
  }

  public IntParam batchSize() {
    return batchSize;
  }

  public TextGenerator setInputCol(String value) {
    set(inputCol, value);
    return this;
  }

  public TextGenerator setOutputCol(String value) {
    set(outputCol, value);
    return this;
  }

  public TextGenerator setModelUrl(String value) {
    set(modelUrl, value);
    return this;
  }

  public TextGenerator setMaxNewTokens(int value) {
    set(maxNewTokens, value);
    return this;
  }

  public TextGenerator setTemperature(double value) {
    set(temperature, value);
    return this;
  }

  public TextGenerator setSeed(long value) {
    set(seed, value);
    return this;
  }

  public TextGenerator setBatchSize(int value) {
    set(batchSize, value);
    return this;
  }

  public String getInputCol() {
    return required(inputCol, "setInputCol");
  }

  public String getOutputCol() {
    return getOrDefault(outputCol);
  }

  public String getModelUrl() {
    return required(modelUrl, "setModelUrl");
  }

  public int getMaxNewTokens() {
    return (Integer) getOrDefault(maxNewTokens);
  }

  public double getTemperature() {
    return (Double) getOrDefault(temperature);
  }

  public long getSeed() {
    return (Long) getOrDefault(seed);
  }

  public int getBatchSize() {
    return (Integer) getOrDefault(batchSize);
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType schema = transformSchema(dataset.schema());
    SparkSession spark = dataset.sparkSession();
    Storage storage = new Storage(spark.sparkContext().hadoopConfiguration());
    TaskValue<SavedModel> model =
        TaskValue.broadcast(
            JavaSparkContext.fromSparkContext(spark.sparkContext()),
            SavedModel.load(storage, getModelUrl()));
    GenerationTask task =
        new GenerationTask(
            model,
            columns().place(dataset.schema()),
            getMaxNewTokens(),
            getTemperature(),
            getSeed(),
            getBatchSize());
    return described(dataset.toDF().mapPartitions(task, Encoders.row(schema)), dataset.schema());
  }

  /**
   * Restores the metadata of the input's columns (ML attributes, comments, a stream's watermark),
   * which Spark drops when functions create new rows.
   */
  private static Dataset<Row> described(Dataset<Row> rows, StructType input) {
    if (Arrays.stream(input.fields()).allMatch(f -> f.metadata().equals(Metadata.empty()))) {
      return rows;
    }
    // By index, because names may occur twice.
    String[] places =
        IntStream.range(0, rows.columns().length).mapToObj(i -> "_" + i).toArray(String[]::new);
    Dataset<Row> placed = rows.toDF(places);
    Column[] columns = new Column[places.length];
    for (int i = 0; i < places.length; i++) {
      columns[i] =
          i < input.length()
              ? placed.col(places[i]).as(input.apply(i).name(), input.apply(i).metadata())
              : placed.col(places[i]).as(rows.columns()[i]);
    }
    return placed.select(columns);
  }

  private TextColumns columns() {
    return new TextColumns("TextGenerator", "to continue", getInputCol());
  }

  @Override
  public StructType transformSchema(StructType schema) {
    return columns().added(schema, getOutputCol());
  }

  @Override
  public TextGenerator copy(ParamMap extra) {
    TextGenerator copy = defaultCopy(extra);
    return copy.setParent(parent());
  }

  private String required(Param<String> param, String setter) {
    if (!isDefined(param)) {
      throw new UserError("TextGenerator: " + setter + " was not called");
    }
    return getOrDefault(param);
  }
}
