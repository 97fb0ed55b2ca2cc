package io.avatarl.jobs;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.Progressable;

/**
 * A local disk where something goes wrong when a file is written whose path holds a given text. In
 * a process of its own Hadoop's configuration says which and what.
 */
public final class FaultyDisk extends RawLocalFileSystem {
  /** What goes wrong. */
  public enum Fault {
    FULL,
    FORBIDDEN,
    /** In the writer's JVM. */
    NO_MEMORY
  }

  static final String VICTIM = "faultydisk.victim";
  static final String FAULT = "faultydisk.fault";

  static volatile String victim;
  static volatile Fault fault;

  @Override
  public URI getUri() {
    return URI.create("faultydisk:///");
  }

  @Override
  public void initialize(URI uri, Configuration configuration) throws IOException {
    super.initialize(getUri(), configuration);
    if (configuration.get(VICTIM) != null) {
      victim = configuration.get(VICTIM);
      fault = Fault.valueOf(configuration.get(FAULT));
    }
  }

  @Override
  public FSDataOutputStream create(
      Path file,
      boolean overwrite,
      int buffer,
      short replication,
      long block,
      Progressable progress)
      throws IOException {
    if (victim == null || !file.toString().contains(victim)) {
      return super.create(file, overwrite, buffer, replication, block, progress);
    }
    return switch (fault) {
      case FORBIDDEN -> throw new AccessControlException("Permission denied: " + file);
      case NO_MEMORY ->
          throw new IllegalStateException("there was room for " + new long[Integer.MAX_VALUE - 8]);
      case FULL -> {
        FSDataOutputStream disk =
            super.create(file, overwrite, buffer, replication, block, progress);
        yield new FSDataOutputStream(new Full(disk), null);
      }
    };
  }

  private static final class Full extends OutputStream {
    private final OutputStream disk;
    private int left = 100;

    Full(OutputStream disk) {
      this.disk = disk;
    }

    @Override
    public void write(int b) throws IOException {
      if (left-- == 0) {
        throw new IOException("No space left on device");
      }
      disk.write(b);
    }

    @Override
    public void close() throws IOException {
      disk.close();
    }
  }
}
