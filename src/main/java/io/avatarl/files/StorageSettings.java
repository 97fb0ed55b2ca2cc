package io.avatarl.files;

import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;

/**
 * A {@link Storage} on its way to another JVM: the settings that differ from Hadoop's defaults,
 * credentials among them. It goes where Spark's own copy of the configuration goes, and is never
 * written down.
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

  /** The same file systems in this JVM; made once. */
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
