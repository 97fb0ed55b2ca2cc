package io.avatarl.tracking;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * A TensorBoard event file: records in TFRecord's frame (length, its checksum, data, their
 * checksum), each a protocol buffer {@code Event} (tensorflow/core/util/event.proto,
 * tensorflow/core/framework/summary.proto; the numbers here are those of their fields).
 */
final class EventFile {
  private static final int MASK = 0xa282ead8;
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int DELIMITED = 2;
  private static final int FIXED32 = 5;

  // Of Event.
  private static final int WALL_TIME = 1;
  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int SESSION_LOG = 7;

  // Of Summary, Summary.Value and what these hold.
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int SIMPLE_VALUE = 2;
  private static final int TENSOR = 8;
  private static final int METADATA = 9;
  private static final int STATUS = 1;
  private static final int START = 1;
  private static final int PLUGIN_DATA = 1;
  private static final int PLUGIN_NAME = 1;
  private static final int TYPE = 1;
  private static final int STRING_TYPE = 7;
  private static final int STRING_VALUE = 8;

  private final ByteArrayOutputStream records = new ByteArrayOutputStream();

  /** A file without events, which says its version. */
  EventFile(long milliseconds) {
    record(event(milliseconds, 0).text(FILE_VERSION, "brain.Event:2"));
  }

  /** A run begins or resumes: a reader drops its values of this step and later ones. */
  void start(long milliseconds, long step) {
    record(event(milliseconds, step).message(SESSION_LOG, new Message().number(STATUS, START)));
  }

  void scalar(long milliseconds, long step, String tag, double value) {
    Message entry = new Message().text(TAG, tag).single(SIMPLE_VALUE, (float) value);
    record(event(milliseconds, step).message(SUMMARY, new Message().message(VALUE, entry)));
  }

  /** A text in Markdown. */
  void text(long milliseconds, long step, String tag, String text) {
    Message plugin = new Message().text(PLUGIN_NAME, "text");
    Message entry =
        new Message()
            .text(TAG, tag)
            .message(TENSOR, new Message().number(TYPE, STRING_TYPE).text(STRING_VALUE, text))
            .message(METADATA, new Message().message(PLUGIN_DATA, plugin));
    record(event(milliseconds, step).message(SUMMARY, new Message().message(VALUE, entry)));
  }

  /** The whole file. */
  byte[] bytes() {
    return records.toByteArray();
  }

  private static Message event(long milliseconds, long step) {
    Message event = new Message().twice(WALL_TIME, milliseconds / 1e3);
    return step == 0 ? event : event.number(STEP, step);
  }

  private void record(Message event) {
    byte[] data = event.bytes.toByteArray();
    byte[] length = little(Long.BYTES).putLong(data.length).array();
    records.writeBytes(length);
    records.writeBytes(little(Integer.BYTES).putInt(masked(length)).array());
    records.writeBytes(data);
    records.writeBytes(little(Integer.BYTES).putInt(masked(data)).array());
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A masked checksum, for data that may itself contain checksums. */
  private static int masked(byte[] data) {
    CRC32C crc = new CRC32C();
    crc.update(data);
    return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
  }

  /** A protocol buffer in its binary form. */
  private static final class Message {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private Message field(int number, int wireType) {
      return varint((long) number << 3 | wireType);
    }

    private Message varint(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        bytes.write((int) (rest & 0x7f | 0x80));
        rest >>>= 7;
      }
      bytes.write((int) rest);
      return this;
    }

    Message number(int field, long value) {
      return field(field, VARINT).varint(value);
    }

    Message twice(int field, double value) {
      field(field, FIXED64).bytes.writeBytes(little(Double.BYTES).putDouble(value).array());
      return this;
    }

    Message single(int field, float value) {
      field(field, FIXED32).bytes.writeBytes(little(Float.BYTES).putFloat(value).array());
      return this;
    }

    Message text(int field, String text) {
      return delimited(field, text.getBytes(StandardCharsets.UTF_8));
    }

    Message message(int field, Message message) {
      return delimited(field, message.bytes.toByteArray());
    }

    private Message delimited(int field, byte... content) {
      field(field, DELIMITED).varint(content.length).bytes.writeBytes(content);
      return this;
    }
  }
}
