package io.avatarl.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class BitsPerCharacterTest {
  private static final float HALF = (float) Math.log(0.5);
  private static final float[] EVEN = {HALF, HALF};

  @Test
  void ofCharactersItIsCrossEntropyInBits() {
    Scores scores = new Scores();
    scores.add(EVEN, 0, 2, 0, 1);
    scores.add(new float[] {(float) Math.log(0.125), (float) Math.log(0.875)}, 0, 2, 0, 1);
    assertEquals(2, scores.bitsPerCharacter(), 1e-6, "(1 bit + 3 bits) / 2");
    assertEquals(scores.crossEntropy() / Math.log(2), scores.bitsPerCharacter(), 1e-12);
  }

  @Test
  void longerTokensAreCheaperPerCharacter() {
    // Three tokens at one bit each make up 4 + 1 + 0 characters.
    Scores scores = new Scores();
    scores.add(EVEN, 0, 2, 1, 4);
    Scores others = new Scores();
    others.add(EVEN, 0, 2, 0, 1);
    others.add(EVEN, 0, 2, 0, 0);
    scores.add(others);
    assertEquals(3.0 / 5, scores.bitsPerCharacter(), 1e-6);
    assertEquals(3.0 / 5, Scores.bitsPerCharacter(Math.log(2), 3, 5), 1e-12);
  }
}
