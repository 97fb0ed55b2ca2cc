package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class TextTableTest {
  @Test
  void whiteSpaceIsVisibleAndControlsAreHarmless() {
    assertEquals("a␣b↵⇥␛[31m\ufffd", TextTable.visible("a b\n\t\u001b[31m\u202e"));
  }

  @Test
  void textOfOthersDoesNotReachTheTerminalAsCommands() {
    String hostile = "a\u001b]0;x\u0007\r\n\tb\u009b2J\u202e\ud800\ud83d\ude00\u00e9";
    assertEquals(
        "a\u241b]0;x\u2407\u240d\n\tb\ufffd2J\ufffd\ufffd\ud83d\ude00\u00e9",
        Terminal.harmless(hostile));
    assertEquals(
        "{\"a\":\"\\u009b\\u202e\\u007f\u00e9\"}",
        Terminal.json("{\"a\":\"\u009b\u202e\u007f\u00e9\"}"));
  }

  @Test
  void marksThatShapeWordsAreText() {
    // Persian with a non-joiner, a family joined of three, a flag of tags, a right-to-left mark.
    String text =
        "می\u200cخواهم 👨\u200d👩\u200d👧"
            + " 🏴\udb40\udc67\udb40\udc62\udb40\udc65\udb40\udc6e\udb40\udc67\udb40\udc7f"
            + " a\u200fb";
    assertEquals(text, Terminal.harmless(text));
    assertEquals(text, Terminal.json(text));
    assertEquals(text, Terminal.output(text));
  }

  @Test
  void controlsAreEscapedForTerminalsOnly() {
    String text = "a\u001b[2Jb\u202ec\n";
    assertEquals(text, Terminal.output(text));
    System.setProperty("avatarl.output.terminal", "true");
    try {
      assertEquals("a␛[2Jb\ufffdc\n", Terminal.output(text));
    } finally {
      System.clearProperty("avatarl.output.terminal");
    }
  }

  @Test
  void rowsWiderThanTheTerminalAreParagraphs() {
    TextTable table = new TextTable(20, List.of("gold_probability", "mean_reward"));
    table.add(List.of("0.5", "a cell that is as long as it is"));
    table.add(List.of("1", ""));
    assertEquals(
        List.of(
            "gold_probability  0.5",
            "mean_reward       a cell that is as long as it is",
            "",
            "gold_probability  1",
            "mean_reward"),
        table.lines());
  }

  @Test
  void fitsTheWidthAndKeepsTheEndOfLongCells() {
    TextTable table = new TextTable(20, List.of("n", "context"));
    table.add(List.of("7", "a very long context indeed"));
    table.add(List.of("12", "short"));
    List<String> lines = table.lines();
    assertEquals(" n  context", lines.get(0));
    assertEquals(" 7  … context indeed", lines.get(2));
    assertEquals("12  short", lines.get(3));
    assertTrue(lines.stream().allMatch(line -> line.length() <= 20));
  }
}
