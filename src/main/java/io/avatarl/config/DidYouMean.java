package io.avatarl.config;

import java.util.Collection;
import java.util.Comparator;

/** The known name most similar to a mistyped one. */
final class DidYouMean {
  private DidYouMean() {}

  /**
   * The candidate with the smallest edit distance; a match of a dotted key's whole last part counts
   * as close.
   */
  static String of(String name, Collection<String> candidates) {
    return candidates.stream()
        .min(Comparator.comparingInt((String c) -> distance(name, c)).thenComparing(c -> c))
        .orElse("");
  }

  /** {@code unknown key "stpes"; did you mean steps?} */
  static String unknownKey(String key, Collection<String> known) {
    String quoted = key.startsWith("\"") ? key : '"' + key + '"';
    return "unknown key " + quoted + "; did you mean " + of(key, known) + "?";
  }

  private static int distance(String name, String candidate) {
    int distance = levenshtein(name, candidate);
    String last = candidate.substring(candidate.lastIndexOf('.') + 1);
    return Math.min(distance, 1 + 2 * levenshtein(name.substring(name.lastIndexOf('.') + 1), last));
  }

  private static int levenshtein(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
