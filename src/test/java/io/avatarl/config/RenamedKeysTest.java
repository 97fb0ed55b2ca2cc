package io.avatarl.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RenamedKeysTest {
  private static final String RENAMED =
      ": the key rollouts is called rolloutTable now; the old name still works, write the new one";

  private final List<String> warnings = new ArrayList<>();

  private RolloutTableConfig read(String hocon, String... overrides) {
    return ConfigReader.read("test", "mine.conf", hocon, List.of(overrides), warnings::add)
        .rolloutTable();
  }

  @Test
  void anOldSectionIsReadAndWarnedAboutOnce() {
    RolloutTableConfig table = read("steps = 3\nrollouts { every = 7, windows = 1 }");
    assertEquals(7, table.every());
    assertEquals(1, table.windows());
    assertEquals(read("rolloutTable { every = 7, windows = 1 }"), table);
    assertEquals(List.of("mine.conf, line 2" + RENAMED), warnings);
  }

  @Test
  void anOldKeyOfAnOverrideCountsMoreThanThePreset() {
    assertEquals(2, read("rolloutTable.every = 7", "rollouts.every=2").every());
    assertEquals(List.of("--set rollouts.every=2" + RENAMED), warnings);
    assertEquals(3, read("", "rollouts.every=2", "rolloutTable.every=3").every());
    assertEquals(4, read("", "rolloutTable.every=3", "rollouts.every=4").every());
  }

  @Test
  void whereOneTextHasBothTheNewNameCounts() {
    RolloutTableConfig table = read("rolloutTable.every = 1\nrollouts { every = 2, windows = 9 }");
    assertEquals(1, table.every());
    assertEquals(9, table.windows());
  }

  @Test
  void whatIsWrongBelowAnOldNameIsRefusedByItsNewName() {
    UserError error = assertThrows(UserError.class, () -> read("", "rollouts.evry=2"));
    assertEquals(
        "--set rollouts.evry=2: unknown key \"rolloutTable.evry\"; did you mean"
            + " rolloutTable.every?",
        error.getMessage());
    assertThrows(UserError.class, () -> read("rollouts = 3"));
    assertThrows(UserError.class, () -> read("rollouts = null"));
  }

  /** As each run of an earlier version has it in its config.conf. */
  @Test
  void aKeyThatIsGoneMayHaveTheValueThatSaidNothing() {
    read("rollout { topK = 0, topP = 1.0 }", "rollout.topP=1");
    assertEquals(List.of(), warnings);
    UserError error = assertThrows(UserError.class, () -> read("", "rollout.topK=8"));
    assertEquals(
        "--set rollout.topK=8: the key rollout.topK is gone: continuations are drawn from the whole"
            + " policy, since that is what their weights say; leave it out",
        error.getMessage());
    Map<String, String> now = ConfigReader.flat(ConfigReader.read("", "", List.of()));
    Map<String, String> old = new TreeMap<>(now);
    old.put("rollout.topK", "0");
    assertEquals(List.of(), ConfigReader.differences(old, now));
  }

  @Test
  void theNewNamesAreKnown() {
    Map<String, String> now = ConfigReader.flat(ConfigReader.read("", "", List.of()));
    assertTrue(now.containsKey("rolloutTable.every"), now.toString());
    assertTrue(now.keySet().stream().noneMatch(key -> key.startsWith("rollouts.")));
  }

  @Test
  void settingsOfAnEarlierVersionDifferByTheirValuesAlone() {
    Map<String, String> now = Map.of("rolloutTable.every", "50", "seed", "1");
    assertEquals(
        List.of(), ConfigReader.differences(Map.of("rollouts.every", "50", "seed", "1"), now));
    assertEquals(
        List.of("rolloutTable.every: 7 → 50"),
        ConfigReader.differences(Map.of("rollouts.every", "7"), now));
    assertEquals(
        List.of(),
        ConfigReader.differences(Map.of("rollouts.every", "7", "rolloutTable.every", "50"), now));
  }
}
