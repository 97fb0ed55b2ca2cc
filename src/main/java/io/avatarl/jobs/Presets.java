package io.avatarl.jobs;

import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * The presets of {@code conf/}, which the build packs into the jar, so that a cluster needs no
 * other file.
 */
final class Presets {
  static final String DEFAULT = "maxrl";
  private static final String FOLDER = "/presets/";

  private Presets() {}

  /**
   * A preset.
   *
   * @param name for the summary
   * @param hocon its text
   */
  record Preset(String name, String hocon) {}

  /**
   * A known preset by name, or a HOCON file at any Hadoop path (it ends in .conf or has a slash).
   */
  static Preset load(String nameOrFile, Storage storage) {
    String name = nameOrFile.replaceAll(".*/|\\.conf$", "");
    if (nameOrFile.endsWith(".conf")) {
      return new Preset(name, storage.readString(nameOrFile));
    }
    List<String> known = names();
    String file =
        known.stream()
            .filter(k -> k.equals(nameOrFile) || k.endsWith("/" + nameOrFile))
            .findFirst()
            .orElseThrow(
                () ->
                    new UserError(
                        "--preset "
                            + nameOrFile
                            + ": unknown preset; there are "
                            + String.join(", ", known)
                            + ", or name a file that ends in .conf"));
    return new Preset(name, resource(file + ".conf"));
  }

  /** Names of all presets. */
  static List<String> names() {
    return Arrays.stream(resource("index").split("\n")).filter(line -> !line.isBlank()).toList();
  }

  private static String resource(String name) {
    try (InputStream in = Presets.class.getResourceAsStream(FOLDER + name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + FOLDER + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
