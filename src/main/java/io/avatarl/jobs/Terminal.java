package io.avatarl.jobs;

/**
 * Makes text of corpora, models and files safe to show on a terminal: control characters (escape
 * sequences, carriage returns, marks that change the text's direction) are replaced by pictures or
 * question marks. Joiners, as in Persian and in emoji, are kept.
 */
final class Terminal {
  private Terminal() {}

  /** The text itself or, if standard output is a terminal, its harmless form. */
  static String output(String text) {
    return Home.outputIsTerminal() ? harmless(text) : text;
  }

  /** The text without anything that would move the cursor, except line breaks and tabs. */
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

  /** Appends a character or its replacement. */
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

  /** Equivalent JSON in which all control characters are escaped. */
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
