package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class SplitTokensTest {
  private static final String TEXT =
      "ROMEO:\nWhat light, don't\r\n  café — “so”! 中文。日本語\n😀👩‍👩‍👧 end\u3000\n of\n\n\nit. "
          .repeat(12);
  private static final byte[] BYTES = TEXT.getBytes(UTF_8);

  private static InputStream from(long at) {
    return new ByteArrayInputStream(BYTES, (int) at, BYTES.length - (int) at);
  }

  private static List<TextScan> scans(int split) throws IOException {
    List<TextScan> scans = new ArrayList<>();
    for (int at = 0; at < BYTES.length; at += split) {
      scans.add(TextScan.of(from(at), at, at + split));
    }
    return scans;
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 6, 7, 16, 100, 1_000_000})
  void splitsTogetherAreTheText(int split) throws IOException {
    long[] before = TextScan.charactersBefore(scans(split));
    int all = TEXT.codePointCount(0, TEXT.length());
    assertEquals(all, before[before.length - 1]);
    assertEquals(
        CharacterTokenizer.of(TEXT),
        CharacterTokenizer.of(TextScan.codePoints(scans(split)).stream()));
    for (Tokenizer tokenizer : List.of(CharacterTokenizer.of(TEXT), BpeTokenizer.train(TEXT, 60))) {
      for (int characters : new int[] {all, all - 1, all * 2 / 3, 3}) {
        int[] whole = tokenizer.encode(TEXT.substring(0, TEXT.offsetByCodePoints(0, characters)));
        int[] parts = new int[0];
        for (int i = 0; i < before.length - 1 && before[i] < characters; i++) {
          long at = (long) i * split;
          SplitTokens tokens =
              new SplitTokens(from(at), tokenizer, at, at + split, characters - before[i]);
          int own = parts.length;
          for (int[] next = tokens.next(); next.length > 0; next = tokens.next()) {
            parts = concat(parts, next);
          }
          if (parts.length > own) {
            int[] ahead = tokens.ahead(4);
            assertArrayEquals(
                Arrays.copyOfRange(whole, parts.length, Math.min(whole.length, parts.length + 4)),
                Arrays.copyOf(ahead, Math.min(4, ahead.length)));
          }
        }
        assertArrayEquals(whole, parts, tokenizer.getClass() + ", " + characters);
      }
    }
  }

  private static int[] concat(int[] a, int[] b) {
    return IntStream.concat(Arrays.stream(a), Arrays.stream(b)).toArray();
  }

  @Test
  void badBytesAreFound() throws IOException {
    byte[] latin1 = {'a', 'b', (byte) 0xe9, 'c'};
    assertEquals(2, TextScan.of(new ByteArrayInputStream(latin1), 0, 4).bad());
    byte[] cut = {'a', (byte) 0xc3};
    assertEquals(1, TextScan.of(new ByteArrayInputStream(cut), 0, 2).bad());
    byte[] nul = {'a', 0, 'b'};
    assertEquals(11, TextScan.of(new ByteArrayInputStream(nul), 10, 13).bad());
    byte[] continued = {(byte) 0x80, (byte) 0x80, (byte) 0x80, (byte) 0x80};
    assertEquals(53, TextScan.of(new ByteArrayInputStream(continued), 50, 54).bad());
  }

  @Test
  void keyCountsGrowAndDrain() {
    KeyCounts counts = new KeyCounts();
    for (int round = 0; round < 3; round++) {
      for (long key = 1; key <= 10_000; key++) {
        counts.add(key * 64);
      }
    }
    long[] drained = counts.drain();
    assertEquals(20_000, drained.length);
    long keys = 0;
    for (int i = 0; i < drained.length; i += 2) {
      keys += drained[i];
      assertEquals(3, drained[i + 1]);
    }
    assertEquals(64L * 10_000 * 10_001 / 2, keys);
    assertEquals(0, counts.drain().length);
  }
}
