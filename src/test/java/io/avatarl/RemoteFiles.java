package io.avatarl;

import java.io.IOException;
import java.net.URI;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** Local files under {@code remote:///}, where every open counts and takes its time. */
public final class RemoteFiles extends RawLocalFileSystem {
  public static final AtomicInteger OPENED = new AtomicInteger();

  private static final URI NAME = URI.create("remote:///");
  private long latencyMillis;

  /** A configuration that knows the scheme. */
  public static Configuration configuration(long latencyMillis) {
    Configuration configuration = new Configuration();
    configuration.set("fs.remote.impl", RemoteFiles.class.getName());
    configuration.setBoolean("fs.remote.impl.disable.cache", true);
    configuration.setLong("test.latency", latencyMillis);
    return configuration;
  }

  @Override
  public void initialize(URI uri, Configuration configuration) throws IOException {
    super.initialize(NAME, configuration);
    latencyMillis = configuration.getLong("test.latency", 0);
  }

  @Override
  public URI getUri() {
    return NAME;
  }

  @Override
  public FSDataInputStream open(Path path, int buffer) throws IOException {
    OPENED.incrementAndGet();
    try {
      Thread.sleep(latencyMillis);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    return super.open(path, buffer);
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    FileStatus status = super.getFileStatus(path);
    status.setPath(new Path("remote://" + path.toUri().getPath()));
    return status;
  }
}
