package io.avatarl.corpus;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Learns byte-level BPE (Sennrich, Haddow and Birch 2016, arXiv 1508.07909, algorithm 1, on bytes
 * as in Radford et al. 2019, GPT-2): the text is cut into words; then, repeatedly, the most
 * frequent pair of adjacent tokens inside a word becomes a new token.
 *
 * <p>Ties go to the pair with the lower left token, then to the one with the lower right token, as
 * in Hugging Face's trainer. A pair that occurs once is not merged, so a small text gives fewer
 * merges than asked for.
 *
 * <p>Time is O(n log n) in the length of the distinct words. Each pair stores the places where it
 * occurs; a merge visits only these and corrects the counts of adjacent pairs. A priority queue
 * gives the most frequent pair; an outdated entry is put back with its current count.
 */
final class BpeTrainer {
  private static final String SPACE = "\\p{IsWhite_Space}";

  /**
   * GPT-2's words; every character belongs to one. Java's own \s knows only ASCII, so white space
   * is listed here.
   */
  private static final Pattern WORD =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^S\\p{L}\\p{N}]+|S+(?![^S])|S+"
              .replace("S", SPACE));

  private static final int NONE = -1;
  private static final int LEAST_COUNT = 2;

  /** Adjacent tokens and the places where they occur, or once did. */
  private static final class Pair {
    final int left;
    final int right;
    long count;
    int[] places = new int[2];
    int size;

    Pair(int left, int right) {
      this.left = left;
      this.right = right;
    }

    void add(int place) {
      if (size == places.length) {
        places = Arrays.copyOf(places, size * 2);
      }
      places[size++] = place;
    }
  }

  /** A pair with the count it had when it was queued. */
  private record Candidate(Pair pair, long count) implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      if (count != other.count) {
        return Long.compare(other.count, count);
      }
      return pair.left != other.pair.left
          ? Integer.compare(pair.left, other.pair.left)
          : Integer.compare(pair.right, other.pair.right);
    }
  }

  // The distinct words, one after another, as doubly linked tokens. A merged pair stays at its left
  // place; its right place is then empty.
  private final int[] tokens;
  private final int[] previous;
  private final int[] next;
  private final long[] frequency; // how often the place's word occurs
  private final Map<Long, Pair> pairs = new HashMap<>();
  private final PriorityQueue<Candidate> queue = new PriorityQueue<>();
  private final List<String> vocabulary = new ArrayList<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final ArrayNode merges = JsonNodeFactory.instance.arrayNode();

  private BpeTrainer(Map<String, int[]> words) {
    byte[][] utf8 = new byte[words.size()][];
    int[] times = new int[words.size()];
    int word = 0;
    long length = 0;
    for (Map.Entry<String, int[]> entry : words.entrySet()) {
      utf8[word] = entry.getKey().getBytes(StandardCharsets.UTF_8);
      length += utf8[word].length;
      times[word++] = entry.getValue()[0];
    }
    words.clear();
    int places = Math.toIntExact(length);
    tokens = new int[places];
    previous = new int[places];
    next = new int[places];
    frequency = new long[places];
    int place = 0;
    for (word = 0; word < times.length; word++) {
      byte[] bytes = utf8[word];
      for (int i = 0; i < bytes.length; i++, place++) {
        tokens[place] = ByteAlphabet.id(bytes[i]);
        previous[place] = i == 0 ? NONE : place - 1;
        next[place] = i == bytes.length - 1 ? NONE : place + 1;
        frequency[place] = times[word];
      }
    }
    String[] symbols = new String[ByteAlphabet.SIZE];
    for (int b = 0; b < ByteAlphabet.SIZE; b++) {
      symbols[ByteAlphabet.id((byte) b)] = ByteAlphabet.symbols((byte) b);
    }
    for (String symbol : symbols) {
      ids.put(symbol, vocabulary.size());
      vocabulary.add(symbol);
    }
  }

  /**
   * Learns a tokenizer.
   *
   * @param text the training split
   * @param merges tokens beyond the 256 bytes
   * @return Hugging Face's {@code tokenizer.json}; a byte's token is its {@link ByteAlphabet#id},
   *     and each merge gets the next number
   */
  static String train(String text, int merges) {
    Map<String, int[]> words = new HashMap<>();
    count(text, words);
    return train(words, merges);
  }

  static String train(Map<String, int[]> words, int merges) {
    BpeTrainer trainer = new BpeTrainer(words);
    trainer.merge(ByteAlphabet.SIZE + merges);
    return trainer.json();
  }

  /** Adds how often each distinct word occurs. */
  static void count(String text, Map<String, int[]> words) {
    Matcher matcher = WORD.matcher(text);
    while (matcher.find()) {
      words.computeIfAbsent(matcher.group(), w -> new int[1])[0]++;
    }
  }

  private void merge(int vocabularySize) {
    for (int place = 0; place < tokens.length; place++) {
      if (next[place] != NONE) {
        meet(place, next[place]);
      }
    }
    for (Pair pair : pairs.values()) {
      queue.add(new Candidate(pair, pair.count));
    }
    while (vocabulary.size() < vocabularySize && !queue.isEmpty()) {
      Candidate best = queue.poll();
      if (best.pair.count < LEAST_COUNT) {
        continue;
      }
      if (best.count != best.pair.count) {
        queue.add(new Candidate(best.pair, best.pair.count));
        continue;
      }
      merge(best.pair);
    }
  }

  private void merge(Pair pair) {
    String left = vocabulary.get(pair.left);
    String right = vocabulary.get(pair.right);
    // Symbols hold no space, so this form of a merge is unambiguous, and every reader knows it.
    merges.add(left + " " + right);
    Integer known = ids.putIfAbsent(left + right, vocabulary.size());
    int token = known == null ? vocabulary.size() : known;
    if (known == null) {
      vocabulary.add(left + right);
    }
    // Left to right, like the encoder in a run such as "aaa".
    int[] places = Arrays.copyOf(pair.places, pair.size);
    Arrays.sort(places);
    pair.size = 0;
    Set<Pair> grown = new HashSet<>();
    for (int place : places) {
      int second = next[place];
      boolean isHere = tokens[place] == pair.left && second != NONE && tokens[second] == pair.right;
      if (isHere) {
        merge(place, second, token, grown);
      }
    }
    for (Pair p : grown) {
      queue.add(new Candidate(p, p.count));
    }
  }

  private void merge(int place, int second, int token, Set<Pair> grown) {
    int before = previous[place];
    int after = next[second];
    part(place, second);
    if (before != NONE) {
      part(before, place);
    }
    if (after != NONE) {
      part(second, after);
      previous[after] = place;
    }
    tokens[place] = token;
    tokens[second] = NONE;
    next[place] = after;
    if (before != NONE) {
      grown.add(meet(before, place));
    }
    if (after != NONE) {
      grown.add(meet(place, after));
    }
  }

  private Pair meet(int place, int second) {
    Pair pair =
        pairs.computeIfAbsent(
            key(tokens[place], tokens[second]), k -> new Pair(tokens[place], tokens[second]));
    pair.count += frequency[place];
    pair.add(place);
    return pair;
  }

  private void part(int place, int second) {
    pairs.get(key(tokens[place], tokens[second])).count -= frequency[place];
  }

  private static long key(int left, int right) {
    return (long) left << Integer.SIZE | right;
  }

  private String json() {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    ObjectNode root = nodes.objectNode().put("version", "1.0");
    root.putNull("truncation").putNull("padding").putArray("added_tokens");
    root.putNull("normalizer");
    byteLevel(root.putObject("pre_tokenizer"));
    root.putNull("post_processor");
    byteLevel(root.putObject("decoder"));
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.putNull("dropout").putNull("unk_token").putNull("continuing_subword_prefix");
    model.putNull("end_of_word_suffix").put("fuse_unk", false).put("byte_fallback", false);
    model.put("ignore_merges", false);
    ObjectNode entries = model.putObject("vocab");
    for (int id = 0; id < vocabulary.size(); id++) {
      entries.put(vocabulary.get(id), id);
    }
    model.set("merges", merges);
    return root.toString();
  }

  private static void byteLevel(ObjectNode node) {
    node.put("type", "ByteLevel").put("add_prefix_space", false);
    node.put("trim_offsets", true).put("use_regex", true);
  }
}
