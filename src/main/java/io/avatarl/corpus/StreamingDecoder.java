package io.avatarl.corpus;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Decodes tokens as they arrive. If a token ends inside a character, its last bytes are held back
 * until the next token. Bytes that are not UTF-8 become U+FFFD, as in {@link Tokenizer#decode}, but
 * their number may differ.
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
   * @param sink gets the text in non-empty parts
   */
  public StreamingDecoder(Tokenizer tokenizer, Consumer<String> sink) {
    this.tokenizer = tokenizer;
    this.sink = sink;
  }

  /**
   * @throws IndexOutOfBoundsException if the token is not in the vocabulary
   */
  public void accept(int token) {
    decode(tokenizer.bytes(token), false);
  }

  /** Ends the text: an incomplete character held back becomes U+FFFD. */
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
