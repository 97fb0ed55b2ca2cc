package io.avatarl.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigReaderTest {
  private static TrainingConfig read(String hocon, String... overrides) {
    return ConfigReader.read("test", hocon, List.of(overrides));
  }

  /** The message of the refusal, which is one line. */
  private static String refused(String hocon, String... overrides) {
    UserError error = assertThrows(UserError.class, () -> read(hocon, overrides));
    assertThat(error.getMessage()).doesNotContain("\n");
    return error.getMessage();
  }

  private static void assertContains(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), "\"" + part + "\" in: " + text);
    }
  }

  @Test
  void defaultsAreThoseOfTheReference() {
    TrainingConfig config = read("");
    Config reference = ConfigFactory.parseResources(ConfigReader.class, "reference.conf").resolve();
    assertEquals("test", config.preset());
    assertEquals(reference.getLong("seed"), config.seed());
    assertEquals(reference.getInt("model.layers"), config.model().layers());
    assertEquals(GptConfig.Norm.RMS, config.model().norm());
    assertEquals(RolloutConfig.Exploration.EXHAUSTIVE, config.rollout().exploration());
    assertEquals(
        reference.getObject("reward.weights").keySet(), config.reward().weights().keySet());
    config
        .reward()
        .weights()
        .forEach((name, weight) -> assertEquals(name.equals("exact") ? 1.0 : 0.0, weight, name));
    assertEquals(List.of(0.1, 0.27, 0.48, 1.35, 3.5), config.reward().wordLengths());
    assertEquals(List.of(), config.curriculum().stages());
    assertEquals(2e-3, config.learner().optimizer().learningRate());
    assertEquals("", config.sample().prompt());
    assertEquals(
        config.learner().updatesPerStep() * config.rollout().windowsPerUpdate(),
        config.windowsPerStep());
    assertEquals((long) config.steps() * config.learner().updatesPerStep(), config.updates());
  }

  @Test
  void whatIsRenderedReadsBackTheSame() {
    TrainingConfig config =
        read(
            "",
            "seed=-9007199254740993",
            "corpus.path=s3a://bucket/a text \"quoted\"",
            "model.norm=layer",
            "learner.optimizer.schedule=linear",
            "advantage.estimator=dr-grpo",
            "reward.weights.bigram=-0.1",
            "learner.optimizer.epsilon=1e-12",
            "model.bias=true",
            "sample.prompt=007 ${HOME} # no comment\t\u00e9\\");
    assertEquals(config, ConfigReader.read("another", ConfigReader.render(config), List.of()));
    assertEquals(List.of(), differences(config, config));
    assertEquals(
        List.of("model.norm: layer → rms", "steps: 250 → 251"),
        differences(
            config,
            ConfigReader.read(
                "", ConfigReader.render(config), List.of("steps=251", "model.norm=rms"))));
  }

  @Test
  void overridesComeAfterThePresetAndTheLastOneWins() {
    TrainingConfig config = read("steps = 3, model.layers = 2", "steps=4", "steps=5");
    assertEquals(5, config.steps());
    assertEquals(2, config.model().layers());
  }

  @Test
  void overridesTakeTextAsItIs() {
    assertEquals("", read("", "sample.prompt=").sample().prompt());
    assertEquals("a b # c", read("", "sample.prompt=a b # c").sample().prompt());
    assertEquals("x=y", read("", "sample.prompt=x=y").sample().prompt());
    assertEquals("007", read("", "sample.prompt=007").sample().prompt());
    assertEquals("1.50", read("", "sample.prompt=1.50").sample().prompt());
    assertEquals("true", read("", "sample.prompt=true").sample().prompt());
    assertEquals("+", read("", "sample.prompt=+").sample().prompt());
    assertEquals("${x}", read("", "sample.prompt=${x}").sample().prompt());
    assertEquals("\n\n", read("", "sample.prompt=\"\\n\\n\"").sample().prompt());
    assertEquals(5, read("", "steps=+5").steps());
    assertEquals(2000, read("", "steps=2e3").steps());
    assertEquals(0.5, read("", "learner.entropy=.5").learner().entropy());
  }

  @ParameterizedTest
  @ValueSource(strings = {"steps", "=5", "", "--steps"})
  void anOverrideIsKeyEqualsValue(String override) {
    assertContains(refused("", override), "--set " + override, "key=value");
  }

  @ParameterizedTest
  @ValueSource(
      longs = {
        9007199254740993L,
        -9007199254740993L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        0,
        1234567890123456789L
      })
  void seedsKeepAllTheirDigits(long seed) {
    assertEquals(seed, read("", "seed=" + seed).seed());
    assertEquals(seed, read("seed = " + seed).seed());
    assertEquals(seed, read("seed = \"" + seed + "\"").seed());
    TrainingConfig config = read("", "seed=" + seed);
    assertEquals(seed, read(ConfigReader.render(config)).seed());
  }

  @ParameterizedTest
  @CsvSource({
    "leaner.clipLow, learner.clipLow",
    "model.layer, model.layers",
    "clipLow, learner.clipLow",
    "learningRate, learner.optimizer.learningRate",
    "optimizer.learningrate, learner.optimizer.learningRate",
    "seeds, seed",
    "reward.weights.exakt, reward.weights.exact",
    "model.layers.more, model.layers"
  })
  void anUnknownKeyNamesTheNearest(String key, String nearest) {
    assertContains(
        refused("", key + "=1"), "unknown key \"" + key + "\";", "mean " + nearest + "?");
    assertContains(refused(key + " = 1"), "preset test, line 1: unknown key \"" + key + "\";");
  }

  @Test
  void aQuotedKeyIsNoPath() {
    assertContains(
        refused("\"model.layers\" = 3"), "unknown key \"model.layers\"", "model.layers?");
  }

  @Test
  void anUnknownSectionIsRefusedEvenIfEmpty() {
    assertContains(refused("leaner {}"), "unknown key \"leaner\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model.layers=four|model.layers|a whole number",
        "model.layers=1.5|model.layers|a whole number",
        "model.layers=true|model.layers|a whole number",
        "model.layers=[1]|model.layers|a whole number",
        "model.layers=2147483648|model.layers|32 bits",
        "model.layers=4294967297|model.layers|32 bits",
        "seed=9223372036854775808|seed|64 bits",
        "seed=\"1e30\"|seed|64 bits",
        "seed=1.5|seed|whole number",
        "seed=\"1d\"|seed|a whole number",
        "model.bias=yes!|model.bias|true or false",
        "model.bias=1|model.bias|true or false",
        "learner.entropy=low|learner.entropy|a number",
        "learner.entropy=NaN|learner.entropy|a number",
        "learner.entropy=1e999|learner.entropy|a number",
        "sample.prompt=[1]|sample.prompt|a string",
        "model.norm=rsm|model.norm|one of rms, layer",
        "model.norm=RMS|model.norm|one of rms, layer",
        "model.norm=1|model.norm|one of rms, layer",
        "advantage.estimator=dr_grpo|advantage.estimator|one of grpo, dr-grpo, maxrl, reinforce",
        "model=3|model|a section",
        "reward.weights.exact=much|reward.weights.exact|a number",
        "reward.weights.exact=[1]|reward.weights.exact|a number"
      })
  void aWrongTypeIsRefusedByName(String override, String key, String expected) {
    assertContains(refused("", override), key + ": ", " is not ", expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"model = null", "model.layers = null", "sample.prompt = null"})
  void nullIsNoValue(String hocon) {
    assertContains(refused(hocon), hocon.substring(0, hocon.indexOf(' ')) + ": null is not");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.layers=0",
        "model.initStd=-1",
        "steps=-1",
        "nativeThreads=0",
        "corpus.validationFraction=1",
        "corpus.validationFraction=0",
        "corpus.sha256=abc",
        "rollout.samples=0",
        "rollout.ahead=2",
        "learner.slices=0",
        "learner.clipLow=0",
        "learner.clipLow=1.01",
        "learner.clipHigh=0",
        "learner.entropy=-0.1",
        "learner.optimizer.beta1=1",
        "learner.optimizer.beta2=-0.1",
        "learner.optimizer.epsilon=0",
        "learner.optimizer.floor=1.1",
        "reward.weights.bigram=1e7",
        "reward.weights.fivegramLog=-1e7",
        "reward.wordLengths=[]",
        "reward.improvementOrder=6",
        "rollout.mixture=1",
        "rollout.temperature=0",
        "rollout.horizon=0",
        "advantage.minStd=-1",
        "learner.kl.order=0",
        "learner.kl.weight=-1",
        "learner.kl.freeBits=-1",
        "learner.kl.target=-1",
        "curriculum.emaDecay=1",
        "evaluation.batch=0",
        "checkpoint.keep=0",
        "sample.temperature=0"
      })
  void whatIsOutOfRangeIsRefusedByName(String override) {
    assertContains(refused("", override), override.substring(0, override.indexOf('=')) + ": ");
  }

  @Test
  void headsMustDivideTheWidth() {
    assertContains(refused("", "model.heads=3"), "model.heads: 3 does not divide", "128");
    assertContains(refused("", "model.width=12"), "model.heads: ", "even head width");
    assertEquals(12, read("", "model.width=12", "model.positions=learned").model().width());
  }

  @Test
  void aStepHasAtLeastOneWindowForEachShard() {
    assertContains(
        refused("", "learner.updatesPerStep=1", "rollout.windowsPerUpdate=3"),
        "rollout.shards: 4 is more than",
        "3");
  }

  private static final String STAGES =
      """
      curriculum {
        stage { promotion = plateau, steps = 7, klWeight = 0.5 }
        stages = [
          { name = first, reward { bigram = 1, exact = 0.5 } }
          { steps = 9, promotion = improvement, threshold = 0.2 }
          { name = "the last", klWeight = 0 }
        ]
      }
      """;

  @Test
  void aStageTakesWhatItLeavesOutFromTheSectionStage() {
    CurriculumConfig curriculum = read(STAGES).curriculum();
    assertEquals(3, curriculum.stages().size());
    assertEquals(
        new StageConfig(
            "first",
            Map.of("bigram", 1.0, "exact", 0.5),
            0.5,
            0,
            StageConfig.Promotion.PLATEAU,
            7,
            0.05,
            20),
        curriculum.stages().get(0));
    assertEquals(
        new StageConfig("", Map.of(), 0.5, 0, StageConfig.Promotion.IMPROVEMENT, 9, 0.2, 20),
        curriculum.stages().get(1));
    assertEquals(
        new StageConfig("the last", Map.of(), 0, 0, StageConfig.Promotion.PLATEAU, 7, 0.05, 20),
        curriculum.stages().get(2));
    assertEquals(
        11, read(STAGES, "curriculum.stage.steps=11").curriculum().stages().get(2).steps());
    assertEquals(
        List.of(StageConfig.Promotion.STEP),
        read("", "curriculum.stages=[{ name = only }]").curriculum().stages().stream()
            .map(StageConfig::promotion)
            .toList());
  }

  @Test
  void stagesRenderedReadBackTheSame() {
    TrainingConfig config = read(STAGES, "reward.wordLengths=[1,0.5]");
    assertEquals(List.of(1.0, 0.5), config.reward().wordLengths());
    assertEquals(config, ConfigReader.read("another", ConfigReader.render(config), List.of()));
    assertEquals(List.of(), differences(config, config));
    List<String> differences = differences(config, read(STAGES.replace("steps = 9", "steps = 8")));
    assertEquals(2, differences.size(), differences.toString());
    assertContains(differences.get(0), "curriculum.stages: ");
    assertContains(differences.get(1), "reward.wordLengths: ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[{ rewards { exact = 1 } }]|curriculum.stages[0]: unknown key \"rewards\"; did you mean reward?",
        "[{}, { step = 3 }]|curriculum.stages[1]: unknown key \"step\"; did you mean steps?",
        "[{}, { steps = -3 }]|curriculum.stages[1].steps: ",
        "[{ steps = soon }]|curriculum.stages[0].steps: \"soon\" is not a whole number",
        "[{ promotion = never }]|curriculum.stages[0].promotion: \"never\" is not one of step,",
        "[{ reward { exact = much } }]|curriculum.stages[0].reward.exact: ",
        "[3]|curriculum.stages[0]: 3 is not a section",
        "{ name = one }|curriculum.stages",
        "3|curriculum.stages: 3 is not a list"
      })
  void whatIsWrongInAStageIsNamed(String stages, String message) {
    assertContains(refused("curriculum.stages = " + stages), message);
  }

  @Test
  void settingsThatCannotTeachOrEstimateAreRefused() {
    String sampled = "rollout.exploration=sampled";
    assertContains(refused("", sampled, "rollout.samples=1"), "rollout.samples: 1", "at least 2");
    assertContains(
        refused("", sampled, "rollout.horizon=2", "rollout.temperature=0.8"),
        "rollout.temperature: 0.8",
        "set 1");
    assertContains(
        refused("", sampled, "rollout.horizon=2", "rollout.draw=without-replacement"),
        "rollout.draw: without-replacement");
    assertContains(
        refused("", sampled, "advantage.mean=found", "advantage.estimator=grpo"),
        "advantage.mean: found",
        "maxrl");
    assertContains(refused("", "advantage.mean=censored"), "advantage.mean: censored", "sampled");
    assertContains(
        refused(
            "",
            "rollout.exploration=active",
            "learner.kl.reference=ngram",
            "learner.kl.estimator=sampled"),
        "learner.kl.estimator: sampled",
        "rollout.exploration = active",
        "set full");
    assertContains(
        refused(
            "",
            "rollout.weights=uniform",
            "learner.kl.reference=ngram",
            "learner.kl.estimator=sampled"),
        "learner.kl.estimator: sampled",
        "rollout.weights = uniform",
        "set full");
    String last = "learner.kl.reference=last";
    for (String newest : List.of("learner.updatesPerStep=1", "learner.placement=executors")) {
      assertContains(
          refused("", last, newest, "rollout.shards=2"), "learner.kl.reference: last", "stay 0");
    }
    read("", last);
    read("", last, "learner.updatesPerStep=1", "rollout.ahead=1");
  }

  @Test
  void continuationsNeedSamplingAndRoomAndNoReferee() {
    assertContains(refused("", "rollout.horizon=2"), "rollout.horizon: 2", "sampled");
    String sampled = "rollout.exploration=sampled";
    assertContains(
        refused("", sampled, "rollout.horizon=65"), "rollout.horizon: 65", "model.context = 64");
    assertContains(
        refused("", sampled, "rollout.horizon=2", "rollout.mixture=0.1"), "rollout.mixture: 0.1");
    assertContains(
        refused(
            "",
            sampled,
            "rollout.horizon=2",
            "reward.referee.run=referee",
            "curriculum.stages=[{ reward { referee = 1 } }]"),
        "rollout.horizon: 2",
        "referee");
    assertEquals(64, read("", sampled, "rollout.horizon=64").rollout().horizon());
    String stages = "curriculum.stages=[{ name = a }, { name = b, horizon = 4 }]";
    assertContains(refused("", stages), "curriculum.stages[1].horizon: 4", "sampled");
    assertContains(
        refused("", sampled, stages, "model.context=3"),
        "curriculum.stages[1].horizon: 4",
        "model.context = 3");
    assertEquals(1, CurriculumStage.of(read("", sampled, stages)).get(0).rollout().horizon());
    assertEquals(4, CurriculumStage.of(read("", sampled, stages)).get(1).rollout().horizon());
    assertContains(
        refused("", "rollout.exploration=active", "rollout.refereeTop=2"),
        "rollout.refereeTop: 2",
        "reward.referee.run");
  }

  @Test
  void aRefereeMustBeNamed() {
    assertContains(refused("", "reward.weights.referee=1"), "reward.referee.run: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "include \"%s\"",
        "include file(\"%s\")",
        "include required(file(\"%s\"))",
        "include url(\"file:%s\")",
        "include classpath(\"io/avatarl/config/reference.conf\")",
        "model { include \"%s\" }"
      })
  void includesAreRefused(String include, @TempDir Path folder) throws Exception {
    Path other = Files.writeString(folder.resolve("other.conf"), "steps = 7");
    assertContains(refused(String.format(include, other)), "include", "not followed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"steps = ", "steps = {", "}", "steps = ${?", "steps = ${nowhere}"})
  void whatIsNoHoconIsRefused(String hocon) {
    assertContains(refused(hocon), "preset test");
  }

  @Test
  void theEnvironmentIsNotRead() {
    assertContains(refused("corpus.path = ${PATH}"), "PATH");
  }

  @Test
  void enumsAreSpelledInLowerCaseWithHyphens() {
    for (AdvantageConfig.Estimator estimator : AdvantageConfig.Estimator.values()) {
      String spelling = estimator.name().toLowerCase(Locale.ROOT).replace('_', '-');
      assertEquals(estimator, read("", "advantage.estimator=" + spelling).advantage().estimator());
    }
  }

  @Test
  void everyKeyOfTheReferenceIsExplained() {
    List<String> bare = new ArrayList<>();
    explained("", ConfigFactory.parseResources(ConfigReader.class, "reference.conf").root(), bare);
    assertEquals(List.of(), bare);
  }

  private static void explained(String prefix, ConfigObject object, List<String> bare) {
    for (Map.Entry<String, ConfigValue> entry : object.entrySet()) {
      ConfigValue value = entry.getValue();
      if (value.valueType() == ConfigValueType.OBJECT) {
        explained(prefix + entry.getKey() + ".", (ConfigObject) value, bare);
      } else if (value.origin().comments().stream().allMatch(String::isBlank)) {
        bare.add(prefix + entry.getKey());
      }
    }
  }

  private static List<String> differences(TrainingConfig old, TrainingConfig now) {
    return ConfigReader.differences(ConfigReader.flat(old), ConfigReader.flat(now));
  }
}
