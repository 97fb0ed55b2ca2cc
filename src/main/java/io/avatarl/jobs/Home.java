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

  /** Columns of the terminal on which a person watches standard error; empty where none does. */
  static OptionalInt terminalColumns() {
    return Boolean.getBoolean("avatarl.terminal")
        ? OptionalInt.of(Integer.getInteger("avatarl.columns", DEFAULT_COLUMNS))
        : OptionalInt.empty();
  }
}
