package io.avatarl.spark.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.CorpusConfig.TokenizerKind;
import io.avatarl.config.UserError;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.DocumentSplit;
import io.avatarl.corpus.TextChunks;
import io.avatarl.corpus.TokenArray;
import io.avatarl.corpus.TokenFolder;
import io.avatarl.corpus.TokenManifest;
import io.avatarl.corpus.TokenType;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import io.avatarl.files.StorageSettings;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Tokenizes a corpus with Spark: scans it (is it text, which characters, how many documents),
 * learns BPE if configured, and tokenizes it piece by piece. In memory, only the list of pieces
 * grows with the corpus.
 *
 * <p>An interrupted run can continue with a token folder, and two concurrent runs do no harm: a
 * file's name and bytes depend only on the source, it is written atomically, and a note in {@code
 * _work/} says that it is done. The manifest comes last.
 */
final class CorpusTokenizer {
  private static final Pattern END_OF_TEXT = Pattern.compile("<\\|[!-~]+\\|>");
  private static final int PIECE_BYTES = 32 << 20;

  private final JavaSparkContext spark;
  private final Storage storage;
  private final CorpusConfig config;
  private final CorpusInput input;
  private final Optional<Tokenizer> vocabulary;
  private final CorpusProgress progress;
  private final long pieceBytes;
  private final BpeLearner bpe;

  /**
   * @param vocabulary of the tokens; empty: the corpus's own
   * @param pieceBytes length of a piece in bytes; 0: the default
   */
  CorpusTokenizer(
      SparkSession spark,
      Storage storage,
      CorpusConfig config,
      CorpusInput input,
      Optional<Tokenizer> vocabulary,
      CorpusProgress progress,
      long pieceBytes) {
    this.spark = JavaSparkContext.fromSparkContext(spark.sparkContext());
    this.storage = storage;
    this.config = config;
    this.input = input;
    this.vocabulary = vocabulary;
    this.progress = progress;
    this.pieceBytes = pieceBytes == 0 ? PIECE_BYTES : pieceBytes;
    this.bpe = new BpeLearner(this.spark, config, input, progress);
  }

  /** Fingerprint of the source and of the settings that its tokens depend on. */
  String fingerprint() {
    return Sha256.of(
        String.join(
                "\n",
                input.identity(),
                config.column(),
                config.orderBy(),
                config.separator(),
                Double.toString(config.validationFraction()),
                vocabulary
                    .map(known -> Sha256.of(known.toJson().getBytes(StandardCharsets.UTF_8)))
                    .orElseGet(this::ownVocabulary))
            .getBytes(StandardCharsets.UTF_8));
  }

  /** Whether a folder already holds these tokens, in this vocabulary. */
  boolean isMade(String folder, Tokenizer known) {
    if (!TokenFolder.isAt(storage, folder)) {
      return false;
    }
    TokenFolder there = TokenFolder.open(storage, folder);
    return there.manifest().source().fingerprint().equals(fingerprint())
        && there.tokenizer().equals(known);
  }

  private String ownVocabulary() {
    return config.tokenizer() == TokenizerKind.BPE
        ? "bpe " + config.bpe().merges() + " " + config.bpe().sample().bytes()
        : "character";
  }

  private TextChunks.Boundary boundary() {
    boolean bpe =
        vocabulary
            .map(known -> known instanceof BpeTokenizer)
            .orElse(config.tokenizer() == TokenizerKind.BPE);
    return bpe ? new Words() : new Characters();
  }

  private static final class Words implements TextChunks.Boundary, Serializable {
    @Override
    public boolean isAt(byte[] utf8, int at) {
      return BpeTokenizer.isWordBoundary(utf8, at);
    }
  }

  private static final class Characters implements TextChunks.Boundary, Serializable {
    @Override
    public boolean isAt(byte[] utf8, int at) {
      return Tokenizer.beginsCharacter(utf8[at]);
    }
  }

  /**
   * The corpus, in memory if its text is not longer than {@code corpus.memory}, else in a folder.
   *
   * @param folder where the tokens are, or will be written
   */
  Corpus corpus(String folder, TokenFolder.Limits limits) {
    if (TokenFolder.isAt(storage, folder)) {
      return tokenize(folder).corpus(input.name(), limits);
    }
    TokenizingWork work = new TokenizingWork(storage, folder, fingerprint());
    Documents<?> documents = documents();
    CorpusScan scan = work.scan().orElseGet(() -> scan(documents));
    if (scan.bytes() <= limits.memoryBytes()) {
      return inMemory(documents, scan, limits);
    }
    return tokenize(work, documents, scan).corpus(input.name(), limits);
  }

