package io.avatarl.tracking;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Records by hand; TensorBoardTest has TensorBoard's own reader. */
class EventFileTest {
  @Test
  void beginsAsEveryEventFileDoes() {
    byte[] bytes = new EventFile(1_500).bytes();
    // 24 bytes; their length's masked CRC-32C, as in any file that TensorFlow writes.
    assertEquals("1800000000000000a37f4b22", HexFormat.of().formatHex(Arrays.copyOf(bytes, 12)));
    // wall_time = 1.5 s, then file_version.
    assertEquals("09000000000000f83f1a0d", HexFormat.of().formatHex(bytes, 12, 23));
    assertArrayEquals(
        "brain.Event:2".getBytes(StandardCharsets.US_ASCII), Arrays.copyOfRange(bytes, 23, 36));
    assertEquals(40, bytes.length);
  }

  @Test
  void aScalarByHand() {
    EventFile file = new EventFile(0);
    int before = file.bytes().length;
    file.scalar(0, 300, "a/b", 0.5);
    byte[] bytes = file.bytes();
    // step = 300 as a varint; summary { value { tag, simple_value } }
    assertEquals(
        "090000000000000000" + "10ac02" + "2a0c" + "0a0a" + "0a03612f62" + "150000003f",
        HexFormat.of().formatHex(bytes, before + 12, bytes.length - 4));
  }
}
