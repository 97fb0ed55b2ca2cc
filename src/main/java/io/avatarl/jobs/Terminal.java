package io.avatarl.jobs;

/**
 * Text of corpora, models and files, safe to show on a terminal: what a terminal would obey (escape
 * sequences, carriage returns, marks that turn the direction of all that follows) is a picture or a
 * question mark instead. Marks that shape a word, as joiners do in Persian and in emoji, are text.
 */
final class Terminal {
  private Terminal() {}

  /** The text itself, or where a person watches standard output, what may be shown of it. */
  static String output(String text) {
    return Home.outputIsTerminal() ? harmless(text) : text;
  }

  /** The text with its line breaks and tabs, and nothing else that would move the cursor. */
  static String harmless(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              if (c == '\n' || c == '\t') {
                out.append((char) c);
              } else {
                append(out, c);
              }
            });
    return out.toString();
  }

  /** A character, or what stands for it. */
  static void append(StringBuilder out, int c) {
    if (c < ' ') {
      out.append((char) ('\u2400' + c));
    } else if (isObeyed(c) || Character.getType(c) == Character.SURROGATE) {
      out.append('\ufffd');
    } else {
      out.appendCodePoint(c);
    }
  }

  private static boolean isObeyed(int c) {
    return Character.isISOControl(c)
        || c >= '\u202a' && c <= '\u202e' // embeddings and overrides
        || c >= '\u2066' && c <= '\u2069'; // isolates
  }

  /** JSON of the same meaning, in which everything that a terminal would obey is escaped. */
  static String json(String json) {
    StringBuilder out = new StringBuilder(json.length());
    json.chars()
        .forEach(
            c -> {
              if (isObeyed(c)) {
                out.append(String.format("\\u%04x", c));
              } else {
                out.append((char) c);
              }
            });
    return out.toString();
  }
}