  /**
   * Makes the folder, unless it is already complete.
   *
   * @throws UserError if the folder holds other tokens
   */
  TokenFolder tokenize(String folder) {
    String fingerprint = fingerprint();
    if (TokenFolder.isAt(storage, folder)) {
      TokenFolder there = TokenFolder.open(storage, folder);
      if (!there.manifest().source().fingerprint().equals(fingerprint)) {
        throw new UserError(
            folder
                + ": holds the tokens of another corpus, of an earlier state of this one, or of"
                + " other settings ("
                + there.manifest().source().name()
                + "); delete it, or name another folder");
      }
      return there;
    }
    TokenizingWork work = new TokenizingWork(storage, folder, fingerprint);
    Documents<?> documents = documents();
    return tokenize(work, documents, work.scan().orElseGet(() -> scan(documents)));
  }

  private Documents<?> documents() {
    return input.documents(spark, storage.settings(), boundary(), pieceBytes);
  }

  private CorpusScan scan(Documents<?> documents) {
    int pieces = documents.pieces();
    CorpusScan scan =
        CorpusScan.of(
            documents.run(
                spark,
                "corpus: look through " + input.name(),
                (piece, reader) -> PieceScan.of(reader),
                done -> progress.at("looking through " + input.name(), done, pieces)));
    if (scan.documents() == 0) {
      throw new UserError(
          "Corpus "
              + input.name()
              + " holds no document with a text"
              + (scan.skipped() > 0 ? " (" + scan.skipped() + " are NULL or empty)" : "")
              + "; name another with --corpus, or another corpus.column");
    }
    warn(scan);
    return scan;
  }

  private void warn(CorpusScan scan) {
    if (scan.skipped() > 0) {
      progress.warned(
          String.format(
              "%,d of %,d documents of %s are NULL or empty and were skipped",
              scan.skipped(), scan.skipped() + scan.documents(), input.name()));
    }
    if (scan.carriageReturns()) {
      progress.warned(CorpusSource.carriageReturnWarning(input.name()));
    }
    if (scan.byteOrderMarks()) {
      progress.warned(
          input.name() + " has byte-order marks before its documents; they are ignored");
    }
  }

  /** How texts become tokens, serializable for tasks. */
  private record Recipe(
      Tokenizer tokenizer,
      DocumentSplit split,
      String separator,
      long[] before,
      long[] checksums,
      String source)
      implements Serializable {
    TokenizedPiece apply(
        int piece,
        DocumentReader reader,
        TokenizedPiece.Writer train,
        TokenizedPiece.Writer validation)
        throws IOException {
      TokenType type = TokenType.of(tokenizer.vocabularySize());
      byte[] between = tokens(type, separator);
      SplitReader.read(
          reader,
          split,
          before[piece],
          separator,
          (text, heldOut, document) ->
              (heldOut ? validation : train).add(document ? tokens(type, text) : between));
      if (reader.checksum() != checksums[piece]) {
        throw TokenizedPiece.changed(source);
      }
      return TokenizedPiece.of(train, validation);
    }

    private byte[] tokens(TokenType type, String text) {
      int[] tokens = tokenizer.encode(text);
      return type.encode(tokens, 0, tokens.length);
    }
  }

  private Recipe recipe(Documents<?> documents, CorpusScan scan, Optional<Tokenizer> known) {
    String separator = scan.documents() > 1 ? config.separator() : "";
    long[] before = scan.before(separator.codePointCount(0, separator.length()));
    DocumentSplit split =
        DocumentSplit.of(scan.documents(), before[before.length - 1], config.validationFraction());
    Tokenizer tokenizer =
        known.orElseGet(
            () ->
                config.tokenizer() == TokenizerKind.BPE
                    ? withEnd(bpe.learn(documents, scan, split, before), separator)
                    : CharacterTokenizer.of(
                        IntStream.concat(
                            Arrays.stream(scan.codePoints()), separator.codePoints())));
    return new Recipe(tokenizer, split, separator, before, scan.checksums(), input.name());
  }

  /** A separator of the form {@code <|…|>} is one token of BPE, as GPT-2's end of text is. */
  private static Tokenizer withEnd(Tokenizer learnt, String separator) {
    return learnt instanceof BpeTokenizer bpe && END_OF_TEXT.matcher(separator).matches()
        ? bpe.with(separator)
        : learnt;
  }

