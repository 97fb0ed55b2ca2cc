package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void whiteSpaceIsVisibleAndControlsAreHarmless() {
    assertEquals("a␣b↵⇥␛[31m\ufffd", Table.visible("a b\n\t\u001b[31m\u202e"));
  }

  @Test
  void fitsTheWidthAndKeepsTheEndOfLongCells() {
    Table table = new Table(20, List.of("n", "context"));
    table.add(List.of("7", "a very long context indeed"));
    table.add(List.of("12", "short"));
    List<String> lines = table.lines();
    assertEquals(" n  context", lines.get(0));
    assertEquals(" 7  … context indeed", lines.get(2));
    assertEquals("12  short", lines.get(3));
    assertTrue(lines.stream().allMatch(line -> line.length() <= 20));
  }
}
