package io.avatarl.spark.transport;

import java.io.ByteArrayInputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.serializer.DeserializationStream;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.SerializationStream;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Values as bytes, serialized by Java. The session's serializer, {@code spark.serializer}, is its
 * owner's choice, so it only gets these bytes: Kryo fails on records and, with {@code
 * spark.kryo.registrationRequired}, on every class that was not registered when the session began.
 */
public final class JavaSerialization {
  private static final JavaSerializer JAVA = new JavaSerializer(new SparkConf(false));
  private static final ClassTag<Object> ANY = ClassTag$.MODULE$.apply(Object.class);

  private JavaSerialization() {}

  /**
   * @param value serializable, or null
   */
  public static byte[] toBytes(Object value) {
    Blocks blocks = new Blocks();
    try (SerializationStream out = JAVA.newInstance().serializeStream(blocks)) {
      out.writeObject(value, ANY);
    }
    return blocks.toArray();
  }

  /** Inverse of {@link #toBytes}. */
  @SuppressWarnings("unchecked") // the type that was written
  public static <T> T fromBytes(byte[] bytes) {
    try (DeserializationStream in =
        JAVA.newInstance().deserializeStream(new ByteArrayInputStream(bytes))) {
      return (T) in.readObject(ANY);
    }
  }

  /** Grows without copying, so that at most two copies of a gradient exist. */
  private static final class Blocks extends OutputStream {
    private static final int SIZE = 1 << 20;
    private static final int FIRST = 1 << 12;

    private final List<byte[]> full = new ArrayList<>();
    private byte[] open = new byte[FIRST];
    private int used; // of the open one
    private int before; // bytes in the full ones

    @Override
    public void write(int b) {
      room();
      open[used++] = (byte) b;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      int at = offset;
      while (at < offset + length) {
        room();
        int count = Math.min(open.length - used, offset + length - at);
        System.arraycopy(bytes, at, open, used, count);
        used += count;
        at += count;
      }
    }

    private void room() {
      if (used == open.length) {
        before = Math.addExact(before, used);
        full.add(open);
        open = new byte[SIZE];
        used = 0;
      }
    }

    byte[] toArray() {
      byte[] all = new byte[Math.addExact(before, used)];
      int at = 0;
      for (byte[] block : full) {
        System.arraycopy(block, 0, all, at, block.length);
        at += block.length;
      }
      System.arraycopy(open, 0, all, at, used);
      return all;
    }
  }
}
