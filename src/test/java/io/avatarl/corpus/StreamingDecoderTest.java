package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class StreamingDecoderTest {
  private static final BpeTokenizer BYTES = BpeTokenizer.train("", 0);

  private static List<String> parts(Tokenizer tokenizer, int... tokens) {
    List<String> parts = new ArrayList<>();
    StreamingDecoder decoder = new StreamingDecoder(tokenizer, parts::add);
    for (int token : tokens) {
      decoder.accept(token);
    }
    decoder.end();
    parts.forEach(part -> assertFalse(part.isEmpty()));
    return parts;
  }

  @Test
  void charactersComeWhole() {
    assertEquals(List.of("a", "é", "😀", "b"), parts(BYTES, BYTES.encode("aé😀b")));
    CharacterTokenizer characters = CharacterTokenizer.of("é😀");
    assertEquals(List.of("😀", "é"), parts(characters, characters.encode("😀é")));
  }

  @Test
  void halfACharacterAtTheEnd() {
    int[] tokens = BYTES.encode("a😀");
    assertEquals(List.of("a", "\ufffd"), parts(BYTES, tokens[0], tokens[1], tokens[2]));
  }

  @Test
  void randomBytesAreWhatTheyAreTogether() {
    RandomStream random = new RandomStream(2);
    for (int round = 0; round < 200; round++) {
      int[] tokens =
          IntStream.generate(() -> random.nextInt(256)).limit(random.nextInt(40)).toArray();
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int token : tokens) {
        bytes.writeBytes(BYTES.bytes(token));
      }
      assertEquals(bytes.toString(UTF_8), String.join("", parts(BYTES, tokens)));
    }
  }
}
