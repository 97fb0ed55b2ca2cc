package io.avatarl;

import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.VersionInfo;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStoreContext;
import org.jclouds.blobstore.TransientApiMetadata;
import org.jclouds.blobstore.domain.MultipartUpload;

/**
 * An S3 server on this machine (S3Proxy, objects in memory) that checks signatures, and a {@link
 * FaultyProxy} in front of it.
 */
public final class S3Server implements AutoCloseable {
  /** Distinctive, so that they would be found wherever they were written down. */
  public static final String KEY = "AKIAQZXV7FINDME0KEY1";

  public static final String SECRET = "wJalrXUtnFEMIfindme7secretEXAMPLEKEY9";
  public static final String BUCKET = "avatarl";

  private final BlobStoreContext store;
  private final S3Proxy server;
  private final FaultyProxy proxy;

  public S3Server() throws Exception {
    store =
        // Not by its name, which would load all kinds of stores. This one has no folders, like S3.
        ContextBuilder.newBuilder(new TransientApiMetadata())
            .credentials(KEY, SECRET)
            .build(BlobStoreContext.class);
    create(BUCKET);
    server =
        S3Proxy.builder()
            .blobStore(store.getBlobStore())
            .endpoint(URI.create("http://127.0.0.1:0"))
            .awsAuthentication(AuthenticationType.AWS_V4, KEY, SECRET)
            .build();
    server.start();
    proxy = new FaultyProxy(server.getPort());
  }

  /** Makes a bucket. */
  public void create(String bucket) {
    store.getBlobStore().createContainerInLocation(null, bucket);
  }

  /** What stands between clients and the server. */
  public FaultyProxy proxy() {
    return proxy;
  }

  /** Spark's settings for it, but for the keys. */
  public Map<String, String> settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put("spark.hadoop.fs.s3a.endpoint", "http://127.0.0.1:" + proxy.port());
    settings.put("spark.hadoop.fs.s3a.endpoint.region", "us-east-1");
    settings.put("spark.hadoop.fs.s3a.path.style.access", "true");
    // The defaults are half a second, for servers that are far and busy.
    settings.put("spark.hadoop.fs.s3a.retry.interval", "20ms");
    settings.put("spark.hadoop.fs.s3a.retry.throttle.interval", "20ms");
    return settings;
  }

  /** With the keys as settings, too. */
  public Map<String, String> settingsWithKeys() {
    Map<String, String> settings = settings();
    settings.put("spark.hadoop.fs.s3a.access.key", KEY);
    settings.put("spark.hadoop.fs.s3a.secret.key", SECRET);
    return settings;
  }

  /** A client's configuration without Spark, with the keys. */
  public Configuration client() {
    Configuration client = new Configuration();
    settingsWithKeys().forEach((key, value) -> client.set(key.replace("spark.hadoop.", ""), value));
    return client;
  }

  /** Uploads that nobody has completed or aborted, by the names of their objects. */
  public List<String> uploads() {
    return store.getBlobStore().listMultipartUploads(BUCKET).stream()
        .map(MultipartUpload::blobName)
        .toList();
  }

  /** Spark 3.5 brings Hadoop 3.3, whose client needs another SDK. */
  public static boolean clientIsHere() {
    return VersionInfo.getVersion().startsWith("3.4.");
  }

  @Override
  public void close() throws Exception {
    FileSystem.closeAll(); // Hadoop keeps clients by bucket, and the next server has the same.
    proxy.close();
    server.stop();
    store.close();
  }
}
