package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.avatarl.config.ConfigReader;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;
import picocli.CommandLine;

/**
 * The job's descriptions for Databricks and Kubernetes: they follow the rules of their schemas,
 * name what exists, and run the same class with arguments that it takes.
 */
class DeploymentTest {
  private static final Path DATABRICKS = Path.of("jobs/databricks/databricks.yml");
  private static final Path KUBERNETES = Path.of("jobs/kubernetes");
  // A new version fails here until all descriptions name it.
  private static final String JAR =
      "avatarl-spark-" + System.getProperty("avatarl.version") + "-job.jar";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static JsonNode yaml(Path file) throws IOException {
    try (Reader reader = Files.newBufferedReader(file)) {
      return JSON.valueToTree(new Yaml().load(reader));
    }
  }

  /** What breaks the rules of a schema of src/test/resources/schemas. */
  private static List<Error> errors(String schema, JsonNode document) throws IOException {
    try (InputStream in = DeploymentTest.class.getResourceAsStream("/schemas/" + schema)) {
      return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
          .getSchema(JSON.readTree(in))
          .validate(document);
    }
  }

  private static JsonNode bundleJob() throws IOException {
    return yaml(DATABRICKS).at("/resources/jobs/avatarl");
  }

  /** The class has a main, takes the arguments, and they name a preset that there is. */
  private static void assertTrains(String mainClass, List<String> arguments) throws Exception {
    assertEquals(TrainJob.class, Class.forName(mainClass));
    CommandLine.ParseResult parsed =
        new CommandLine(new TrainJob(System.out, System.err))
            .parseArgs(arguments.toArray(String[]::new));
    for (String option : List.of("--preset", "--corpus", "--out")) {
      assertTrue(parsed.hasMatchedOption(option), option);
    }
    Presets.Preset preset =
        Presets.load(
            parsed.matchedOptionValue("--preset", ""), new Storage(new Configuration(false)));
    ConfigReader.read(preset.name(), preset.hocon(), List.of());
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(element -> texts.add(element.asText()));
    return texts;
  }

  @Test
  void theBundleFollowsItsSchema() throws IOException {
    assertEquals(List.of(), errors("databricks-bundle.json", yaml(DATABRICKS)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/bundle|name",
        "/resources/jobs/avatarl|tasks",
        "/resources/jobs/avatarl/tasks/0|task_key",
        "/resources/jobs/avatarl/tasks/0|spark_jar_task",
        "/resources/jobs/avatarl/tasks/0/spark_jar_task|main_class_name",
        "/resources/jobs/avatarl/tasks/1/notebook_task|notebook_path",
        "/resources/jobs/avatarl/job_clusters/0|new_cluster",
        "/resources/jobs/avatarl/job_clusters/0/new_cluster|spark_version",
        "/resources/jobs/avatarl/parameters/0|default",
      })
  void theSchemaMissesWhatIsRequired(String at, String key) throws IOException {
    JsonNode bundle = yaml(DATABRICKS);
    ((ObjectNode) bundle.at(at)).remove(key);
    assertNotEquals(List.of(), errors("databricks-bundle.json", bundle));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|resource|{}",
        "/resources/jobs/avatarl|task|[]",
        "/resources/jobs/avatarl/tasks/0|job_cluster|\"gpu\"",
        "/resources/jobs/avatarl/tasks/0/spark_jar_task|parameters|\"--preset\"",
        "/resources/jobs/avatarl/job_clusters/0/new_cluster|num_workers|\"two\"",
        "/resources/jobs/avatarl/job_clusters/0/new_cluster|spark_env_vars|{\"A\": 1}",
        "/resources/jobs/avatarl/job_clusters/0/new_cluster|data_security_mode|\"DEDICATED\"",
        "/targets/dev|mode|\"dev\"",
      })
  void theSchemaRefusesWhatIsWrong(String at, String key, String value) throws IOException {
    JsonNode bundle = yaml(DATABRICKS);
    ((ObjectNode) bundle.at(at)).set(key, JSON.readTree(value));
    assertNotEquals(List.of(), errors("databricks-bundle.json", bundle));
  }

