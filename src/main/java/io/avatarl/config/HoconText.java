package io.avatarl.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.io.File;
import java.net.URL;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Parses one text of HOCON: a preset, one {@code --set}, or the defaults. Each value remembers
 * where it was written ({@link #place}). Parsing never reads another file or variable.
 */
final class HoconText {
  /** Longest preset in characters; the project's own have fewer than 5,000. */
  private static final int LARGEST = 100_000;

  /** Longest part of an override that an error repeats, in characters. */
  private static final int SHOWN = 80;

  static final String NESTED = ": nested too deeply; write it with fewer brackets";

  private static final String DEFAULTS = "the defaults";
  private static final String SET = "--set ";

  private static final Pattern SUBSTITUTION = Pattern.compile("\\$\\{[^}]{0,100}}?");

  /**
   * Override values that are HOCON already: a number, a boolean, a list, an object, a quoted
   * string.
   */
  private static final Pattern HOCON_VALUE =
      Pattern.compile("[\\[{\"].*|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false");

  private HoconText() {}

  /** Every key with its default. */
  static Config defaults() {
    return ConfigFactory.parseResources(
            HoconText.class,
            "reference.conf",
            ConfigParseOptions.defaults().setOriginDescription(DEFAULTS))
        .resolve();
  }

  /**
   * @param origin what errors call the text
   * @throws UserError if the text is not HOCON, or refers to other texts
   */
  static Config parse(String origin, String hocon) {
    if (hocon.length() > LARGEST) {
      throw new UserError(
          origin
              + ": has "
              + hocon.length()
              + " characters, more than "
              + LARGEST
              + "; is it a preset?");
    }
    Config parsed;
    try {
      parsed =
          ConfigFactory.parseString(
              hocon,
              ConfigParseOptions.defaults()
                  .setOriginDescription(origin)
                  .setIncluder(new RefusingIncluder()));
    } catch (ConfigException e) {
      throw new UserError(explained(origin, e), e);
    } catch (StackOverflowError e) {
      throw new UserError(origin + NESTED);
    }
    if (!parsed.isResolved()) {
      // A few lines of nested substitutions can expand beyond memory.
      Matcher substitution = SUBSTITUTION.matcher(hocon);
      boolean found = substitution.find();
      String place = origin;
      if (found && !origin.startsWith(SET)) {
        place += ", line " + hocon.substring(0, substitution.start()).lines().count();
      }
      throw new UserError(
          place
              + ": "
              + (found ? substitution.group() : "${...}")
              + " is a substitution, which presets do not support; write the value itself");
    }
    return parsed;
  }

  /** What errors call an override: itself, in one short line. */
  static String overrideOrigin(String override) {
    // A URL may hold a password.
    String text =
        override.contains("@") && override.contains("://")
            ? override.substring(0, override.indexOf('=') + 1) + "..."
            : override.replaceAll("\\s+", " ");
    return SET + (text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...");
  }

  /**
   * @param override {@code key=value}; a value that is not a number, boolean, list or object is a
   *     string
   */
  static Config parseOverride(String override) {
    int equals = override.indexOf('=');
    String origin = overrideOrigin(override);
    if (equals < 1) {
      throw new UserError(origin + ": write it as key=value");
    }
    String value = override.substring(equals + 1);
    return parse(
        origin,
        override.substring(0, equals)
            + "="
            + (HOCON_VALUE.matcher(value).matches() ? value : ConfigUtil.quoteString(value)));
  }

  /**
   * Where a value was written: {@code --set key=value}, or {@code conf/mine.conf, line 3}; empty
   * for a default.
   */
  static String place(ConfigValue value) {
    return place(value.origin());
  }

  static boolean isOverride(ConfigValue value) {
    return place(value).startsWith(SET);
  }

  private static String place(ConfigOrigin origin) {
    String line = ": " + origin.lineNumber();
    String description = origin.description();
    String text =
        description.endsWith(line)
            ? description.substring(0, description.length() - line.length())
            : description;
    if (text.startsWith(DEFAULTS)) {
      return "";
    }
    return text.startsWith(SET) || origin.lineNumber() < 1
        ? text
        : text + ", line " + origin.lineNumber();
  }

  private static String explained(String origin, ConfigException e) {
    String message = e.getMessage();
    String place = origin;
    if (e.origin() != null) {
      place = place(e.origin());
      String prefix = e.origin().description() + ": ";
      message = message.startsWith(prefix) ? message.substring(prefix.length()) : message;
    }
    return place + ": " + message.replaceAll("\\s+", " ");
  }

  /** Refuses {@code include}: a preset is a single file. */
  private static final class RefusingIncluder
      implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {
    private static ConfigObject refuse(String what) {
      throw new ConfigException.Generic(
          "include " + what + ": a preset is one file, includes are not followed");
    }

    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
      return this;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
      return refuse(what);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
      return refuse(what.toString());
    }

    @Override
    public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
      return refuse(what.toString());
    }

    @Override
    public ConfigObject includeResources(ConfigIncludeContext context, String what) {
      return refuse(what);
    }
  }
}
