package io.avatarl.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * HOCON to records and back. A record's components are the keys of a section; a component's type
 * says what its value may be: {@code int}, {@code long}, {@code double}, {@code boolean}, {@code
 * String}, a {@link ByteSize}, an enum (spelled {@code lower-case}), a record (a section), {@code
 * List} of records or of {@code Double}, {@code Map<String, Double>}, {@code Map<String, record>},
 * or {@code Map<String, Object>} for a section of any content.
 */
final class RecordMapper {
  private static final String SECTION = "a section { ... }";

  private RecordMapper() {}

  /** A value is refused; the message begins with its key. */
  static final class Refused extends RuntimeException {
    /** The value, if the configuration has one under that key. */
    final transient Optional<ConfigValue> value;

    /** Whether the enclosing record refused it, perhaps because of other values. */
    final boolean byRecord;

    Refused(String key, String why, Optional<ConfigValue> value, boolean byRecord) {
      super(key + ": " + why);
      this.value = value;
      this.byRecord = byRecord;
    }
  }

  /**
   * @param section has a value for every component
   * @throws Refused if a value has the wrong type, or the record's constructor refuses it
   */
  static <T extends Record> T read(Class<T> type, ConfigObject section) {
    return type.cast(record(type, section, ""));
  }

  /** The record as a tree of maps, lists and plain values. */
  static Map<String, Object> tree(Object config) {
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
      } else if (value instanceof Map<?, ?> map) {
        Map<Object, Object> values = new LinkedHashMap<>();
        map.forEach((key, item) -> values.put(key, item instanceof Record ? tree(item) : item));
        value = values;
      } else if (value instanceof Enum<?> constant) {
        value = spelling(constant.name());
      } else if (value instanceof ByteSize size) {
        value = size.toString();
      }
      tree.put(key(component), value);
    }
    return tree;
  }

  private static String key(RecordComponent component) {
    Key key = component.getAnnotation(Key.class);
    return key == null ? component.getName() : key.value();
  }

  /** How an enum constant is written in a configuration. */
  static String spelling(String constant) {
    return constant.toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static Object record(Class<?> type, ConfigObject section, String prefix) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String path = prefix + key(components[i]);
      ConfigValue value = section.get(key(components[i]));
      values[i] = value(components[i].getGenericType(), value, path, section);
    }
    try {
      Class<?>[] types =
          Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Check.Refused refused) {
        throw new Refused(
            prefix + refused.key, refused.getMessage(), find(section, refused.key), true);
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @param key relative to the section; for a list's element, the list itself is found
   */
  private static Optional<ConfigValue> find(ConfigObject section, String key) {
    String path = key.replaceAll("\\[.*", "");
    Config config = section.toConfig();
    return config.hasPath(path) ? Optional.of(config.getValue(path)) : Optional.empty();
  }

  /**
   * @param siblings the section that the value stands in
   */
  private static Object value(Type generic, ConfigValue value, String path, ConfigObject siblings) {
    if (generic instanceof ParameterizedType list && list.getRawType() == List.class) {
      return list(list.getActualTypeArguments()[0], value, path, siblings);
    }
    if (generic instanceof ParameterizedType map && map.getRawType() == Map.class) {
      return map((Class<?>) map.getActualTypeArguments()[1], value, path, siblings);
    }
    Class<?> type =
        generic instanceof ParameterizedType p ? (Class<?>) p.getRawType() : (Class<?>) generic;
    if (type.isRecord()) {
      if (value.valueType() != ConfigValueType.OBJECT) {
        throw wrong(path, value, SECTION);
      }
      return record(type, (ConfigObject) value, path + ".");
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
      return whole(type, value, path);
    }
    if (type == double.class) {
      return finite(value, path);
    }
    if (type == ByteSize.class) {
      try {
        return ByteSize.of(asWritten(value));
      } catch (IllegalArgumentException | ConfigException e) {
        throw wrong(path, value, "a size in bytes, as in 64 MB");
      }
    }
    if (type.isEnum()) {
      return constant(type, value, path);
    }
    throw wrong(path, value, type.getSimpleName());
  }

  /**
   * A section by key, sorted: of numbers, of anything, or of sections that take the keys they leave
   * out from the section that is called as theirs with {@code Defaults} behind it.
   */
  private static Map<String, Object> map(
      Class<?> element, ConfigValue value, String path, ConfigObject siblings) {
    if (!(value instanceof ConfigObject object)) {
      throw wrong(path, value, SECTION);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    for (String key : new TreeSet<>(object.keySet())) {
      ConfigValue item = object.get(key);
      String itemPath = path + "." + key;
      if (element.isRecord()) {
        String own = path.substring(path.lastIndexOf('.') + 1);
        map.put(key, section(element, item, itemPath, siblings.get(own + "Defaults")));
      } else {
        map.put(key, element == Object.class ? item.unwrapped() : finite(item, itemPath));
      }
    }
    return Collections.unmodifiableMap(map);
  }

  /** A section that takes the keys it leaves out from another one, which has them all. */
  private static Object section(
      Class<?> type, ConfigValue value, String path, ConfigValue defaults) {
    if (!(value instanceof ConfigObject section)) {
      throw wrong(path, value, SECTION);
    }
    ConfigObject all = (ConfigObject) defaults;
    section.forEach(
        (key, inner) -> {
          if (!all.containsKey(key)) {
            throw new Refused(
                path, DidYouMean.unknownKey(key, all.keySet()), Optional.of(inner), false);
          }
        });
    return record(type, section.withFallback(all), path + ".");
  }

  private static Object whole(Class<?> type, ConfigValue value, String path) {
    if (!(value.unwrapped() instanceof Number) && !(value.unwrapped() instanceof String)) {
      throw wrong(path, value, "a whole number");
    }
    try {
      // Not parsed as a double, which would keep only 53 bits of a seed.
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

  private static double finite(ConfigValue value, String path) {
    Object plain = value.unwrapped();
    double number = Double.NaN;
    if (plain instanceof Number n) {
      number = n.doubleValue();
    } else if (plain instanceof String text) {
      try {
        number = Double.parseDouble(text);
      } catch (NumberFormatException e) {
        throw wrong(path, value, "a number");
      }
    }
    if (!Double.isFinite(number)) {
      throw wrong(path, value, "a number");
    }
    return number;
  }

  private static Object constant(Class<?> type, ConfigValue value, String path) {
    List<String> spellings = new ArrayList<>();
    for (Object constant : type.getEnumConstants()) {
      String spelling = spelling(((Enum<?>) constant).name());
      if (spelling.equals(value.unwrapped())) {
        return constant;
      }
      spellings.add(spelling);
    }
    throw wrong(path, value, "one of " + String.join(", ", spellings));
  }

  /** A list. A section in it takes missing keys from the section named in the singular. */
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
        String singular = path.substring(path.lastIndexOf('.') + 1).replaceAll("s$", "");
        elements.add(section(type, item, itemPath, siblings.get(singular)));
      } else {
        elements.add(finite(item, itemPath));
      }
    }
    return Collections.unmodifiableList(elements);
  }

  /** A string, number or boolean in the text's own characters: 007 stays 007. */
  private static String asWritten(ConfigValue value) {
    return value.atKey("value").getString("value");
  }

  private static Refused wrong(String path, ConfigValue value, String expected) {
    String why = value.render(ConfigRenderOptions.concise()) + " is not " + expected;
    return new Refused(path, why, Optional.of(value), false);
  }
}
