package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HomeTest {
  @AfterEach
  void clear() {
    System.clearProperty("avatarl.commands");
  }

  @Test
  void whatIsPrintedCanBePasted() throws Exception {
    for (String run :
        new String[] {
          "runs/plain",
          "mit Raum ü",
          "it's",
          "a;b",
          "$HOME",
          "*",
          "`x`",
          "a\"b",
          "~",
          "",
          "-x",
          "a\nb"
        }) {
      String command = Home.command("x", "--out", run).replaceFirst("^jobs/x", "printf '%s\\\\n'");
      assertEquals("--out\n" + run + "\n", bash(command), command);
    }
  }

  private static String bash(String command) throws IOException {
    Process process = new ProcessBuilder("bash", "-c", command).start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void namesTheScriptAsItWasCalled() {
    assertEquals("jobs/sample.sh runs/1", Home.command("sample.sh", "runs/1"));
    System.setProperty("avatarl.commands", "../my project/jobs");
    assertEquals("'../my project/jobs/sample.sh' r", Home.command("sample.sh", "r"));
    System.setProperty("avatarl.commands", ".");
    assertEquals("./sample.sh r", Home.command("sample.sh", "r"));
  }
}
