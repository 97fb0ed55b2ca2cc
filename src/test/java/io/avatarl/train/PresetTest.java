package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.CurriculumStage;
import io.avatarl.config.TrainingConfig;
import io.avatarl.reward.Rewards;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every preset that the project ships. */
class PresetTest {
  private static final Path FOLDER = Path.of("conf");

  static List<Path> presets() {
    try (Stream<Path> files = Files.walk(FOLDER)) {
      return files
          .filter(file -> file.toString().endsWith(".conf"))
          .filter(file -> !file.getFileName().toString().startsWith("spark-"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("presets")
  void isAValidConfiguration(Path preset) throws IOException {
    String text = Files.readString(preset);
    assertTrue(text.startsWith("# "), "opens with what it is");
    // A preset whose referee is another run says so; no run has one of this name.
    List<String> overrides =
        text.contains("reward.referee.run=") ? List.of("reward.referee.run=referee") : List.of();
    TrainingConfig config = ConfigReader.read(preset.toString(), text, overrides);
    assertEquals(config, ConfigReader.read("", ConfigReader.render(config), List.of()));
    for (CurriculumStage stage : CurriculumStage.of(config)) {
      assertTrue(
          stage.rewards().keySet().stream()
              .allMatch(
                  name ->
                      Rewards.names().contains(name) || config.reward().custom().containsKey(name)),
          stage.toString());
      assertTrue(
          stage.rewards().values().stream().anyMatch(weight -> weight != 0), stage.toString());
    }
  }
}
