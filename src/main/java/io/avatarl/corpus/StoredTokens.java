package io.avatarl.corpus;

import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.files.StorageSettings;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The tokens of a split in the files of a token folder, read on demand: from a local disk directly,
 * from elsewhere block by block through the JVM's {@link BlockCache}. A block serves the {@value
 * #PLACE} windows that begin in it, so that windows from one block cost one request.
 */
public final class StoredTokens implements Tokens {
  /** Window starts in a block. */
  static final int PLACE = 1 << 16;

  /** Tokens fetched with a block after its last window start. */
  private static final int BEHIND = 1 << 12;

  private final StorageSettings settings;
  private final String folder;
  private final TokenType type;
  private final int vocabulary;
  private final String[] names;
  private final long[] ends; // tokens up to and including each file
  private final long cacheBytes;
  private final boolean local;

  /**
   * @param folder of the split
   * @param cacheBytes local disk for blocks of remote files, in bytes
   */
  StoredTokens(
      Storage storage,
      String folder,
      TokenType type,
      int vocabulary,
      List<TokenManifest.Part> parts,
      long cacheBytes) {
    this.settings = storage.settings();
    this.folder = storage.qualified(folder); // Executors have other working directories.
    this.type = type;
    this.vocabulary = vocabulary;
    this.names = parts.stream().map(TokenManifest.Part::name).toArray(String[]::new);
    this.ends = parts.stream().mapToLong(TokenManifest.Part::tokens).toArray();
    Arrays.parallelPrefix(ends, Long::sum);
    this.cacheBytes = cacheBytes;
    this.local = storage.isLocal(folder);
  }

  /** [blocks fetched, blocks found on disk] of this JVM. */
  public static long[] traffic() {
    return BlockCache.traffic();
  }

  @Override
  public long length() {
    return ends.length == 0 ? 0 : ends[ends.length - 1];
  }

  @Override
  public int[] read(long from, int count) {
    return decode(bytes(from, count));
  }

  /** Number of blocks of {@value #PLACE} windows; the last one is shorter. */
  long places(int context) {
    return (length() - context + PLACE - 1) / PLACE;
  }

  /**
   * Windows of one block.
   *
   * @param starts in the text, all in this block
   * @return packed tokens [starts, context + 1]
   */
  CompletableFuture<int[]> windows(long place, int context, long[] starts) {
    int length = context + 1;
    if (local || context > BEHIND) {
      int[] packed = new int[starts.length * length];
      for (int i = 0; i < starts.length; i++) {
        System.arraycopy(read(starts[i], length), 0, packed, i * length, length);
      }
      return CompletableFuture.completedFuture(packed);
    }
    return block(place)
        .thenApply(
            block -> {
              int[] packed = new int[starts.length * length];
              for (int i = 0; i < starts.length; i++) {
                int at = (int) (starts[i] - place * PLACE) * type.bytes();
                type.decode(block, at, packed, i * length, length);
              }
              return checked(packed);
            });
  }

  /** Starts to fetch a block that will be needed soon. */
  void prefetch(long place) {
    if (!local) {
      block(place);
    }
  }

  private CompletableFuture<byte[]> block(long place) {
    int slot = (PLACE + BEHIND) * type.bytes();
    long from = place * PLACE;
    int count = (int) Math.min(PLACE + BEHIND, length() - from);
    return BlockCache.shared(cacheBytes, slot)
        .get(new BlockCache.Key(folder, place), () -> bytes(from, count));
  }

  private byte[] bytes(long from, int count) {
    int width = type.bytes();
    byte[] bytes = new byte[Math.multiplyExact(count, width)];
    int done = 0;
    int file = Arrays.binarySearch(ends, from + 1);
    file = file >= 0 ? file : -file - 1;
    while (done < count) {
      long begin = file == 0 ? 0 : ends[file - 1];
      long at = from + done - begin;
      int part = (int) Math.min(count - done, ends[file] - begin - at);
      byte[] read =
          settings
              .storage()
              .readRange(
                  Storage.resolve(folder, names[file]),
                  (ends[file] - begin) * width,
                  at * width,
                  part * width);
      System.arraycopy(read, 0, bytes, done * width, read.length);
      done += part;
      file++;
    }
    return bytes;
  }

  private int[] decode(byte[] bytes) {
    int[] tokens = new int[bytes.length / type.bytes()];
    type.decode(bytes, 0, tokens, 0, tokens.length);
    return checked(tokens);
  }

  /**
   * Checks the range, so that an altered file is an error here and not an index out of bounds
   * later.
   */
  private int[] checked(int[] tokens) {
    for (int token : tokens) {
      if (token < 0 || token >= vocabulary) {
        throw new UserError(
            folder
                + ": token "
                + token
                + " is outside the vocabulary of "
                + vocabulary
                + ": a file was altered; make the folder again with jobs/tokenize.sh");
      }
    }
    return tokens;
  }
}
