package io.avatarl.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Reads HOCON into {@link TrainingConfig} and writes it back. {@code reference.conf} next to this
 * class is the list of all keys and their defaults; a record's components are the keys of its
 * section. A new key needs one line there and one record component, which the record's constructor
 * checks. An unknown key, a wrong type or a value out of range is an error that names the key and
 * the {@code --set} or the line it came from.
 */
public final class ConfigReader {
  private static final String ABSENT = "(absent)";

  private ConfigReader() {}

  /** {@link #read(String, String, String, List, Consumer)} of a text without a file. */
  public static TrainingConfig read(String preset, String hocon, List<String> overrides) {
    return read(preset, "preset " + preset, hocon, overrides, warning -> {});
  }

  /**
   * Resolves a preset and overrides to a configuration.
   *
   * @param preset the preset's name, recorded in the result unless the text sets one
   * @param origin what errors call the text, a file's path for example
   * @param hocon the preset's text
   * @param overrides {@code key=value} each, the last one wins
   * @param warnings gets one line for each key under its old name ({@link RenamedKeys})
   * @throws UserError if the text is not a valid configuration. Reading never follows includes or
   *     environment variables.
   */
  public static TrainingConfig read(
      String preset,
      String origin,
      String hocon,
      List<String> overrides,
      Consumer<String> warnings) {
    return read(preset, origin, hocon, overrides, warnings, Beginnings.NONE);
  }

  /** Reads the configuration of what {@code init} names. */
  public interface Beginnings {
    /** Reads nothing, for texts without {@code init}. */
    Beginnings NONE =
        new Beginnings() {
          @Override
          public Optional<TrainingConfig> run(String run) {
            return Optional.empty();
          }

          @Override
          public Optional<Shape> huggingFace(String folder) {
            return Optional.empty();
          }
        };

    /** The configuration of {@code init.run}. */
    Optional<TrainingConfig> run(String run);

    /** The shape of the model in {@code init.hf}. */
    Optional<Shape> huggingFace(String folder);
  }

  /** The settings of a model's shape, without those of its training. */
  public record Shape(GptConfig model, CorpusConfig.TokenizerKind tokenizer) {}

  /**
   * As above; if {@code init} names a run or a model, settings of the model and the tokenizer that
   * the texts leave out come from there.
   */
  public static TrainingConfig read(
      String preset,
      String origin,
      String hocon,
      List<String> overrides,
      Consumer<String> warnings,
      Beginnings beginnings) {
    try {
      Config defaults = HoconText.defaults();
      List<Layer> texts = new ArrayList<>();
      texts.add(new Layer(origin, given(HoconText.parse(origin, hocon), defaults, warnings)));
      for (String override : overrides) {
        Config value = given(HoconText.parseOverride(override), defaults, warnings);
        texts.add(new Layer(HoconText.overrideOrigin(override), value));
      }
      Config named = ConfigFactory.parseMap(Map.of("preset", preset));
      List<Layer> layers = stacked(texts, named.withFallback(defaults));
      Optional<Config> shape =
          named(layers, "init.run")
              .flatMap(beginnings::run)
              .map(ConfigReader::shape)
              .or(
                  () ->
                      named(layers, "init.hf")
                          .flatMap(beginnings::huggingFace)
                          .map(ConfigReader::shape));
      if (shape.isPresent()) {
        return read(stacked(texts, named.withFallback(shape.get()).withFallback(defaults)));
      }
      return read(layers);
    } catch (StackOverflowError e) {
      throw new UserError(origin + HoconText.NESTED);
    }
  }

  private static Config given(Config text, Config defaults, Consumer<String> warnings) {
    Config renamed = RenamedKeys.applied(text, warnings);
    refuseUnknown(renamed, defaults);
    return renamed;
  }

  /** Each text on top of those before it and the base. */
  private static List<Layer> stacked(List<Layer> texts, Config base) {
    List<Layer> layers = new ArrayList<>();
    for (Layer text : texts) {
      Config before = layers.isEmpty() ? base : last(layers);
      layers.add(new Layer(text.origin(), text.values().withFallback(before)));
    }
    return layers;
  }

  private static Config last(List<Layer> layers) {
    return layers.get(layers.size() - 1).values();
  }

  /** A string; empty also where another type stands, which is refused later. */
  private static Optional<String> named(List<Layer> layers, String key) {
    Config values = last(layers);
    return values.hasPath(key)
            && values.getValue(key).unwrapped() instanceof String text
            && !text.isEmpty()
        ? Optional.of(text)
        : Optional.empty();
  }

  /** The settings that a run takes from a model of another project. */
  private static Config shape(Shape shape) {
    Map<String, Object> tree =
        Map.of(
            "model", RecordMapper.tree(shape.model),
            "corpus", Map.of("tokenizer", spelling(shape.tokenizer.name())));
    return ConfigFactory.parseMap(tree, "init.hf")
        .withoutPath("model.precision")
        .withoutPath("model.initStd");
  }

