package io.avatarl.ml;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.Params;

/**
 * A parameter that is a map from texts to texts, numbers or truth values; Spark ML has none. Saved
 * as a JSON object of texts.
 */
final class MapParam extends Param<Map<String, ?>> {
  private static final long serialVersionUID = 1;
  private static final ObjectMapper JSON = new ObjectMapper();

  MapParam(Params parent, String name, String doc) {
    super(parent, name, doc);
  }

  /** All values as texts, sorted by key. */
  static Map<String, String> texts(Map<String, ?> map) {
    Map<String, String> texts = new TreeMap<>();
    map.forEach((key, value) -> texts.put(key, String.valueOf(value)));
    return texts;
  }

  @Override
  public String jsonEncode(Map<String, ?> value) {
    try {
      return JSON.writeValueAsString(texts(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Map<String, ?> jsonDecode(String json) {
    try {
      return JSON.readValue(json, new TypeReference<TreeMap<String, String>>() {});
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("parameter " + name() + ": " + e.getOriginalMessage(), e);
    }
  }
}
