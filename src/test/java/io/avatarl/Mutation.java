package io.avatarl;

import io.avatarl.config.UserError;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

/** Files as nobody wrote them, for parsers that must not believe what they read. */
public final class Mutation {
  /** The same files in every build. */
  public static final String SEED = "1";

  /** What parsers of numbers, texts and structures stumble over. */
  private static final List<String> SNIPPETS =
      List.of(
          "-1",
          "0",
          "9223372036854775808",
          "1e400",
          "1e-400",
          "2147483648",
          "NaN",
          "null",
          "true",
          "[]",
          "{}",
          "[[[[[[[[",
          "}}}}",
          "\"",
          "\\",
          "\\ud800",
          "\\u0000",
          "\u0000",
          "\u001b[31m",
          "</script>",
          "../../etc/passwd",
          "${x}",
          "include \"/etc/passwd\"",
          "\ud83d\ude00",
          "\r\n",
          ",",
          ":");

  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private Mutation() {}

  /** A file after one to four changes: bits, bytes, cuts, repeats and {@link #SNIPPETS}. */
  public static Arbitrary<byte[]> of(byte[] original) {
    return Arbitraries.randomValue(random -> mutated(original, random));
  }

  /** Texts alike. */
  public static Arbitrary<String> of(String original) {
    return of(original.getBytes(StandardCharsets.UTF_8))
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  private static byte[] mutated(byte[] original, Random random) {
    byte[] file = original;
    for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
      int at = random.nextInt(file.length + 1);
      int to = Math.min(file.length, at + 1 + random.nextInt(16));
      switch (random.nextInt(7)) {
        case 0 -> file = spliced(file, at, file.length, new byte[0]);
        case 1 -> file = spliced(file, at, to, new byte[0]);
        case 2 -> file = spliced(file, at, at, Arrays.copyOfRange(file, at, to));
        case 3 -> {
          byte[] noise = new byte[1 + random.nextInt(8)];
          random.nextBytes(noise);
          file = spliced(file, at, Math.min(file.length, at + noise.length), noise);
        }
        case 4 -> {
          if (at < file.length) {
            file = file.clone();
            file[at] ^= (byte) (1 << random.nextInt(8));
          }
        }
        case 5 -> file = spliced(file, at, at, snippet(random));
        default -> file = number(file, at, random);
      }
    }
    return file;
  }

  /** The next number in a text becomes a snippet. */
  private static byte[] number(byte[] file, int at, Random random) {
    int from = at;
    while (from < file.length && (file[from] < '0' || file[from] > '9')) {
      from++;
    }
    int to = from;
    while (to < file.length && file[to] >= '0' && file[to] <= '9') {
      to++;
    }
    return spliced(file, from, to, snippet(random));
  }

  private static byte[] snippet(Random random) {
    return SNIPPETS.get(random.nextInt(SNIPPETS.size())).getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] spliced(byte[] file, int from, int to, byte[] between) {
    byte[] result = new byte[file.length - (to - from) + between.length];
    System.arraycopy(file, 0, result, 0, from);
    System.arraycopy(between, 0, result, from, between.length);
    System.arraycopy(file, to, result, from + between.length, file.length - to);
    return result;
  }

  /** What a reader made of a file. */
  public interface Reader<T> {
    T read() throws Exception;
  }

  /**
   * Reads a file, which may be refused in one line and must not cost much memory; null where it was
   * refused.
   *
   * @param bytes length of the file
   */
  public static <T> T read(long bytes, Reader<T> reader) {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    try {
      return reader.read();
    } catch (UserError e) {
      if (e.getMessage().contains("\n") || e.getMessage().isBlank()) {
        throw new AssertionError("not one line: " + e.getMessage(), e);
      }
      return null;
    } catch (Exception | StackOverflowError | OutOfMemoryError e) {
      throw new AssertionError("neither read nor refused: " + e, e);
    } finally {
      long used = THREADS.getCurrentThreadAllocatedBytes() - before;
      if (used > 32_000_000 + 500 * bytes) {
        throw new AssertionError(used + " bytes of memory for a file of " + bytes);
      }
    }
  }
}
