package io.avatarl.corpus;

import io.avatarl.config.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Blocks of remote files on this machine's disk, shared by the tasks of a JVM. They lie in one file
 * of equal slots, which disappears with the JVM, however it ends; the least recently used block is
 * evicted. Concurrent requests for a block fetch it once.
 */
final class BlockCache {
  /** Concurrent fetches: they wait for the network, not for a core. */
  private static final int THREADS = 8;

  private static final Map<Long, BlockCache> SHARED = new HashMap<>();

  private static final ExecutorService FETCHES =
      Executors.newFixedThreadPool(
          THREADS,
          task -> {
            Thread thread = new Thread(task, "token-blocks");
            thread.setDaemon(true);
            return thread;
          });

  /** Names a block of a file, or of the files of a folder. */
  record Key(String folder, long block) {}

  private record Slot(long number, int length) {}

  private final long capacity;
  private final int slotBytes;
  private final LinkedHashMap<Key, Slot> slots = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Key, CompletableFuture<byte[]>> fetching = new HashMap<>();
  private final AtomicLong fetched = new AtomicLong();
  private final AtomicLong found = new AtomicLong();
  private final Optional<Path> given;
  private FileChannel file;
  private Path path;

  /**
   * @param bytes most disk space; less than one slot: nothing is kept
   * @param slotBytes the longest block
   */
  BlockCache(long bytes, int slotBytes) {
    this(bytes, slotBytes, Optional.empty());
  }

  /** A cache in an existing file, for tests. */
  BlockCache(long bytes, int slotBytes, Optional<Path> given) {
    this.capacity = bytes / slotBytes;
    this.slotBytes = slotBytes;
    this.given = given;
  }

  /** This JVM's cache for blocks of a size. */
  static BlockCache shared(long bytes, int slotBytes) {
    synchronized (SHARED) {
      return SHARED.computeIfAbsent(
          bytes * 31 + slotBytes, key -> new BlockCache(bytes, slotBytes));
    }
  }

  /** [blocks fetched, blocks found on disk], over all caches of this JVM. */
  static long[] traffic() {
    synchronized (SHARED) {
      long[] traffic = new long[2];
      for (BlockCache cache : SHARED.values()) {
        traffic[0] += cache.fetched.get();
        traffic[1] += cache.found.get();
      }
      return traffic;
    }
  }

  /**
   * A block, from disk or fetched in the background.
   *
   * @param fetch reads its bytes, at most a slot's length
   */
  CompletableFuture<byte[]> get(Key key, Supplier<byte[]> fetch) {
    CompletableFuture<byte[]> mine;
    synchronized (this) {
      Slot slot = slots.get(key);
      if (slot != null) {
        found.incrementAndGet();
        return CompletableFuture.completedFuture(read(slot));
      }
      CompletableFuture<byte[]> begun = fetching.get(key);
      if (begun != null) {
        return begun;
      }
      mine = new CompletableFuture<>();
      fetching.put(key, mine);
    }
    FETCHES.execute(
        () -> {
          try {
            byte[] block = fetch.get();
            fetched.incrementAndGet();
            keep(key, block);
            mine.complete(block);
          } catch (Throwable e) { // Rethrown to whoever waits for the block.
            drop(key);
            mine.completeExceptionally(e);
          }
        });
    return mine;
  }

  /** Waits for a block; throws the fetch's own exception. */
  static <T> T await(CompletableFuture<T> block) {
    try {
      return block.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  private synchronized void drop(Key key) {
    fetching.remove(key);
  }

  private synchronized void keep(Key key, byte[] block) {
    fetching.remove(key);
    if (capacity == 0) {
      return;
    }
    long number = slots.size();
    if (number >= capacity) {
      Map.Entry<Key, Slot> oldest = slots.entrySet().iterator().next();
      number = oldest.getValue().number;
      slots.remove(oldest.getKey());
    }
    try {
      if (file == null) {
        path = given.isPresent() ? given.get() : Files.createTempFile("avatarl-cache", ".bin");
        file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        if (given.isEmpty() && !path.toFile().delete()) {
          path.toFile().deleteOnExit(); // For systems on which an open file cannot be deleted.
        }
      }
      ByteBuffer bytes = ByteBuffer.wrap(block);
      while (bytes.hasRemaining()) {
        file.write(bytes, number * slotBytes + bytes.position());
      }
    } catch (IOException e) {
      throw new Failure(
          "the cache of tokens cannot be written to "
              + (path == null ? System.getProperty("java.io.tmpdir") : path)
              + ": "
              + e.getMessage()
              + "; free disk space, lower corpus.cache (0 keeps nothing), or name another disk with"
              + " -Djava.io.tmpdir");
    }
    slots.put(key, new Slot(number, block.length));
  }

  private byte[] read(Slot slot) {
    ByteBuffer bytes = ByteBuffer.allocate(slot.length);
    try {
      while (bytes.hasRemaining()
          && file.read(bytes, slot.number * slotBytes + bytes.position()) >= 0) {
        continue;
      }
    } catch (IOException e) {
      throw new Failure("the cache of tokens cannot be read: " + e.getMessage());
    }
    return bytes.array();
  }

  /** Blocks on disk. */
  synchronized int size() {
    return slots.size();
  }
}
