package io.avatarl.reward;

import io.avatarl.corpus.Corpus;
import io.avatarl.rollout.Groups;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Rewards the token that ends a complete word: the letters before it, back to the last other
 * character, are a word of the training split. The value depends on the word's length (avatarl's
 * curriculum of June 2025 has one weight for each length from 1 to 5 and more).
 *
 * @param words of the training split
 * @param texts text of each token
 * @param lengths value of words of 1, 2, … letters; the last one also for longer words
 */
record WordFormation(Set<String> words, List<String> texts, List<Double> lengths)
    implements RewardComponent {
  /** Most tokens that are searched for words; a text in memory has no more. */
  private static final int SAMPLE = 1 << 26;

  private static final Pattern WORD = Pattern.compile("\\p{L}+");

  static WordFormation of(Corpus corpus, List<Double> lengths) {
    Set<String> words = new HashSet<>();
    Matcher matcher = WORD.matcher(corpus.tokenizer().decode(corpus.train().sample(SAMPLE)));
    while (matcher.find()) {
      words.add(matcher.group());
    }
    List<String> texts =
        java.util.stream.IntStream.range(0, corpus.tokenizer().vocabularySize())
            .mapToObj(token -> corpus.tokenizer().decode(token))
            .collect(java.util.stream.Collectors.toCollection(java.util.ArrayList::new));
    return new WordFormation(words, texts, new java.util.ArrayList<>(lengths));
  }

  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      String word = trailingLetters(groups, g);
      if (words.contains(word)) {
        float value = lengths.get(Math.min(word.length(), lengths.size()) - 1).floatValue();
        for (int i = 0; i < k; i++) {
          String text = texts.get(groups.action(g, i));
          values[g * k + i] =
              text.isEmpty() || Character.isLetter(text.codePointAt(0)) ? 0f : value;
        }
      }
    }
    return values;
  }

  /**
   * The letters at the end of the state; empty if they reach back to its beginning, since the word
   * may then be longer.
   */
  private String trailingLetters(Groups groups, int g) {
    int last = groups.lastTokenIndex(g);
    int first = last + 1 - groups.stateLength(g);
    String letters = "";
    for (int i = last; i >= first; i--) {
      String text = texts.get(groups.tokens()[i]) + letters;
      int start = text.length();
      while (start > 0 && Character.isLetter(text.codePointBefore(start))) {
        start -= Character.charCount(text.codePointBefore(start));
      }
      if (start > 0) {
        return text.substring(start);
      }
      letters = text;
    }
    return "";
  }
}
