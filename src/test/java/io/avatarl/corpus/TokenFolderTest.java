package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.RemoteFiles;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class TokenFolderTest {
  private static final Storage STORAGE = new Storage(new Configuration());
  private static final TokenFolder.Limits ON_DISK = new TokenFolder.Limits(0, 1L << 30, 0);
  private static final TokenFolder.Limits IN_MEMORY = new TokenFolder.Limits(1L << 30, 0, 0);

  @TempDir Path folder;

  /** The tokens 0, 1, 2 … modulo the vocabulary, cut into files of these lengths. */
  private String write(int vocabulary, int... lengths) {
    StringBuilder characters = new StringBuilder();
    for (int i = 0; i < vocabulary; i++) {
      characters.appendCodePoint(i < 1000 ? '0' + i : 0x10000 + i); // no half characters
    }
    Tokenizer tokenizer = CharacterTokenizer.of(characters.toString());
    String path = folder.resolve("tokens").toString();
    TokenType type = TokenType.of(vocabulary);
    List<TokenManifest.Part> train = new ArrayList<>();
    int begin = 0;
    for (int length : lengths) {
      int from = begin;
      int[] tokens = new int[length];
      Arrays.setAll(tokens, i -> (from + i) % vocabulary);
      train.add(
          TokenFolder.write(
              STORAGE,
              path,
              TokenFolder.TRAIN,
              train.size(),
              type.encode(tokens, 0, length),
              type.bytes()));
      begin += length;
    }
    byte[] held = type.encode(new int[] {3, 1, 2}, 0, 3);
    List<TokenManifest.Part> validation =
        List.of(TokenFolder.write(STORAGE, path, TokenFolder.VALIDATION, 0, held, type.bytes()));
    TokenFolder.finish(
        STORAGE,
        path,
        TokenFolder.manifest(
            tokenizer,
            new TokenManifest.Source("x", "f", 1, 0, begin + 3L, false),
            new TokenManifest.Split("position", 0.1),
            train,
            validation),
        tokenizer);
    return path;
  }

  private static Corpus open(String path, TokenFolder.Limits limits) {
    return TokenFolder.open(STORAGE, path).corpus("x", limits);
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 300, 70_000})
  void tokensOfEveryTypeComeBack(int vocabulary) {
    String path = write(vocabulary, 1000, 1, 500);
    for (TokenFolder.Limits limits : List.of(ON_DISK, IN_MEMORY)) {
      Corpus corpus = open(path, limits);
      assertEquals(1501, corpus.train().length());
      assertArrayEquals(new int[] {3, 1, 2}, corpus.validation());
      int[] expected = new int[1501];
      Arrays.setAll(expected, i -> i % vocabulary);
      assertArrayEquals(expected, corpus.train().toArray());
      assertArrayEquals(Arrays.copyOfRange(expected, 998, 1005), corpus.train().read(998, 7));
    }
  }

  @Test
  void numpyReadsIt() throws Exception {
    String path = write(70_000, 1000);
    Process python;
    try {
      python =
          new ProcessBuilder(
                  "python3",
                  "-c",
                  "import sys, json, numpy as n; m = json.load(open(sys.argv[1] +"
                      + " '/manifest.json'));t = n.memmap(sys.argv[1] + '/train/part-00000.bin',"
                      + " dtype='<i4', mode='r');print(m['type'], len(t), int(t[999]),"
                      + " int(t.sum()))",
                  path)
              .start();
    } catch (IOException e) {
      Assumptions.abort("no Python");
      return;
    }
    assertTrue(python.waitFor(60, TimeUnit.SECONDS));
    Assumptions.assumeTrue(python.exitValue() == 0, "no NumPy");
    assertEquals(
        "int32 1000 999 499500\n", new String(python.getInputStream().readAllBytes(), UTF_8));
  }

  @Test
  void everyWindowHasTheSameChance() {
    // 3 blocks and a bit in 5 files; tokens tell where a window is from, up to the vocabulary.
    int total = 3 * StoredTokens.PLACE + 5_000;
    String path = write(50_000, 40_000, 70_000, 1_000, 50_000, total - 161_000);
    Tokens tokens = open(path, ON_DISK).train();
    int context = 8;
    int shards = 2;
    int count = 40;
    long windows = total - context;
    int bins = 40;
    long[] seen = new long[bins];
    int draws = 0;
    for (int step = 0; step < 2_000; step++) {
      for (int shard = 0; shard < shards; shard++) {
        long[] starts = Windows.starts(windows, count, 5, step, shard, shards);
        for (long start : starts) {
          assertTrue(start >= 0 && start < windows);
          seen[(int) (start * bins / windows)]++;
          draws++;
        }
      }
    }
    // Windows of a block come together, a quarter of a shard's: the spread is wider than binomial.
    double expected = (double) draws / bins;
    double deviation = Math.sqrt(expected * count / Windows.PLACES / 1);
    for (long n : seen) {
      assertEquals(expected, n, 5 * deviation);
    }
    int[] packed = Windows.draw(tokens, context, count, 5, 7, 1, shards);
    long[] starts = Windows.starts(windows, count, 5, 7, 1, shards);
    for (int i = 0; i < count; i++) {
      for (int t = 0; t <= context; t++) {
        assertEquals((starts[i] + t) % 50_000, packed[i * (context + 1) + t]);
      }
    }
  }

  @Test
  void theFirstAndTheLastWindowAreDrawn() {
    boolean first = false;
    boolean last = false;
    for (int step = 0; step < 2_000; step++) {
      long[] starts = Windows.starts(50, 6, 1, step, 0, 1);
      first |= Arrays.stream(starts).anyMatch(start -> start == 0);
      last |= Arrays.stream(starts).anyMatch(start -> start == 49);
    }
    assertTrue(first && last);
  }

  @Test
  void aStepComesFromManyPlaces() {
    long windows = 1L << 34; // 16 G tokens
    for (int step = 0; step < 50; step++) {
      long[] blocks = new long[0];
      for (int shard = 0; shard < 6; shard++) {
        long[] starts = Windows.starts(windows, 9, 3, step, shard, 6);
        int before = blocks.length;
        blocks = Arrays.copyOf(blocks, before + starts.length);
        for (int i = 0; i < starts.length; i++) {
          blocks[before + i] = starts[i] / StoredTokens.PLACE;
        }
      }
      assertEquals(24, Arrays.stream(blocks).distinct().count());
    }
  }

  @Test
  void inMemoryTheWindowsAreThoseOfTheText() {
    String path = write(7, 400, 600);
    Corpus corpus = open(path, IN_MEMORY);
    int[] values = new int[1000];
    Arrays.setAll(values, i -> i % 7);
    assertArrayEquals(
        Windows.draw(new TokenArray(values), 8, 20, 1, 2, 3, 4),
        Windows.draw(corpus.train(), 8, 20, 1, 2, 3, 4));
  }

  @Test
  void remoteBlocksAreFetchedOnceAndAhead() {
    int total = 4 * StoredTokens.PLACE;
    String path = "remote://" + write(200, total / 2, total / 2);
    Storage remote = new Storage(RemoteFiles.configuration(5));
    Tokens near = open(path.substring("remote://".length()), ON_DISK).train();
    Tokens far = TokenFolder.open(remote, path).corpus("x", ON_DISK).train();
    RemoteFiles.OPENED.set(0);
    for (int step = 0; step < 30; step++) {
      for (int shard = 0; shard < 2; shard++) {
        assertArrayEquals(
            Windows.draw(near, 64, 12, 1, step, shard, 2),
            Windows.draw(far, 64, 12, 1, step, shard, 2));
      }
    }
    // Four blocks, of which the one across the files' border takes two reads.
    assertTrue(RemoteFiles.OPENED.get() <= 5, RemoteFiles.OPENED + " reads");
  }

  @Test
  void aSmallCacheForgetsTheOldest() {
    BlockCache cache = new BlockCache(3 * 8, 8);
    int[] fetches = new int[1];
    for (long block : new long[] {1, 2, 3, 1, 4, 1, 2}) {
      byte[] bytes =
          BlockCache.await(
              cache.get(
                  new BlockCache.Key("f", block),
                  () -> {
                    fetches[0]++;
                    return new byte[] {(byte) block, 7};
                  }));
      assertArrayEquals(new byte[] {(byte) block, 7}, bytes);
      assertTrue(cache.size() <= 3);
    }
    assertEquals(5, fetches[0], "1 2 3 4, and 2 again");
  }

  @Test
  void samplesComeFromTheWholeLength() {
    int[] values = new int[1_000_000];
    Arrays.setAll(values, i -> i);
    int[] sample = new TokenArray(values).sample(100_000);
    assertTrue(sample.length <= 100_000 && sample.length > 90_000);
    assertEquals(0, sample[0]);
    assertEquals(999_999, sample[sample.length - 1]);
    assertEquals(10, new TokenArray(new int[10]).sample(10).length);
  }

  @Test
  void foldersThatAreNotWhole() throws IOException {
    String path = write(7, 400, 600);
    Path part = Path.of(path, "train", "part-00001.bin");
    byte[] bytes = Files.readAllBytes(part);
    bytes[17] ^= 1;
    Files.write(part, bytes);
    refused(path, IN_MEMORY, "train/part-00001.bin: was altered");
    bytes[17] = 99;
    Files.write(part, bytes);
    UserError outside =
        assertThrows(UserError.class, () -> open(path, ON_DISK).train().read(400, 100));
    assertThat(outside.getMessage()).contains("token 99 is outside the vocabulary of 7");
    Files.write(part, Arrays.copyOf(bytes, 599));
    refused(path, ON_DISK, "train/part-00001.bin has 599 bytes instead of 600");
    Files.delete(part);
    refused(path, ON_DISK, "train/part-00001.bin is missing");
    Files.write(part, bytes);
    Files.writeString(Path.of(path, "tokenizer.json"), CharacterTokenizer.of("other").toJson());
    refused(path, ON_DISK, "tokenizer.json is not the one that its tokens were made with");
    Files.writeString(Path.of(path, "manifest.json"), "{\"version\":1,\"type\":\"uint8\"}");
    refused(path, ON_DISK, "Not a manifest of tokens");
    Files.delete(Path.of(path, "manifest.json"));
    refused(path, ON_DISK, "not a complete one; finish it with jobs/tokenize.sh");
  }

  private static void refused(String path, TokenFolder.Limits limits, String message) {
    UserError e = assertThrows(UserError.class, () -> open(path, limits));
    assertThat(e.getMessage()).contains(message);
  }

  /** Linux has a device that is always full. */
  @Test
  void aDiskThatFillsWhileCachingIsNamed() {
    Path full = Path.of("/dev/full");
    org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(full));
    BlockCache cache = new BlockCache(3 * 8, 8, java.util.Optional.of(full));
    for (int i = 0; i < 2; i++) { // The second time as well.
      var block = cache.get(new BlockCache.Key("f", 1), () -> new byte[8]);
      String says =
          assertThrows(io.avatarl.config.Failure.class, () -> BlockCache.await(block)).getMessage();
      assertThat(says).startsWith("the cache of tokens cannot be written to /dev/full");
      assertThat(says).contains("free disk space, lower corpus.cache");
      assertEquals(1, says.lines().count());
    }
    assertEquals(0, cache.size());
  }
}
