package io.avatarl.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.io.File;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads HOCON into {@link TrainingConfig}: record components are keys, {@code reference.conf}
 * beside this class is the list of all keys and their defaults. An unknown key, a wrong type and a
 * value out of range are refused by name.
 */
public final class ConfigReader {
  /** Characters of a preset; the project's own have fewer than 5,000. */
  private static final int LARGEST = 100_000;

  private static final Pattern SUBSTITUTION = Pattern.compile("\\$\\{[^}]{0,100}}?");

  private ConfigReader() {}

  /**
   * Resolves a preset and overrides to a configuration.
   *
   * @param preset the preset's name, recorded in the result
   * @param hocon the preset's text
   * @param overrides {@code key=value} each, the last one wins
   * @throws UserError where the text is not a configuration; whatever it says, no other file or
   *     variable is read
   */
  public static TrainingConfig read(String preset, String hocon, List<String> overrides) {
    try {
      return resolved(preset, hocon, overrides);
    } catch (StackOverflowError e) {
      throw new UserError("preset " + preset + ": nested too deeply; write it with fewer brackets");
    }
  }

  private static TrainingConfig resolved(String preset, String hocon, List<String> overrides) {
    Config reference = reference();
    Config layers = parse("preset " + preset, hocon);
    for (String override : overrides) {
      int equals = override.indexOf('=');
      if (equals < 1) {
        throw new UserError("--set " + override + ": write it as key=value");
      }
      String value = override.substring(equals + 1);
      Config parsed =
          parse("--set " + override, override.substring(0, equals) + "=" + quoted(value));
      layers = parsed.withFallback(layers);
    }
    if (!layers.hasPath("preset")) {
      layers = parse("", "preset=" + ConfigUtil.quoteString(preset)).withFallback(layers);
    }
    refuseUnknown(layers, reference);
    return (TrainingConfig) read(TrainingConfig.class, layers.withFallback(reference).root(), "");
  }

