package io.avatarl.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValue;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Keys that were renamed or removed since an earlier version. The old name of a key or section is
 * accepted wherever a configuration is read; if a text has both names, the new one counts. A
 * removed key is accepted with its neutral value, so that runs of an earlier version still open.
 */
final class RenamedKeys {
  /** Old → new, as whole paths. To rename a key, add its line here. */
  private static final Map<String, String> NEW_NAMES =
      new TreeMap<>(
          Map.of(
              // 0.2.0: the old name differed from the section rollout by one letter.
              "rollouts", "rolloutTable"));

  /** Removed keys, each with its neutral value and the reason why no other value is accepted. */
  private static final Map<String, Removed> REMOVED =
      new TreeMap<>(
          Map.of(
              // 0.2.0
              "rollout.topK", new Removed("0", Removed.CONTINUATIONS),
              "rollout.topP", new Removed("1", Removed.CONTINUATIONS)));

  private record Removed(String neutral, String reason) {
    static final String CONTINUATIONS =
        "continuations are drawn from the whole policy, since that is what their weights say";
  }

  private RenamedKeys() {}

  /**
   * @param given one text's values
   * @param warnings gets a line for each old name in the text
   */
  static Config applied(Config given, Consumer<String> warnings) {
    Config renamed = withoutRemoved(given);
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

  private static Config withoutRemoved(Config given) {
    Config kept = given;
    for (Map.Entry<String, Removed> removed : REMOVED.entrySet()) {
      String key = removed.getKey();
      if (kept.hasPath(key)) {
        ConfigValue value = kept.getValue(key);
        if (!isNeutral(String.valueOf(value.unwrapped()), removed.getValue())) {
          throw new UserError(
              HoconText.place(value)
                  + ": the key "
                  + key
                  + " is gone: "
                  + removed.getValue().reason()
                  + "; leave it out");
        }
        kept = kept.withoutPath(key);
      }
    }
    return kept;
  }

  /** 1 and 1.0 are the same. */
  private static boolean isNeutral(String value, Removed removed) {
    return value.replaceFirst("\\.0+$", "").equals(removed.neutral());
  }

  /**
   * @param flat {@link ConfigReader#flat} of any version
   */
  static Map<String, String> applied(Map<String, String> flat) {
    Map<String, String> renamed = new TreeMap<>();
    flat.forEach((key, value) -> renamed.put(newName(key), value));
    flat.keySet().stream()
        .filter(key -> key.equals(newName(key)))
        .forEach(key -> renamed.put(key, flat.get(key)));
    renamed.keySet().removeAll(REMOVED.keySet());
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