  @Test
  void theBundleNamesWhatThereIs() throws Exception {
    JsonNode job = bundleJob();
    Map<String, String> parameters = new TreeMap<>();
    job.path("parameters")
        .forEach(p -> parameters.put(p.path("name").asText(), p.path("default").asText()));
    JsonNode train = job.at("/tasks/0");
    List<String> arguments =
        texts(train.at("/spark_jar_task/parameters")).stream()
            .map(
                argument -> {
                  if (!argument.startsWith("{{job.parameters.")) {
                    return argument;
                  }
                  String name = argument.replaceAll("\\{\\{job\\.parameters\\.(\\w+)}}", "$1");
                  assertTrue(parameters.containsKey(name), argument);
                  return parameters.get(name);
                })
            .toList();
    assertTrains(train.at("/spark_jar_task/main_class_name").asText(), arguments);

    String cluster = job.at("/job_clusters/0/job_cluster_key").asText();
    JsonNode inspect = job.at("/tasks/1");
    for (JsonNode task : List.of(train, inspect)) {
      assertEquals(cluster, task.path("job_cluster_key").asText());
      assertEquals("../../target/" + JAR, task.at("/libraries/0/jar").asText());
    }
    assertEquals(train.path("task_key"), inspect.at("/depends_on/0/task_key"));
    Path notebook =
        DATABRICKS.resolveSibling(inspect.at("/notebook_task/notebook_path").asText()).normalize();
    assertTrue(Files.isRegularFile(notebook), notebook.toString());
    // The notebook's widget, and the folder the run is in.
    assertTrue(Files.readString(notebook).contains("dbutils.widgets.get(\\\"run\\\")"));
    assertEquals(
        arguments.get(arguments.indexOf("--out") + 1), parameters.get("run"), "the run's folder");

    JsonNode bundle = yaml(DATABRICKS);
    JsonNode variables = bundle.path("variables");
    assertTrue(variables.at("/volume/default").asText().startsWith("/Volumes/"));
    assertTrue(
        variables.at("/spark_version/default").asText().matches("17\\.3\\.x-gpu-ml-.*2\\.13"));
    assertEquals("../../target/" + JAR, bundle.at("/artifacts/job/files/0/source").asText());
    Matcher used = Pattern.compile("\\$\\{var\\.(\\w+)}").matcher(bundle.toString());
    int found = 0;
    while (used.find()) {
      found++;
      assertTrue(variables.has(used.group(1)), used.group());
    }
    assertTrue(found >= 6, "variables used: " + found);
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.yaml", "train-gpu.yaml"})
  void theManifestFollowsItsSchemaAndTrains(String file) throws Exception {
    JsonNode manifest = yaml(KUBERNETES.resolve(file));
    assertEquals(List.of(), errors("spark-application.json", manifest));
    JsonNode spec = manifest.path("spec");
    List<String> arguments = texts(spec.path("arguments"));
    assertTrains(spec.path("mainClass").asText(), arguments);
    assertEquals(bundleJob().at("/tasks/0/spark_jar_task/main_class_name"), spec.path("mainClass"));
    assertTrue(spec.path("mainApplicationFile").asText().endsWith("/" + JAR));
    assertTrue(spec.path("image").asText().contains(spec.path("sparkVersion").asText()));
    assertEquals(file.contains("gpu"), spec.at("/executor/gpu").isObject());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|kind|\"SparkApp\"",
        "/metadata|name|\"Train_1\"",
        "/spec|mainApplication|\"x\"",
        "/spec|type|\"java\"",
        "/spec|mainApplicationFile|\"target/job.jar\"",
        "/spec|arguments|\"--preset maxrl\"",
        "/spec/deps|exclude|[]",
        "/spec/sparkConf|spark.executor.resource.gpu.amount|1",
        "/spec/driver|memory|\"2 GB\"",
        "/spec/executor|instances|\"2\"",
        "/spec/executor|gpus|1",
      })
  void theManifestsSchemaRefusesWhatIsWrong(String at, String key, String value)
      throws IOException {
    JsonNode manifest = yaml(KUBERNETES.resolve("train.yaml"));
    ((ObjectNode) manifest.at(at)).set(key, JSON.readTree(value));
    assertNotEquals(List.of(), errors("spark-application.json", manifest));
  }

  @ParameterizedTest
  @ValueSource(strings = {"type", "sparkVersion", "mainClass", "image", "driver", "executor"})
  void theManifestsSchemaMissesWhatIsRequired(String key) throws IOException {
    JsonNode manifest = yaml(KUBERNETES.resolve("train.yaml"));
    ((ObjectNode) manifest.path("spec")).remove(key);
    assertNotEquals(List.of(), errors("spark-application.json", manifest));
  }

