package io.avatarl.files;

import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;

/**
 * The settings that rebuild a {@link Storage} in another JVM: those that differ from Hadoop's
 * defaults, credentials included. They go only where Spark sends its own copy and are never written
 * to a file.
 */
public final class StorageSettings implements Serializable {
  private final TreeMap<String, String> values = new TreeMap<>();
  private transient volatile Storage storage;

  private StorageSettings() {}

  static StorageSettings of(Configuration configuration) {
    StorageSettings settings = new StorageSettings();
    Configuration defaults = new Configuration();
    for (Map.Entry<String, String> entry : configuration) {
      if (!entry.getValue().equals(defaults.getRaw(entry.getKey()))) {
        settings.values.put(entry.getKey(), entry.getValue());
      }
    }
    return settings;
  }

  /** The same file systems in this JVM; created once. */
  public Storage storage() {
    Storage known = storage;
    if (known == null) {
      Configuration configuration = new Configuration();
      values.forEach(configuration::set);
      known = new Storage(configuration);
      storage = known;
    }
    return known;
  }
}