  /** The settings that a run takes from the run whose weights it starts with. */
  private static Config shape(TrainingConfig run) {
    Config all = ConfigFactory.parseMap(RecordMapper.tree(run), "init.run");
    return all.withOnlyPath("model")
        .withoutPath("model.precision")
        .withFallback(all.withOnlyPath("corpus.tokenizer"))
        .withFallback(all.withOnlyPath("corpus.bpe"));
  }

  /** The configuration as HOCON with every key; {@link #read} parses it. */
  public static String render(TrainingConfig config) {
    return ConfigFactory.parseMap(RecordMapper.tree(config))
        .root()
        .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false));
  }

  /** Every key with its value as text. */
  public static Map<String, String> flat(TrainingConfig config) {
    Map<String, String> flat = new TreeMap<>();
    leaves(ConfigFactory.parseMap(RecordMapper.tree(config)))
        .forEach((key, value) -> flat.put(key, String.valueOf(value.unwrapped())));
    return flat;
  }

  /**
   * Keys whose values differ, with both values: {@code key: old → new}. A key that only a newer
   * version has is not a difference, nor is a key under its old name.
   *
   * @param old {@link #flat}, perhaps from an earlier version
   * @param now {@link #flat}
   */
  public static List<String> differences(Map<String, String> old, Map<String, String> now) {
    Map<String, String> before = RenamedKeys.applied(old);
    TreeSet<String> keys = new TreeSet<>(before.keySet());
    List<String> open = openSections(leaves(HoconText.defaults()));
    now.keySet().stream().filter(key -> isIn(open, key)).forEach(keys::add);
    return keys.stream()
        .filter(key -> !before.getOrDefault(key, ABSENT).equals(now.getOrDefault(key, ABSENT)))
        .map(
            key ->
                key
                    + ": "
                    + before.getOrDefault(key, ABSENT)
                    + " → "
                    + now.getOrDefault(key, ABSENT))
        .toList();
  }

  /** How an enum constant is written in a configuration. */
  public static String spelling(String constant) {
    return RecordMapper.spelling(constant);
  }

  /**
   * A text merged with the layers below it.
   *
   * @param origin what errors call the text
   * @param values the text's values; keys it leaves out come from the layers below
   */
  private record Layer(String origin, Config values) {
    TrainingConfig read() {
      return RecordMapper.read(TrainingConfig.class, values.root());
    }
  }

  /**
   * @param layers the preset, then each override
   */
  private static TrainingConfig read(List<Layer> layers) {
    try {
      return layers.get(layers.size() - 1).read();
    } catch (RecordMapper.Refused e) {
      throw new UserError(place(e, layers) + ": " + e.getMessage());
    }
  }

  /**
   * Where a refused value comes from. A record may refuse a value because of another key's value;
   * the culprit is then the first override with which the configuration stops being valid.
   */
  private static String place(RecordMapper.Refused refused, List<Layer> layers) {
    boolean byOverride = refused.value.filter(HoconText::isOverride).isPresent();
    if (refused.byRecord && !byOverride) {
      for (int i = layers.size() - 1; i > 0; i--) {
        try {
          layers.get(i - 1).read();
        } catch (RecordMapper.Refused e) {
          continue;
        }
        return layers.get(i).origin();
      }
    }
    return refused
        .value
        .map(HoconText::place)
        .filter(place -> !place.isEmpty())
        // A default that conflicts with the preset.
        .orElse(layers.get(0).origin());
  }

  private static void refuseUnknown(Config given, Config reference) {
    Map<String, ConfigValue> all = leaves(reference);
    TreeSet<String> known = new TreeSet<>(all.keySet());
    leaves(given)
        .forEach(
            (key, value) -> {
              // A plain value in place of a section passes here; RecordMapper reports it.
              boolean section = known.stream().anyMatch(k -> k.startsWith(key + "."));
              if (!known.contains(key) && !section && !isIn(openSections(all), key)) {
                throw new UserError(
                    HoconText.place(value) + ": " + DidYouMean.unknownKey(key, known));
              }
            });
  }

  /** Sections whose keys are the user's own: those without any in the reference. */
  private static List<String> openSections(Map<String, ConfigValue> reference) {
    return reference.entrySet().stream()
        .filter(leaf -> leaf.getValue() instanceof ConfigObject)
        .map(Map.Entry::getKey)
        .toList();
  }

  private static boolean isIn(List<String> sections, String key) {
    return sections.stream().anyMatch(section -> key.startsWith(section + "."));
  }

  private static Map<String, ConfigValue> leaves(Config config) {
    Map<String, ConfigValue> leaves = new LinkedHashMap<>();
    collect("", config.root(), leaves);
    return leaves;
  }

  private static void collect(String prefix, ConfigObject object, Map<String, ConfigValue> leaves) {
    object.forEach(
        (key, value) -> {
          // Quoted as in HOCON: "model.layers" in quotes is one key, not layers in model.
          String path = prefix + ConfigUtil.joinPath(key);
          if (value instanceof ConfigObject section && !section.isEmpty()) {
            collect(path + ".", section, leaves);
          } else {
            leaves.put(path, value);
          }
        });
  }
}
