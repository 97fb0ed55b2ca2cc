package io.avatarl.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValue;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Keys that had another name in an earlier version. The old name of a key or of a whole section is
 * accepted wherever a configuration is read; where both are given in one text, the new one counts.
 */
final class RenamedKeys {
  /** Old → new, as whole paths. To rename a key, add its line here. */
  private static final Map<String, String> NEW_NAMES =
      new TreeMap<>(
          Map.of(
              // 0.2.0: it differed from the section rollout by a letter.
              "rollouts", "rolloutTable"));

  private RenamedKeys() {}

  /**
   * @param given one text's values
   * @param warnings gets a line for each old name in the text
   */
  static Config applied(Config given, Consumer<String> warnings) {
    Config renamed = given;
    for (Map.Entry<String, String> name : NEW_NAMES.entrySet()) {
      String old = name.getKey();
      if (renamed.hasPath(old)) {
        ConfigValue value = renamed.getValue(old);
        renamed = renamed.withoutPath(old).withFallback(value.atPath(name.getValue()));
        warnings.accept(
            HoconText.place(value)
                + ": the key "
                + old
                + " is called "
                + name.getValue()
                + " now; the old name still works, write the new one");
      }
    }
    return renamed;
  }

  /**
   * @param flat {@link ConfigReader#flat}, of whatever version
   */
  static Map<String, String> applied(Map<String, String> flat) {
    Map<String, String> renamed = new TreeMap<>();
    flat.forEach((key, value) -> renamed.put(newName(key), value));
    flat.keySet().stream()
        .filter(key -> key.equals(newName(key)))
        .forEach(key -> renamed.put(key, flat.get(key)));
    return renamed;
  }

  private static String newName(String key) {
    for (Map.Entry<String, String> name : NEW_NAMES.entrySet()) {
      String old = name.getKey();
      if (key.equals(old) || key.startsWith(old + ".")) {
        return name.getValue() + key.substring(old.length());
      }
    }
    return key;
  }
}
