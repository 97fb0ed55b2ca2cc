package io.avatarl.jobs;

import java.util.OptionalInt;

/**
 * Where the project lies on this machine, as {@code jobs/*.sh} say; the working directory where
 * they were not used.
 */
public final class Home {
  private static final int DEFAULT_COLUMNS = 80;

  private Home() {}

  public static String path() {
    return System.getProperty("avatarl.home", System.getProperty("user.dir"));
  }

  /**
   * A command of {@code jobs/} to be pasted where this one was called.
   *
   * @param script its file's name
   * @param arguments quoted for a shell where that is needed
   */
  static String command(String script, String... arguments) {
    StringBuilder command = new StringBuilder();
    String folder = System.getProperty("avatarl.commands", "jobs");
    command.append(quoted(folder.equals(".") ? "./" + script : folder + "/" + script));
    for (String argument : arguments) {
      command.append(' ').append(quoted(argument));
    }
    return command.toString();
  }

  private static String quoted(String word) {
    return word.matches("[\\p{L}\\p{N}_@%+=:,./-]+")
        ? word
        : "'" + word.replace("'", "'\\''") + "'";
  }

  /** Whether a person watches standard output, and not a file or another program. */
  static boolean outputIsTerminal() {
    return Boolean.getBoolean("avatarl.output.terminal");
  }

  /** Columns of the terminal on which a person watches standard error; empty where none does. */
  static OptionalInt terminalColumns() {
    return Boolean.getBoolean("avatarl.terminal")
        ? OptionalInt.of(Integer.getInteger("avatarl.columns", DEFAULT_COLUMNS))
        : OptionalInt.empty();
  }
}