  /** The two ways to Kubernetes ask for the same; with a GPU, for the GPU beside it. */
  @ParameterizedTest
  @CsvSource({"spark.conf,train.yaml", "spark-gpu.conf,train-gpu.yaml"})
  void theSubmitCommandAsksForWhatTheManifestAsks(String settings, String file) throws IOException {
    Properties conf = new Properties();
    try (Reader reader = Files.newBufferedReader(KUBERNETES.resolve(settings))) {
      conf.load(reader);
    }
    JsonNode spec = yaml(KUBERNETES.resolve(file)).path("spec");
    assertEquals(
        String.join(",", texts(spec.at("/deps/packages"))),
        conf.getProperty("spark.jars.packages"));
    assertEquals(
        String.join(",", texts(spec.at("/deps/excludePackages"))),
        conf.getProperty("spark.jars.excludes"));
    Map<String, JsonNode> pairs =
        Map.of(
            "spark.submit.deployMode", spec.path("mode"),
            "spark.kubernetes.container.image", spec.path("image"),
            "spark.kubernetes.authenticate.driver.serviceAccountName",
                spec.at("/driver/serviceAccount"),
            "spark.driver.cores", spec.at("/driver/cores"),
            "spark.driver.memory", spec.at("/driver/memory"),
            "spark.driver.memoryOverhead", spec.at("/driver/memoryOverhead"),
            "spark.executor.instances", spec.at("/executor/instances"),
            "spark.executor.cores", spec.at("/executor/cores"),
            "spark.executor.memoryOverhead", spec.at("/executor/memoryOverhead"));
    pairs.forEach((key, value) -> assertEquals(value.asText(), conf.getProperty(key), key));
    spec.path("sparkConf")
        .properties()
        .forEach(
            entry -> {
              String key = entry.getKey();
              if (key.contains(".resource.") || key.equals("spark.jars.ivy")) {
                assertEquals(entry.getValue().asText(), conf.getProperty(key), key);
              }
            });
    assertEquals(file.contains("gpu"), conf.containsKey("spark.task.resource.gpu.amount"));
    assertEquals(
        spec.path("sparkConf").has("spark.task.resource.gpu.amount"),
        conf.containsKey("spark.task.resource.gpu.amount"));
  }

  /** The client for S3 is the one of the README. */
  @ParameterizedTest
  @ValueSource(strings = {"train.yaml", "train-gpu.yaml"})
  void theS3ClientComesWithoutTheBundle(String file) throws IOException {
    JsonNode deps = yaml(KUBERNETES.resolve(file)).at("/spec/deps");
    String pom = Files.readString(Path.of("pom.xml"));
    String options =
        "--packages "
            + String.join(",", texts(deps.path("packages")))
            + " --exclude-packages "
            + String.join(",", texts(deps.path("excludePackages")));
    assertEquals(
        "--packages org.apache.hadoop:hadoop-aws:%1$s,software.amazon.awssdk:s3-transfer-manager:%2$s,software.amazon.awssdk:sts:%2$s --exclude-packages software.amazon.awssdk:bundle"
            .formatted(property(pom, "hadoop.version"), property(pom, "aws.sdk.version")),
        options);
    // The same, for those who read.
    assertTrue(Files.readString(Path.of("README.md")).replaceAll(" \\\\\n", " ").contains(options));
  }

  private static String property(String pom, String name) {
    return pom.replaceAll("(?s).*<" + name + ">(.*)</" + name + ">.*", "$1");
  }

  /** The manifests and the bundle carry what the scripts take from conf/spark-defaults.conf. */
  @Test
  void theSettingsOfTheScriptsAreEverywhere() throws IOException {
    Properties defaults = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of("conf/spark-defaults.conf"))) {
      defaults.load(reader);
    }
    JsonNode cluster = bundleJob().at("/job_clusters/0/new_cluster");
    JsonNode spec = yaml(KUBERNETES.resolve("train.yaml")).path("spec");
    int variables = 0;
    for (String key : defaults.stringPropertyNames()) {
      if (key.startsWith("spark.executorEnv.")) {
        variables++;
        String name = key.substring("spark.executorEnv.".length());
        String value = defaults.getProperty(key);
        assertEquals(value, cluster.path("spark_env_vars").path(name).asText(), name);
        for (String pod : List.of("driver", "executor")) {
          ArrayNode env = (ArrayNode) spec.path(pod).path("env");
          boolean there = false;
          for (JsonNode variable : env) {
            there |=
                variable.path("name").asText().equals(name)
                    && variable.path("value").asText().equals(value);
          }
          assertTrue(there, pod + " " + name);
        }
      }
    }
    assertEquals(3, variables);
    assertFalse(cluster.path("spark_conf").has("spark.master"));
    assertFalse(spec.path("sparkConf").has("spark.master"));
  }
}
