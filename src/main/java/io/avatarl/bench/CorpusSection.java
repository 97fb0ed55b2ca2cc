package io.avatarl.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.bench.Results.Section;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.TokenType;
import io.avatarl.corpus.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Tokenizing next to Hugging Face's own library, and training from token folders next to training
 * from memory.
 */
record CorpusSection(Bench bench) {
  private static final int MERGES = 1024;
  private static final int PLAY = 1_000_000;
  private static final String CHARACTERS = "characters";
  private static final String BPE = "BPE";
  private static final String BATCH = "Hugging Face's encode_batch";
  private static final String MEMORY = "memory";

  List<Section> tables() throws IOException {
    List<Section> tables = new ArrayList<>(List.of(tokenizing()));
    if (!bench.tokens().isEmpty()) {
      tables.add(training());
    }
    return tables;
  }

  private Section tokenizing() throws IOException {
    List<String> plays =
        IntStream.range(0, bench.quick() ? 2 : 10)
            .mapToObj(play -> GeneratedPlay.misspelt(play, PLAY))
            .map(play -> new String(play, StandardCharsets.US_ASCII))
            .toList();
    String text = String.join("", plays);
    Tokenizer bpe = BpeTokenizer.train(text, MERGES);
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    parts.put(CHARACTERS, tokenizing(CharacterTokenizer.of(text), plays));
    parts.put(BPE, tokenizing(bpe, plays));
    Python python = bench.tokenizers();
    if (python.path().isPresent()) {
      Path json = Files.writeString(bench.folder().resolve("tokenizer.json"), bpe.toJson());
      Path texts = bench.folder().resolve("plays.json");
      // Speeches: it takes more time for the same text in longer pieces.
      List<String> speeches = Arrays.asList(text.split("(?<=\n\n)"));
      Files.write(texts, new ObjectMapper().writeValueAsBytes(speeches));
      parts.put(BATCH, python.encodeBatch(bench.folder(), json, texts));
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Section table =
        new Section(
            "Tokenizing on one core: "
                + plays.size()
                + " MB of generated plays, byte-level BPE with "
                + MERGES
                + " merges",
            "what",
            "MB/s",
            "CPU MB/s",
            "target",
            "CPU speed / " + BATCH,
            "remark");
    for (String what : List.of(CHARACTERS, BPE, BATCH)) {
      if (!laps.containsKey(what)) {
        table.add(what, null, null, null, null, python.missing());
        continue;
      }
      Spread cpu = cpu(laps, what);
      table.add(
          what,
          Spread.of(laps.get(what), lap -> lap.rate() / 1e6),
          cpu,
          what.equals(CHARACTERS) ? "≥ 25" : what.equals(BPE) ? "≥ 8" : null,
          what.equals(BPE) && laps.containsKey(BATCH) ? cpu.over(cpu(laps, BATCH)) : null,
          null);
    }
    table.notes().add("without reading, decoding, checksums and writing");
    return table;
  }

  private static Spread cpu(Map<String, List<Measurement>> laps, String what) {
    return Spread.of(laps.get(what), lap -> lap.units() / 1e6 / lap.cpuSeconds());
  }

  /** As {@code jobs/tokenize.sh} does. Units: bytes of the texts, which are ASCII. */
  private static Benchmark tokenizing(Tokenizer tokenizer, List<String> texts) {
    TokenType type = TokenType.of(tokenizer.vocabularySize());
    return Benchmark.repeating(
        () -> {
          long bytes = 0;
          for (String text : texts) {
            int[] tokens = tokenizer.encode(text);
            type.encode(tokens, 0, tokens.length);
            bytes += text.length();
          }
          return bytes;
        },
        () -> {});
  }

  /** The whole job from each place of the tokens. */
  private Section training() throws IOException {
    List<String> masters =
        bench.quick() ? List.of("local[2]") : List.of("local[2]", "local-cluster[2,1,1024]");
    List<String> places = new ArrayList<>(List.of(MEMORY));
    places.addAll(bench.tokens());
    Section table =
        new Section(
            "Training by where the tokens are",
            "tokens",
            "groups/s",
            "rate / " + MEMORY,
            "target",
            "peak memory MiB");
    for (String master : masters) {
      Map<String, Benchmark> parts = new LinkedHashMap<>();
      for (String place : places) {
        List<String> overrides =
            place.equals(MEMORY) ? List.of() : List.of("corpus.path=" + place, "corpus.memory=0");
        Path log = bench.folder().resolve("corpus-" + parts.size() + ".log");
        parts.put(place, bench.launch().training(master, overrides, log));
      }
      Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
      Spread memory = Spread.of(laps.get(MEMORY), Measurement::rate);
      for (String place : places) {
        Spread rate = Spread.of(laps.get(place), Measurement::rate);
        boolean stored = !place.equals(MEMORY);
        table.add(
            master + ", " + place,
            rate,
            stored ? rate.over(memory) : null,
            !stored ? null : place.contains("://") ? "≥ 0.9" : "≥ 0.95",
            laps.get(place).stream().mapToLong(Measurement::peakBytes).max().orElse(0) >> 20);
      }
    }
    table.notes().add("in memory: the text of --corpus; targets are for a latency of 50 ms");
    table.notes().add("peak memory: the sum of each process's own peak, heap and native");
    return table;
  }
}
