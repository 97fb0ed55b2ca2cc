package io.avatarl.corpus;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Decodes tokens as they come. A token may end inside a character; what it began is then held back
 * until the next one. Bytes that are no UTF-8 become U+FFFD (as in {@link Tokenizer#decode}, but
 * how many of these a run of bytes becomes is each decoder's own).
 */
public final class StreamingDecoder {
  private static final int LONGEST_CHARACTER = 4;

  private final Tokenizer tokenizer;
  private final Consumer<String> sink;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer begun = ByteBuffer.allocate(0);

  /**
   * @param sink gets the text in parts, none of them empty
   */
  public StreamingDecoder(Tokenizer tokenizer, Consumer<String> sink) {
    this.tokenizer = tokenizer;
    this.sink = sink;
  }

  /**
   * @throws IndexOutOfBoundsException where the token is not in the vocabulary
   */
  public void accept(int token) {
    decode(tokenizer.bytes(token), false);
  }

  /** No more tokens: half a character held back is now U+FFFD. */
  public void end() {
    decode(new byte[0], true);
    utf8.reset();
  }

  private void decode(byte[] bytes, boolean end) {
    ByteBuffer in = ByteBuffer.allocate(begun.remaining() + bytes.length).put(begun).put(bytes);
    CharBuffer out = CharBuffer.allocate(in.capacity() + LONGEST_CHARACTER);
    utf8.decode(in.flip(), out, end);
    begun = in;
    if (out.position() > 0) {
      sink.accept(out.flip().toString());
    }
  }
}