  /** The configuration as HOCON with every key; {@link #read} gives it back. */
  public static String render(TrainingConfig config) {
    Map<String, Object> tree = tree(config);
    return ConfigFactory.parseMap(tree)
        .root()
        .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false));
  }

  /**
   * Keys whose values differ, with both values: {@code key: old → new}. Keys that only a newer
   * version of this program has are no difference.
   *
   * @param old {@link #flat}
   * @param now {@link #flat}
   */
  public static List<String> differences(Map<String, String> old, Map<String, String> now) {
    return old.keySet().stream()
        .filter(key -> !old.get(key).equals(now.get(key)))
        .sorted()
        .map(key -> key + ": " + old.get(key) + " → " + now.getOrDefault(key, "(absent)"))
        .toList();
  }

  /** Every key with its value as text. */
  public static Map<String, String> flat(TrainingConfig config) {
    Map<String, String> flat = new TreeMap<>();
    leaves(ConfigFactory.parseMap(tree(config)))
        .forEach((key, value) -> flat.put(key, String.valueOf(value.unwrapped())));
    return flat;
  }

  private static String render(ConfigValue value) {
    return value.render(ConfigRenderOptions.concise());
  }

  static Config reference() {
    return ConfigFactory.parseResources(ConfigReader.class, "reference.conf").resolve();
  }

  private static Config parse(String origin, String hocon) {
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
      // Includes are not followed: a preset is one file, and reading it must not read others.
      parsed =
          ConfigFactory.parseString(
              hocon,
              ConfigParseOptions.defaults()
                  .setOriginDescription(origin)
                  .setIncluder(new RefusingIncluder()));
    } catch (ConfigException e) {
      throw new UserError(oneLine(e.getMessage()), e);
    }
    if (!parsed.isResolved()) {
      // Some lines of them can ask for more memory than there is.
      Matcher substitution = SUBSTITUTION.matcher(hocon);
      throw new UserError(
          origin
              + ": "
              + (substitution.find() ? substitution.group() : "${...}")
              + " stands for another value, and substitutions are not followed; write the value out");
    }
    return parsed;
  }

  /** A value on the command line that is no number, boolean, list or object is a string. */
  private static String quoted(String value) {
    return !value.matches("[\\[{\"].*|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false")
        ? ConfigUtil.quoteString(value)
        : value;
  }

  private static void refuseUnknown(Config given, Config reference) {
    TreeSet<String> known = new TreeSet<>(leaves(reference).keySet());
    for (Map.Entry<String, ConfigValue> leaf : leaves(given).entrySet()) {
      // A number where a section belongs has a known name; reading it says what is wrong.
      boolean section = known.stream().anyMatch(key -> key.startsWith(leaf.getKey() + "."));
      if (!known.contains(leaf.getKey()) && !section) {
        throw new UserError(
            leaf.getValue().origin().description()
                + ": unknown key "
                + leaf.getKey()
                + "; did you mean "
                + DidYouMean.of(leaf.getKey(), known)
                + "?");
      }
    }
  }

  private static Map<String, ConfigValue> leaves(Config config) {
    Map<String, ConfigValue> leaves = new LinkedHashMap<>();
    collect("", config.root(), leaves);
    return leaves;
  }

  private static void collect(String prefix, ConfigObject object, Map<String, ConfigValue> leaves) {
    object.forEach(
        (key, value) -> {
          // Quoted as HOCON quotes it: "model.layers" in quotes is one odd key, not layers in
          // model.
          String path = prefix + ConfigUtil.joinPath(key);
          if (value instanceof ConfigObject section && !section.isEmpty()) {
            collect(path + ".", section, leaves);
          } else {
            leaves.put(path, value);
          }
        });
  }

  private static Object read(Class<?> type, ConfigObject object, String prefix) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String path = prefix + components[i].getName();
      ConfigValue value = object.get(components[i].getName());
      values[i] = value(components[i].getGenericType(), value, path, object);
    }
    try {
      Class<?>[] types =
          Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Check.Refused refused) {
        throw new UserError(prefix + refused.key + ": " + refused.getMessage());
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @param siblings the section that the value stands in
   */
  private static Object value(Type generic, ConfigValue value, String path, ConfigObject siblings) {
    if (generic instanceof ParameterizedType list && list.getRawType() == List.class) {
      return list(list.getActualTypeArguments()[0], value, path, siblings);
    }
    Class<?> type =
        generic instanceof ParameterizedType p ? (Class<?>) p.getRawType() : (Class<?>) generic;
    if (type.isRecord()) {
      if (value.valueType() != ConfigValueType.OBJECT) {
        throw wrong(path, value, "a section { ... }");
      }
      return read(type, (ConfigObject) value, path + ".");
    }
    Object plain = value.unwrapped();
    if (type == String.class) {
      if (plain instanceof String || plain instanceof Number || plain instanceof Boolean) {
        return asWritten(value);
      }
      throw wrong(path, value, "a string");
    }
    if (type == boolean.class) {
      if (plain instanceof Boolean || "true".equals(plain) || "false".equals(plain)) {
        return Boolean.valueOf(plain.toString());
      }
      throw wrong(path, value, "true or false");
    }
    if (type == int.class || type == long.class) {
      // Not by way of double, which keeps 53 bits of a seed.
      if (!(plain instanceof Number) && !(plain instanceof String)) {
        throw wrong(path, value, "a whole number");
      }
      try {
        BigDecimal number = new BigDecimal(asWritten(value));
        if (type == int.class) {
          return number.intValueExact();
        }
        return number.longValueExact();
      } catch (NumberFormatException e) {
        throw wrong(path, value, "a whole number");
      } catch (ArithmeticException e) {
        throw wrong(path, value, "a whole number of " + (type == int.class ? 32 : 64) + " bits");
      }
    }
    if (type == double.class) {
      Double number = number(plain);
      if (number == null || !Double.isFinite(number)) {
        throw wrong(path, value, "a number");
      }
      return number;
    }
    if (type.isEnum()) {
      for (Object constant : type.getEnumConstants()) {
        if (spelling((Enum<?>) constant).equals(plain)) {
          return constant;
        }
      }
      throw wrong(
          path,
          value,
          "one of "
              + Arrays.stream(type.getEnumConstants())
                  .map(c -> spelling((Enum<?>) c))
                  .collect(Collectors.joining(", ")));
    }
    if (type == Map.class && value instanceof ConfigObject object) {
      Map<String, Double> map = new LinkedHashMap<>();
      new TreeSet<>(object.keySet())
          .forEach(
              key ->
                  map.put(
                      key,
                      (Double) value(double.class, object.get(key), path + "." + key, object)));
      return Collections.unmodifiableMap(map);
    }
    throw wrong(path, value, type.getSimpleName());
  }

  /**
   * A list; a section in it takes the keys it leaves out from the section of the same name in the
   * singular.
   */
  private static List<Object> list(
      Type element, ConfigValue value, String path, ConfigObject siblings) {
    if (!(value instanceof ConfigList list)) {
      throw wrong(path, value, "a list [ ... ]");
    }
    List<Object> elements = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      ConfigValue item = list.get(i);
      String itemPath = path + "[" + i + "]";
      if (element instanceof Class<?> type && type.isRecord()) {
        if (!(item instanceof ConfigObject section)) {
          throw wrong(itemPath, item, "a section { ... }");
        }
        String singular = path.substring(path.lastIndexOf('.') + 1).replaceAll("s$", "");
        ConfigObject defaults = (ConfigObject) siblings.get(singular);
        for (String key : section.keySet()) {
          if (!defaults.containsKey(key)) {
            throw new UserError(
                itemPath
                    + ": unknown key "
                    + key
                    + "; did you mean "
                    + DidYouMean.of(key, defaults.keySet())
                    + "?");
          }
        }
        elements.add(read(type, section.withFallback(defaults), itemPath + "."));
      } else {
        elements.add(value(double.class, item, itemPath, siblings));
      }
    }
    return Collections.unmodifiableList(elements);
  }

  /** A string, number or boolean in the text's own characters: 007 stays 007. */
  private static String asWritten(ConfigValue value) {
    return value.atKey("value").getString("value");
  }

  private static Double number(Object plain) {
    if (plain instanceof Number n) {
      return n.doubleValue();
    }
    try {
      return plain instanceof String s ? Double.valueOf(s) : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static String spelling(Enum<?> constant) {
    return spelling(constant.name());
  }

  /** How an enum constant is written in a configuration. */
  public static String spelling(String constant) {
    return constant.toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static UserError wrong(String path, ConfigValue value, String expected) {
    return new UserError(path + ": " + render(value) + " is not " + expected);
  }

  private static Map<String, Object> tree(Object config) {
    Map<String, Object> tree = new LinkedHashMap<>();
    for (RecordComponent component : config.getClass().getRecordComponents()) {
      Object value;
      try {
        value = component.getAccessor().invoke(config);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
      if (value instanceof Record) {
        value = tree(value);
      } else if (value instanceof List<?> list) {
        value =
            list.stream()
                .map(item -> item instanceof Record ? tree(item) : item)
                .collect(Collectors.toList());
      } else if (value instanceof Enum<?> constant) {
        value = spelling(constant);
      }
      tree.put(component.getName(), value);
    }
    return tree;
  }

  private static String oneLine(String message) {
    return message.replaceAll("\\s+", " ");
  }

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
