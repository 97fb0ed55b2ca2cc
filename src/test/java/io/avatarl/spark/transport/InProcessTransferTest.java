package io.avatarl.spark.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.train.TinyTraining;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

class InProcessTransferTest {
  private static final float[] VALUES = {1f, -0f, Float.NaN, 1e-45f, 3.1415927f};

  private final String run = UUID.randomUUID().toString();

  private static byte[] write(Object object) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(object);
    }
    return bytes.toByteArray();
  }

  private static Object read(byte[] bytes) throws IOException, ClassNotFoundException {
    try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
      return in.readObject();
    }
  }

  @Test
  void withinAJvmAReferenceIsHandedOver() throws Exception {
    float[] numbers = new float[100_000];
    InProcessTransfer<float[]> handed = new InProcessTransfer<>(run, true, numbers);
    byte[] ticket = write(handed);
    assertTrue(ticket.length < 300, ticket.length + " bytes");
    // Any number of readers.
    assertSame(numbers, ((InProcessTransfer<?>) read(ticket)).value());
    InProcessTransfer<?> second = (InProcessTransfer<?>) read(ticket);
    assertSame(numbers, second.value());
    // Whoever has it may release it, who wrote it or who read it.
    second.release();
    assertEquals(0, InProcessTransfer.count(run));
    InProcessTransfer<?> late = (InProcessTransfer<?>) read(ticket);
    assertThrows(IllegalStateException.class, late::value);
  }

  @Test
  void betweenJvmsTheValueTravels() throws Exception {
    float[] numbers = {1, 2, 3};
    byte[] bytes = write(new InProcessTransfer<>(run, false, numbers));
    Object value = ((InProcessTransfer<?>) read(bytes)).value();
    assertNotSame(numbers, value);
    assertArrayEquals(numbers, (float[]) value);
    assertEquals(0, InProcessTransfer.count(run));
  }

  @Test
  void aRunThatEndsReleasesItsOwn() {
    String other = UUID.randomUUID().toString();
    new InProcessTransfer<>(run, true, "a");
    new InProcessTransfer<>(run, true, "b");
    InProcessTransfer<String> others = new InProcessTransfer<>(other, true, "c");
    assertEquals(2, InProcessTransfer.count(run));
    InProcessTransfer.release(run);
    assertEquals(0, InProcessTransfer.count(run));
    assertEquals(1, InProcessTransfer.count(other));
    others.release();
  }

  @Test
  void packedFloatsAreABlockOfBytes() throws Exception {
    float[] many = new float[10_000];
    for (int i = 0; i < many.length; i++) {
      many[i] = VALUES[i % VALUES.length] * (i + 1);
    }
    for (Precision precision : Precision.values()) {
      PackedFloats packed = new PackedFloats(precision, many);
      assertEquals(many.length * (precision == Precision.FLOAT32 ? 4 : 2), packed.bytes());
      byte[] bytes = write(packed);
      assertTrue(bytes.length < packed.bytes() + 400, bytes.length + " bytes");
      PackedFloats read = (PackedFloats) read(bytes);
      assertEquals(precision, read.precision());
      // Also by reference the numbers are those that would have travelled.
      assertArrayEquals(bits(packed.values()), bits(read.values()));
    }
    assertSame(many, new PackedFloats(Precision.FLOAT32, many).values());
    // π in bfloat16: 0x4049, 3.140625.
    assertEquals(3.140625f, new PackedFloats(Precision.BFLOAT16, VALUES).values()[4]);
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  @Test
  void aLocalJobHandsItsResultsOver() throws Exception {
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
      ConcurrentLinkedQueue<Long> sizes = new ConcurrentLinkedQueue<>();
      spark
          .sparkContext()
          .addSparkListener(
              new SparkListener() {
                @Override
                public void onTaskEnd(SparkListenerTaskEnd end) {
                  sizes.add(end.taskMetrics().resultSize());
                }
              });
      List<float[]> results =
          ShardFunction.run(
              context,
              ShardFunction.numbers(context, 5).rdd(),
              part -> {
                float[] numbers = new float[100_000];
                numbers[0] = part;
                return numbers;
              },
              run);
      assertEquals(List.of(0f, 1f, 2f, 3f, 4f), results.stream().map(r -> r[0]).toList());
      assertEquals(0, InProcessTransfer.count(run));
      spark.sparkContext().listenerBus().waitUntilEmpty();
      assertEquals(5, sizes.size());
      assertTrue(sizes.stream().allMatch(size -> size < 4_000), sizes.toString());
    }
  }
}
