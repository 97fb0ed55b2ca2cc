package io.avatarl.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CustomRewardConfigTest {
  private static final String PRESET =
      """
      reward.custom {
        verse { class = "com.example.Verse", params { shortest = 35, words = [a, b], deep { x = 1.5 } } }
        hit { sql = "CASE WHEN action = gold THEN 1 ELSE 0 END", weight = 0.5, lowest = 0, highest = 1 }
      }
      """;

  private static TrainingConfig read(String... overrides) {
    return ConfigReader.read("", "mine.conf", PRESET, List.of(overrides), warning -> {});
  }

  private static List<String> differences(TrainingConfig old, TrainingConfig now) {
    return ConfigReader.differences(ConfigReader.flat(old), ConfigReader.flat(now));
  }

  @Test
  void componentsHaveNamesAndDefaults() {
    Map<String, CustomRewardConfig> custom = read().reward().custom();
    assertEquals(List.of("hit", "verse"), List.copyOf(custom.keySet()));
    assertEquals(
        new CustomRewardConfig(
            "com.example.Verse",
            "",
            1,
            -1e6,
            1e6,
            Map.of("shortest", 35, "words", List.of("a", "b"), "deep", Map.of("x", 1.5))),
        custom.get("verse"));
    assertEquals("CASE WHEN action = gold THEN 1 ELSE 0 END", custom.get("hit").sql());
    assertEquals(0.5, read().reward().allWeights().get("hit"));
    assertEquals(1.0, read().reward().allWeights().get("exact"));
  }

  @Test
  void overridesReachIntoThem() {
    TrainingConfig config =
        read(
            "reward.custom.verse.params.shortest=30",
            "reward.custom.new.sql=length(continuation) / 64",
            "reward.custom.hit.weight=2");
    assertEquals(30, config.reward().custom().get("verse").params().get("shortest"));
    assertEquals("length(continuation) / 64", config.reward().custom().get("new").sql());
    assertEquals(2.0, config.reward().custom().get("hit").weight());
  }

  @Test
  void whatIsRenderedReadsBackTheSame() {
    TrainingConfig config = read();
    assertEquals(config, ConfigReader.read("another", ConfigReader.render(config), List.of()));
    assertEquals(List.of(), differences(config, config));
  }

  @Test
  void anotherComponentIsADifference() {
    TrainingConfig none = ConfigReader.read("", "", List.of());
    assertThat(differences(none, read())).contains("reward.custom.hit.weight: (absent) → 0.5");
    assertThat(differences(read(), read("reward.custom.more.sql=1")))
        .contains("reward.custom.more.sql: (absent) → 1");
    assertThat(differences(read("reward.custom.verse.params.shortest=30"), read()))
        .contains("reward.custom.verse.params.shortest: 30 → 35");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "reward.custom.hit.clas=X | reward.custom.hit: unknown key \"clas\"; did you mean class?",
        "reward.custom.hit.class=X | reward.custom.hit.class: and sql are both given",
        "reward.custom.empty.weight=1 | reward.custom.empty.class: is empty, and so is sql",
        "reward.custom.exact.sql=1 | reward.custom.exact: is the name of a built-in component",
        "reward.custom.\"a b\".sql=1 | reward.custom: \"a b\" is no name",
        "reward.custom.hit.lowest=1 | reward.custom.hit.lowest: 1.0 is not below highest = 1.0",
        "reward.custom.hit.weight=1e9 | reward.custom.hit.weight: 1000000000 is out of range",
        "reward.custom.hit.params.x=1 | reward.custom.hit.params: are for a class",
        "reward.custom.hit=1 | reward.custom.hit: 1 is not a section",
        "reward.custom=1 | reward.custom: 1 is not a section",
        "reward.costum.hit.sql=1 | unknown key",
      })
  void whatIsWrongIsNamed(String override, String message) {
    String refused = assertThrows(UserError.class, () -> read(override)).getMessage();
    assertEquals(1, refused.lines().count(), refused);
    assertTrue(refused.startsWith("--set " + override) && refused.contains(message), refused);
  }
}
