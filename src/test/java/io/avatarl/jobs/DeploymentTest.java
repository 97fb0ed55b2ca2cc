package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
  private static final String USER = "${workspace.current_user.short_name}";
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
      assertEquals("${var.jar}", task.at("/libraries/0/jar").asText());
    }
    assertEquals(train.path("task_key"), inspect.at("/depends_on/0/task_key"));
    Path notebook =
        DATABRICKS.resolveSibling(inspect.at("/notebook_task/notebook_path").asText()).normalize();
    assertTrue(Files.isRegularFile(notebook), notebook.toString());
    // The notebook's widget, and the folder the run is in.
    assertThat(Files.readString(notebook)).contains("dbutils.widgets.get(\\\"run\\\")");
    assertEquals(
        arguments.get(arguments.indexOf("--out") + 1), parameters.get("run"), "the run's folder");

    JsonNode bundle = yaml(DATABRICKS);
    JsonNode variables = bundle.path("variables");
    assertTrue(variables.at("/volume/default").asText().startsWith("/Volumes/"));
    assertEquals("${var.jar}", bundle.at("/artifacts/job/files/0/source").asText());
    Matcher used = Pattern.compile("\\$\\{var\\.(\\w+)}").matcher(bundle.toString());
    int found = 0;
    while (used.find()) {
      found++;
      assertTrue(variables.has(used.group(1)), used.group());
    }
    assertTrue(found >= 6, "variables used: " + found);
  }

  /** The runtime, the Maven profile and the jar of each target are of one Spark. */
  @ParameterizedTest
  @CsvSource({
    "dev,17.3.x-gpu-ml-scala2.13,spark-4.0,../../target/",
    "dev-18,18.x-gpu-ml-scala2.13,spark-4.1,../../target/spark-4.1/",
    "dev-16,16.4.x-gpu-ml-scala2.12,spark-3.5,../../target/spark-3.5/",
    "prod,17.3.x-gpu-ml-scala2.13,spark-4.0,../../target/"
  })
  void everyTargetBuildsForItsRuntime(String target, String runtime, String profile, String folder)
      throws IOException {
    JsonNode bundle = yaml(DATABRICKS);
    assertEquals(runtime, variable(bundle, target, "spark_version"));
    assertEquals(profile, variable(bundle, target, "maven_profile"));
    assertEquals(folder + JAR, variable(bundle, target, "jar"));
    String pom = Files.readString(Path.of("pom.xml"));
    assertTrue(pom.contains("<id>" + profile + "</id>"), profile);
    assertTrue(
        bundle.at("/artifacts/job/build").asText().contains("-P${var.maven_profile} "), profile);
    String scala = profile.equals("spark-3.5") ? "2.12" : "2.13";
    assertTrue(runtime.endsWith("scala" + scala));
  }

  private static String variable(JsonNode bundle, String target, String name) {
    JsonNode own = bundle.path("targets").path(target).path("variables").path(name);
    return own.isMissingNode()
        ? bundle.path("variables").path(name).path("default").asText()
        : own.asText();
  }

  /**
   * What the CLI's own code asks for and no schema says ({@code validate_target_mode.go}, {@code
   * validate_artifact_path.go}, {@code job_cluster_key_defined.go}, {@code
   * no_interpolation_in_bundle_name.go}, {@code same_name_libraries.go}).
   *
   * @return what it would refuse
   */
  private static List<String> refusals(JsonNode bundle) {
    List<String> refused = new ArrayList<>();
    JsonNode workspace = bundle.path("workspace");
    bundle
        .path("targets")
        .properties()
        .forEach(
            target -> {
              JsonNode own = target.getValue().path("workspace");
              String mode = target.getValue().path("mode").asText();
              if (mode.equals("production") && !own.has("root_path")) {
                refused.add(target.getKey() + " must set workspace.root_path");
              }
              for (String path :
                  List.of(
                      "root_path", "file_path", "resource_path", "artifact_path", "state_path")) {
                String value = (own.has(path) ? own : workspace).path(path).asText();
                // Unset ones begin with the user's own folder.
                if (mode.equals("development") && !value.isEmpty() && !value.contains(USER)) {
                  refused.add(target.getKey() + ": " + path + " must contain the user's name");
                }
              }
            });
    String volume =
        workspace
            .path("artifact_path")
            .asText()
            .replace("${var.volume}", bundle.at("/variables/volume/default").asText());
    if (!volume.matches("/Volumes/[^/]+/[^/]+/[^/]+/.*")) {
      refused.add("artifact_path is not /Volumes/CATALOG/SCHEMA/VOLUME/...");
    }
    if (bundle.at("/bundle/name").asText().contains("${")) {
      refused.add("the bundle's name has a variable");
    }
    bundle
        .at("/resources/jobs")
        .forEach(
            job -> {
              List<String> clusters = new ArrayList<>();
              job.path("job_clusters")
                  .forEach(c -> clusters.add(c.path("job_cluster_key").asText()));
              Map<String, String> libraries = new TreeMap<>();
              for (JsonNode task : job.path("tasks")) {
                if (!clusters.contains(task.path("job_cluster_key").asText())) {
                  refused.add(task.path("task_key").asText() + " names no cluster of the job");
                }
                for (JsonNode library : task.path("libraries")) {
                  Path jar = Path.of(library.path("jar").asText());
                  String other = libraries.put(jar.getFileName().toString(), jar.toString());
                  if (other != null && !other.equals(jar.toString())) {
                    refused.add("two libraries of the name " + jar.getFileName());
                  }
                }
              }
            });
    return refused;
  }

  @Test
  void theBundleFollowsTheRulesOfTheCli() throws IOException {
    assertEquals(List.of(), refusals(yaml(DATABRICKS)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/workspace|artifact_path|\"${var.volume}/artifacts\"|artifact_path must contain the user's name",
        "/workspace|artifact_path|\"/Volumes/main/${workspace.current_user.short_name}\"|is not /Volumes/",
        "/workspace|root_path|\"/Workspace/Shared/avatarl\"|root_path must contain the user's name",
        "/targets/prod|workspace|{}|prod must set workspace.root_path",
        "/bundle|name|\"avatarl-${bundle.target}\"|name has a variable",
        "/resources/jobs/avatarl/tasks/1|job_cluster_key|\"cpu\"|inspect names no cluster",
        "/resources/jobs/avatarl/tasks/1|libraries|[{\"jar\": \"other/${var.jar}\"}]|two libraries",
      })
  void theRulesOfTheCliRefuseWhatIsWrong(String at, String key, String value, String refusal)
      throws IOException {
    JsonNode bundle = yaml(DATABRICKS);
    ((ObjectNode) bundle.at(at)).set(key, JSON.readTree(value));
    assertThat(refusals(bundle).toString()).contains(refusal);
  }

  /** What the init script makes is what the cluster's variables and the image name. */
  @Test
  void pyTorchForCudaIsWhereTheVariablesSay() throws IOException {
    String script = Files.readString(DATABRICKS.resolveSibling("install-pytorch.sh"));
    String pom = Files.readString(Path.of("pom.xml"));
    assertThat(script).contains("\nversion=" + property(pom, "pytorch.version") + "\n");
    JsonNode cluster = bundleJob().at("/job_clusters/0/new_cluster");
    assertEquals(
        "${workspace.file_path}/jobs/databricks/install-pytorch.sh",
        cluster.at("/init_scripts/0/workspace/destination").asText());
    String library = cluster.at("/spark_env_vars/PYTORCH_LIBRARY_PATH").asText();
    assertEquals("/opt/avatarl/torch/lib", library);
    assertThat(script).contains("${1:-/opt/avatarl}");
    String image = Files.readString(KUBERNETES.resolve("Dockerfile"));
    assertThat(image).contains("ENV PYTORCH_LIBRARY_PATH=" + library + "\n");
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
    assertTrue(arguments.contains("--resume-or-start"), "a driver that is started again goes on");
    assertEquals("OnFailure", spec.at("/restartPolicy/type").asText());
    // What the Dockerfile puts there.
    assertEquals(
        "local:///opt/spark/avatarl/avatarl-spark-job.jar",
        spec.path("mainApplicationFile").asText());
    String image = Files.readString(KUBERNETES.resolve("Dockerfile"));
    assertThat(image)
        .contains(
            "ARG SPARK=apache/spark:" + spec.path("sparkVersion").asText() + "-",
            "image.sh install /opt/spark\n");
    assertEquals(file.contains("gpu"), spec.path("image").asText().endsWith("-cuda"));
    for (String pod : List.of("driver", "executor")) {
      for (String webhook : List.of("env", "envFrom", "gpu", "volumeMounts", "tolerations")) {
        assertFalse(spec.path(pod).has(webhook), webhook + " needs the operator's webhook");
      }
    }
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
        "/spec|deps|{\"exclude\": []}",
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

  /** The two ways to Kubernetes ask for the same; with a GPU, for the GPU as well. */
  @ParameterizedTest
  @CsvSource({"spark.conf,train.yaml", "spark-gpu.conf,train-gpu.yaml"})
  void theSubmitCommandAsksForWhatTheManifestAsks(String settings, String file) throws IOException {
    Properties conf = new Properties();
    try (Reader reader = Files.newBufferedReader(KUBERNETES.resolve(settings))) {
      conf.load(reader);
    }
    JsonNode spec = yaml(KUBERNETES.resolve(file)).path("spec");
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
              if (key.contains(".resource.") || key.contains(".secretKeyRef.")) {
                assertEquals(entry.getValue().asText(), conf.getProperty(key), key);
              }
            });
    assertEquals(file.contains("gpu"), conf.containsKey("spark.task.resource.gpu.amount"));
    assertEquals(
        spec.path("sparkConf").has("spark.task.resource.gpu.amount"),
        conf.containsKey("spark.task.resource.gpu.amount"));
  }

  private static String property(String pom, String name) {
    return pom.replaceAll("(?s).*?<" + name + ">(.*?)</" + name + ">.*", "$1");
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
        assertEquals(value, spec.path("sparkConf").path(key).asText(), key);
        assertEquals(
            value,
            spec.path("sparkConf").path("spark.kubernetes.driverEnv." + name).asText(),
            "driver " + name);
      }
    }
    assertEquals(4, variables);
    assertFalse(cluster.path("spark_conf").has("spark.master"));
    assertFalse(spec.path("sparkConf").has("spark.master"));
  }
}
