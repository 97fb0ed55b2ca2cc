package io.avatarl.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every refusal begins with the {@code --set} or the line that it is about. */
class ConfigPlacesTest {
  private static final String PRESET =
      """
      # A comment.
      model { layers = 1
        heads = 2
      }
      rollout.shards = 3
      """;

  private static String refused(String hocon, String... overrides) {
    return assertThrows(
            UserError.class,
            () ->
                ConfigReader.read(
                    "mine", "conf/mine.conf", hocon, List.of(overrides), warning -> {}))
        .getMessage();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "stpes=3|--set stpes=3: unknown key \"stpes\"; did you mean steps?",
        "steps|--set steps: write it as key=value",
        "steps=many|--set steps=many: steps: \"many\" is not a whole number",
        "steps=-1|--set steps=-1: steps: -1 is out of range, it must be between 0 and 1000000000",
        "model=3|--set model=3: model: 3 is not a section { ... }",
        "model.heads=3|--set model.heads=3: model.heads: 3 does not divide model.width = 128",
        // The heads are the preset's, and went with the width that the defaults have.
        "model.width=33|--set model.width=33: model.heads: 2 does not divide model.width = 33",
        "curriculum.stages=[{step=1}]|--set curriculum.stages=[{step=1}]: curriculum.stages[0]:"
            + " unknown key \"step\"; did you mean steps?",
        "tracking.uri=http://me:secret@host|--set tracking.uri=...: tracking.uri: must not hold"
            + " credentials, because the run's folder records it; set MLFLOW_TRACKING_TOKEN instead",
      })
  void anErrorOfAnOverrideNamesIt(String override, String message) {
    assertEquals(message, refused(PRESET, override));
    assertEquals(message, refused(PRESET, "seed=2", override, "sample.count=1"));
  }

  @Test
  void anOverrideThatIsNoHoconIsNamed() {
    String message = refused(PRESET, "steps=[1");
    assertEquals("--set steps=[1: ", message.substring(0, "--set steps=[1: ".length()));
  }

  @Test
  void aLongOverrideIsCutAndStaysOneLine() {
    String message = refused(PRESET, "steps=a\nb" + "c".repeat(200));
    assertEquals("--set steps=a b" + "c".repeat(71) + "...: ", message.substring(0, 91));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "stpes = 3|unknown key \"stpes\"; did you mean steps?",
        "model.norm = rsm|model.norm: \"rsm\" is not one of rms, layer",
        "steps = -1|steps: -1 is out of range, it must be between 0 and 1000000000",
        "curriculum.stages = [{ step = 1 }]|curriculum.stages[0]: unknown key \"step\"; did you"
            + " mean steps?",
        "corpus.path = ${HOME}|${HOME} is a substitution, which presets do not support; write the"
            + " value itself",
      })
  void anErrorOfAPresetNamesFileAndLine(String line, String message) {
    assertEquals("conf/mine.conf, line 6: " + message, refused(PRESET + line));
  }

  @Test
  void aPresetThatIsNoHoconNamesFileAndLine() {
    String message = refused(PRESET + "steps = }");
    assertEquals("conf/mine.conf, line 6: ", message.substring(0, 24));
  }

  @Test
  void aDefaultThatDoesNotGoWithThePresetNamesThePreset() {
    assertEquals(
        "conf/mine.conf: model.heads: 4 does not divide model.width = 6", refused("model.width=6"));
  }
}
