package io.avatarl.spark.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.DocumentSplit;
import io.avatarl.corpus.Tokenizer;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * Learns BPE from the word counts of the training split or of a sample of it; tasks count the
 * words.
 */
final class BpeLearner {
  private final JavaSparkContext spark;
  private final CorpusConfig config;
  private final CorpusInput input;
  private final CorpusProgress progress;

  BpeLearner(
      JavaSparkContext spark, CorpusConfig config, CorpusInput input, CorpusProgress progress) {
    this.spark = spark;
    this.config = config;
    this.input = input;
    this.progress = progress;
  }

  /** Words of a piece with their counts. */
  private record WordCounts(String[] words, int[] counts) implements Serializable {}

  /**
   * @param before code points before each piece
   */
  Tokenizer learn(Documents<?> documents, CorpusScan scan, DocumentSplit split, long[] before) {
    double share = sampledShare(scan);
    int pieces = documents.pieces();
    List<WordCounts> counted =
        documents.run(
            spark,
            "corpus: count the words of " + input.name(),
            (piece, reader) -> {
              Map<String, int[]> words = new HashMap<>();
              SplitReader.read(
                  reader,
                  split,
                  before[piece],
                  "",
                  (text, heldOut, document) -> {
                    if (!heldOut && isSampled(text, share)) {
                      BpeTokenizer.countWords(text, words);
                    }
                  });
              return new WordCounts(
                  words.keySet().toArray(String[]::new),
                  words.values().stream().mapToInt(count -> count[0]).toArray());
            },
            done -> progress.at("counting words", done, pieces));
    Map<String, int[]> words = new HashMap<>();
    for (WordCounts piece : counted) {
      for (int i = 0; i < piece.words.length; i++) {
        words.computeIfAbsent(piece.words[i], w -> new int[1])[0] += piece.counts[i];
      }
    }
    if (share < 1) {
      progress.warned(
          String.format(
              "BPE is learned from %.2g %% of the training split (corpus.bpe.sample)",
              100 * share));
    }
    progress.at("learning " + config.bpe().merges() + " merges", 0, 1);
    return BpeTokenizer.train(words, config.bpe().merges());
  }

  /** Share of the training split that BPE is learned from. */
  double sampledShare(CorpusScan scan) {
    double train = scan.bytes() * (1 - config.validationFraction());
    return Math.min(1, config.bpe().sample().bytes() / train);
  }

  /** Decides by the text alone, so that it does not matter which piece a document is in. */
  private static boolean isSampled(String text, double share) {
    if (share >= 1) {
      return true;
    }
    CRC32C hash = new CRC32C();
    hash.update(text.getBytes(StandardCharsets.UTF_8));
    return hash.getValue() < share * (1L << Integer.SIZE);
  }
}
