package io.avatarl.spark.corpus;

import io.avatarl.config.UserError;
import io.avatarl.corpus.TextChunks;
import io.avatarl.files.StorageSettings;
import io.avatarl.spark.transport.JavaSerialization;
import io.avatarl.spark.transport.ShardFunction;
import io.avatarl.spark.transport.TaskValue;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntConsumer;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * A corpus in pieces, each read by one task; the pieces, in order, are the corpus.
 *
 * @param <T> the elements of an RDD partition, which is a piece
 */
final class Documents<T> {
  private final JavaRDD<T> pieces;
  private final Opener<T> opener;
  private final boolean repeatable;

  /** Reads a partition. */
  private interface Opener<T> extends Serializable {
    DocumentReader open(java.util.Iterator<T> partition);
  }

  /** Processes a piece; a {@link UserError} is rethrown on the driver. */
  interface PieceFunction<R> extends Serializable {
    R apply(int piece, DocumentReader documents) throws IOException;
  }

  private Documents(JavaRDD<T> pieces, Opener<T> opener, boolean repeatable) {
    this.pieces = pieces;
    this.opener = opener;
    this.repeatable = repeatable;
  }

  static Documents<Integer> ofFiles(
      JavaSparkContext spark,
      StorageSettings storage,
      List<TextPiece> pieces,
      TextChunks.Boundary boundary) {
    return new Documents<>(
        ShardFunction.numbers(spark, pieces.size()),
        new FileOpener(storage, TaskValue.broadcast(spark, new ArrayList<>(pieces)), boundary),
        true);
  }

  /**
   * @param rows in the order of the corpus
   * @param repeatable whether equal rows always give equal partitions
   */
  static Documents<String> ofRows(JavaRDD<String> rows, boolean repeatable) {
    return new Documents<>(rows, RowReader::new, repeatable);
  }

  private record FileOpener(
      StorageSettings storage, TaskValue<ArrayList<TextPiece>> pieces, TextChunks.Boundary boundary)
      implements Opener<Integer> {
    @Override
    public DocumentReader open(java.util.Iterator<Integer> partition) {
      return new TextReader(storage.storage(), pieces.value().get(partition.next()), boundary);
    }
  }

  int pieces() {
    return pieces.getNumPartitions();
  }

  /** Whether a second run finds the same pieces, so that it can continue a first one. */
  boolean isRepeatable() {
    return repeatable;
  }

  /** A task's result or the user's mistake, which is returned because a retry would not help. */
  private record Result<R>(R value, String mistake) implements Serializable {}

  /**
   * Runs a job with a task for each piece.
   *
   * @param done gets the number of finished pieces
   * @return results in the order of the pieces
   */
  <R> List<R> run(
      JavaSparkContext spark, String description, PieceFunction<R> f, IntConsumer done) {
    spark.sc().setJobDescription(description);
    Collected collected = new Collected(pieces(), done);
    ClassTag<byte[]> tag = ClassTag$.MODULE$.apply(byte[].class);
    try {
      spark.sc().runJob(pieces.rdd(), new PieceTask<>(opener, f), collected, tag);
    } finally {
      spark.sc().setJobDescription(null);
    }
    List<R> results = new ArrayList<>();
    for (byte[] bytes : collected.results) {
      Result<R> result = JavaSerialization.fromBytes(bytes);
      if (result.mistake != null) {
        throw new UserError(result.mistake);
      }
      results.add(result.value);
    }
    return results;
  }

  /** Runs on the driver. */
  private static final class Collected extends AbstractFunction2<Object, byte[], BoxedUnit> {
    final List<byte[]> results;
    private final IntConsumer done;
    private int count;

    Collected(int pieces, IntConsumer done) {
      this.results = new ArrayList<>(Collections.nCopies(pieces, null));
      this.done = done;
    }

    @Override
    public synchronized BoxedUnit apply(Object piece, byte[] result) {
      results.set((Integer) piece, result);
      done.accept(++count);
      return BoxedUnit.UNIT;
    }
  }

  /** Runs in a task. */
  private static final class PieceTask<T, R>
      extends AbstractFunction2<TaskContext, Iterator<T>, byte[]> implements Serializable {
    private final Opener<T> opener;
    private final PieceFunction<R> f;

    PieceTask(Opener<T> opener, PieceFunction<R> f) {
      this.opener = opener;
      this.f = f;
    }

    @Override
    public byte[] apply(TaskContext context, Iterator<T> partition) {
      return JavaSerialization.toBytes(work(context, partition));
    }

    private Result<R> work(TaskContext context, Iterator<T> partition) {
      try (DocumentReader documents = opener.open(asJava(partition))) {
        return new Result<>(f.apply(context.partitionId(), documents), null);
      } catch (IOException | UserError e) {
        return UserError.in(e)
            .map(mistake -> new Result<R>(null, mistake.getMessage()))
            .orElseThrow(
                () ->
                    e instanceof IOException io
                        ? new UncheckedIOException(
                            "A corpus cannot be read: " + io.getMessage(), io)
                        : (RuntimeException) e);
      }
    }

    private static <T> java.util.Iterator<T> asJava(Iterator<T> iterator) {
      return new java.util.Iterator<>() {
        @Override
        public boolean hasNext() {
          return iterator.hasNext();
        }

        @Override
        public T next() {
          return iterator.next();
        }
      };
    }
  }
}
