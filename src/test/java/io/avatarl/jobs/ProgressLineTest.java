package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressLineTest {
  private static final List<String> FACTS =
      List.of(
          "1:02 left",
          "val_ce 1.818 acc 45.7%",
          "reward 0.340",
          "entropy 1.65",
          "1,960 updates",
          "5.2k groups/s");

  @Test
  void theBarTakesWhatIsLeft() {
    assertEquals("step  5/20 [=     ]  a  b", ProgressLine.render(5, 20, List.of("a", "b"), 25));
    assertEquals("step 20/20 [======]  a  b", ProgressLine.render(20, 20, List.of("a", "b"), 25));
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 40, 60, 80, 99, 100, 120, 140, 200, 1000})
  void isNeverLongerThanTheTerminal(int width) {
    for (long step = 0; step <= 250; step += 50) {
      assertTrue(ProgressLine.render(step, 250, FACTS, width).length() <= width);
    }
  }

  @Test
  void aHundredColumnsShowEverything() {
    String line = ProgressLine.render(245, 250, FACTS, 99);
    FACTS.forEach(fact -> assertTrue(line.contains(fact), line));
  }

  @Test
  void leavesOutTheLastOnATerminalThatIsTooNarrow() {
    assertEquals("step 1/2 1:02 left", ProgressLine.render(1, 2, FACTS, 20));
  }

  @Test
  void noStepsAtAll() {
    assertEquals("step 0/0 [=====]", ProgressLine.render(0, 0, List.of(), 16));
  }
}