  private Corpus inMemory(Documents<?> documents, CorpusScan scan, TokenFolder.Limits limits) {
    Recipe recipe = recipe(documents, scan, vocabulary);
    TokenType type = TokenType.of(recipe.tokenizer.vocabularySize());
    int pieces = documents.pieces();
    List<TokenizedPiece> done =
        documents.run(
            spark,
            "corpus: tokenize " + input.name(),
            (piece, reader) ->
                recipe.apply(
                    piece, reader, writer(null, "", "", "", type), writer(null, "", "", "", type)),
            count -> progress.at("tokenizing " + input.name(), count, pieces));
    int[] train = join(done.stream().map(TokenizedPiece::trainTokens).toList(), type);
    int[] validation = join(done.stream().map(TokenizedPiece::validationTokens).toList(), type);
    String sha256 =
        Sha256.of(
            recipe.tokenizer.toJson().getBytes(StandardCharsets.UTF_8),
            TokenType.INT32.encode(train, 0, train.length),
            TokenType.INT32.encode(validation, 0, validation.length));
    return Corpus.ofTokens(
            input.name(), sha256, recipe.tokenizer, new TokenArray(train), validation)
        .scoring(limits.validationTokens());
  }

  private static TokenizedPiece.Writer writer(
      Storage storage, String folder, String split, String name, TokenType type) {
    return new TokenizedPiece.Writer(storage, folder, split, name, type.bytes());
  }

  private static int[] join(List<byte[]> parts, TokenType type) {
    int total = parts.stream().mapToInt(part -> part.length / type.bytes()).sum();
    int[] tokens = new int[total];
    int at = 0;
    for (byte[] part : parts) {
      int count = part.length / type.bytes();
      type.decode(part, 0, tokens, at, count);
      at += count;
    }
    return tokens;
  }

  private TokenFolder tokenize(TokenizingWork work, Documents<?> documents, CorpusScan scan) {
    work.begin(scan);
    Recipe recipe = recipe(documents, scan, vocabulary.or(work::tokenizer));
    work.keep(recipe.tokenizer);
    TokenType type = TokenType.of(recipe.tokenizer.vocabularySize());
    int pieces = documents.pieces();
    StorageSettings settings = storage.settings();
    String folder = work.folder();
    String notes = documents.isRepeatable() ? work.path("") : "";
    // If pieces are not repeatable, their files need unique names.
    String suffix =
        documents.isRepeatable() ? "" : "-" + UUID.randomUUID().toString().substring(0, 8);
    List<TokenizedPiece> done =
        documents.run(
            spark,
            "corpus: tokenize " + input.name(),
            (piece, reader) -> {
              Storage files = settings.storage();
              String note = notes.isEmpty() ? "" : Storage.resolve(notes, piece + ".json");
              TokenizedPiece noted = note.isEmpty() ? null : TokenizedPiece.noted(files, note);
              if (noted != null) {
                return noted;
              }
              String name = String.format("part-%05d%s", piece, suffix);
              TokenizedPiece tokenized =
                  recipe.apply(
                      piece,
                      reader,
                      writer(files, folder, TokenFolder.TRAIN, name, type),
                      writer(files, folder, TokenFolder.VALIDATION, name, type));
              if (!note.isEmpty()) {
                tokenized.note(files, note);
              }
              return tokenized;
            },
            count -> progress.at("tokenizing " + input.name(), count, pieces));
    List<TokenManifest.Part> train = new ArrayList<>();
    List<TokenManifest.Part> validation = new ArrayList<>();
    done.forEach(piece -> train.addAll(piece.train()));
    done.forEach(piece -> validation.addAll(piece.validation()));
    TokenFolder.finish(
        storage,
        folder,
        TokenFolder.manifest(
            recipe.tokenizer,
            new TokenManifest.Source(
                input.name(),
                work.fingerprint(),
                scan.documents(),
                scan.skipped(),
                recipe.before[recipe.before.length - 1],
                recipe.tokenizer instanceof BpeTokenizer
                    && vocabulary.isEmpty()
                    && bpe.sampledShare(scan) < 1),
            new TokenManifest.Split(recipe.split.rule(), config.validationFraction()),
            train,
            validation),
        recipe.tokenizer);
    work.end();
    return TokenFolder.open(storage, folder);
  }
}
