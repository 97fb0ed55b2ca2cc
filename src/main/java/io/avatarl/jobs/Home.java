package io.avatarl.jobs;

import java.util.OptionalInt;

/**
 * The project's folder on this machine, as set by {@code jobs/*.sh}; without them, the working
 * directory.
 */
public final class Home {
  private static final int DEFAULT_COLUMNS = 80;

  private Home() {}

  public static String path() {
    return System.getProperty("avatarl.home", System.getProperty("user.dir"));
  }

  /**
   * A command of {@code jobs/} that can be pasted where this one was called.
   *
   * @param script its file's name
   * @param arguments arguments, quoted for a shell if necessary
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

  /** Whether standard output is a terminal, not a file or a pipe. */
  static boolean outputIsTerminal() {
    return Boolean.getBoolean("avatarl.output.terminal");
  }

  /** Columns of the terminal that standard error goes to; empty if it is none. */
  static OptionalInt terminalColumns() {
    return Boolean.getBoolean("avatarl.terminal")
        ? OptionalInt.of(Integer.getInteger("avatarl.columns", DEFAULT_COLUMNS))
        : OptionalInt.empty();
  }
}
