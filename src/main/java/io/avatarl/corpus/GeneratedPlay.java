package io.avatarl.corpus;

import io.avatarl.corpus.RandomStream.Purpose;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Writes a play by a seeded grammar ({@code play.grammar} next to this class): acts and scenes,
 * speakers in capitals, verse lines of about ten syllables, stage directions. The text means
 * little, but it has the look and the alphabet of tinyshakespeare.
 */
public final class GeneratedPlay {
  private static final int SCENES_PER_ACT = 6;
  private static final int LETTERS_PER_SLIP = 500;
  private static final Map<String, List<String>> RULES = rules();

  private final RandomStream random;
  private final StringBuilder play = new StringBuilder();

  private GeneratedPlay(long seed) {
    random = RandomStream.of(seed, 0, 0, Purpose.GENERATED_PLAY);
  }

  /**
   * The play for a seed: printable ASCII and line breaks, the same on every machine.
   *
   * @param characters the length at which the last scene is cut off
   */
  public static String write(long seed, int characters) {
    GeneratedPlay writer = new GeneratedPlay(seed);
    for (int scene = 0; writer.play.length() < characters; scene++) {
      writer.scene(scene / SCENES_PER_ACT + 1, scene % SCENES_PER_ACT + 1);
    }
    writer.play.setLength(characters);
    return writer.play.toString();
  }

  /**
   * {@link #write} with some wrong letters, which give the long tail of real text.
   *
   * @return ASCII [characters]
   */
  public static byte[] misspelt(long seed, int characters) {
    byte[] text = write(seed, characters).getBytes(StandardCharsets.US_ASCII);
    RandomStream random = new RandomStream(seed);
    for (int i = random.nextInt(LETTERS_PER_SLIP);
        i < text.length;
        i += 1 + random.nextInt(2 * LETTERS_PER_SLIP)) {
      if (Character.isLetter(text[i])) {
        text[i] = (byte) ('a' + random.nextInt('z' - 'a' + 1));
      }
    }
    return text;
  }

  private void scene(int act, int scene) {
    List<String> cast = cast();
    play.append("ACT ").append(act).append(", SCENE ").append(scene).append(". ");
    play.append(sentence("scenery")).append(".\n\n");
    play.append("[Enter ").append(String.join(", ", cast)).append("]\n\n");
    int speeches = 12 + random.nextInt(40);
    String last = "";
    for (int i = 0; i < speeches; i++) {
      String speaker = cast.get(random.nextInt(cast.size()));
      if (speaker.equals(last)) {
        continue;
      }
      last = speaker;
      play.append(speaker.toUpperCase(Locale.ROOT)).append(":\n");
      verse(sentence("speech"));
      if (random.nextInt(9) == 0) {
        play.append('[').append(sentence("business")).append("]\n");
      }
      play.append('\n');
    }
    play.append("[Exeunt]\n\n");
  }

  private List<String> cast() {
    int size = 2 + random.nextInt(4);
    Set<String> cast = new LinkedHashSet<>();
    while (cast.size() < size) {
      cast.add(sentence(random.nextInt(4) == 0 ? "role" : "person"));
    }
    return List.copyOf(cast);
  }

  /** Breaks a speech into lines of verse, each beginning with a capital. */
  private void verse(String speech) {
    int length = 0;
    int longest = 0;
    for (String word : speech.split(" ")) {
      if (length > 0 && length + word.length() < longest) {
        play.append(' ').append(word);
        length += 1 + word.length();
      } else {
        if (length > 0) {
          play.append('\n');
        }
        play.append(capitalized(word));
        length = word.length();
        longest = 36 + random.nextInt(14);
      }
    }
    play.append('\n');
  }

  /** An expansion whose sentences begin with a capital. */
  private String sentence(String rule) {
    StringBuilder words = new StringBuilder();
    expand(rule, words);
    boolean opens = true;
    for (int i = 0; i < words.length(); i++) {
      char c = words.charAt(i);
      if (opens && Character.isLetter(c)) {
        words.setCharAt(i, Character.toUpperCase(c));
      }
      opens = ".?!".indexOf(c) >= 0 || opens && !Character.isLetter(c);
    }
    return words.toString();
  }

  private void expand(String rule, StringBuilder out) {
    List<String> alternatives = RULES.get(rule);
    // The square of a uniform number favours the front, where the common words are.
    double place = random.nextDouble();
    String chosen = alternatives.get((int) (alternatives.size() * place * place));
    int end = 0;
    for (int open = chosen.indexOf('<'); open >= 0; open = chosen.indexOf('<', end)) {
      out.append(chosen, end, open);
      end = chosen.indexOf('>', open) + 1;
      expand(chosen.substring(open + 1, end - 1), out);
    }
    out.append(chosen, end, chosen.length());
  }

  private static String capitalized(String word) {
    return word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
  }

  private static Map<String, List<String>> rules() {
    Map<String, List<String>> rules = new HashMap<>();
    try (InputStream in = GeneratedPlay.class.getResourceAsStream("play.grammar")) {
      String grammar = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      for (String line : grammar.lines().toList()) {
        if (!line.isBlank() && !line.startsWith("#")) {
          String[] sides = line.split(" = ", 2);
          rules.put(sides[0], List.of(sides[1].split(" \\| ")));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return rules;
  }
}
