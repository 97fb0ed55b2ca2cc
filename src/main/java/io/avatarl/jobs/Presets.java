package io.avatarl.jobs;

import com.typesafe.config.ConfigUtil;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.train.Runs;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The presets of {@code conf/}. The build packs them into the jar, so that a cluster needs no other
 * file.
 */
public final class Presets {
  /** The main job: 16 of the characters are tried in each state. */
  public static final String DEFAULT = "maxrl-sampled";

  /** Every character is tried: what comparisons and the bench measure by. */
  public static final String EXHAUSTIVE = "maxrl";

  private static final String FOLDER = "/presets/";

  private Presets() {}

  /** {@link #names()}, for {@code --help}. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return names().iterator();
    }
  }

  /**
   * A preset.
   *
   * @param name for the summary
   * @param origin what errors call it: its file, or its name if it is in the jar
   * @param hocon its text
   */
  public record Preset(String name, String origin, String hocon) {
    /**
     * The configuration with these overrides; see {@link ConfigReader#read(String, String, String,
     * List, Consumer, ConfigReader.Beginnings)}.
     *
     * @param storage reads the model that {@code init} names
     */
    public TrainingConfig read(Storage storage, List<String> overrides, Consumer<String> warnings) {
      return ConfigReader.read(name, origin, hocon, overrides, warnings, Runs.beginnings(storage));
    }

    /** A copy whose default referee is this run. */
    Preset withReferee(String run) {
      return hocon.contains("referee")
          // Added to the first line, so that errors name the file's line numbers.
          ? new Preset(
              name, origin, "reward.referee.run = " + ConfigUtil.quoteString(run) + ", " + hocon)
          : this;
    }
  }

  /** The presets in a folder, or the name itself if it is not a folder. */
  static List<String> inFolder(String name) {
    String folder = name.replaceAll("/+$", "") + "/";
    List<String> inside = names().stream().filter(preset -> preset.startsWith(folder)).toList();
    return inside.isEmpty() ? List.of(name) : inside;
  }

  /** Loads a known preset by name, or a HOCON file (.conf) at any Hadoop path. */
  public static Preset load(String nameOrFile, Storage storage) {
    String name = nameOrFile.replaceAll(".*/|\\.conf$", "");
    if (nameOrFile.endsWith(".conf")) {
      return new Preset(name, nameOrFile, storage.readString(nameOrFile));
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
    return new Preset(name, "preset " + file, resource(file + ".conf"));
  }

  /** Names of all presets, with their folder if they are in one. */
  static List<String> names() {
    try {
      URI uri = Presets.class.getResource(FOLDER + DEFAULT + ".conf").toURI();
      if (!uri.getScheme().equals("jar")) {
        return names(Path.of(uri).getParent());
      }
      try (FileSystem jar =
          FileSystems.newFileSystem(
              Path.of(URI.create(uri.getRawSchemeSpecificPart().replaceAll("!.*", ""))))) {
        return names(jar.getPath(FOLDER));
      }
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .map(file -> folder.relativize(file).toString())
          .filter(file -> file.endsWith(".conf"))
          .map(file -> file.substring(0, file.length() - ".conf".length()))
          .sorted()
          .toList();
    }
  }

  private static String resource(String name) {
    try (InputStream in = Presets.class.getResourceAsStream(FOLDER + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
