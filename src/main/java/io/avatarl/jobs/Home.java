package io.avatarl.jobs;

/**
 * Where the project lies on this machine, as {@code jobs/*.sh} say; the working directory where
 * they were not used.
 */
final class Home {
  private Home() {}

  static String path() {
    return System.getProperty("avatarl.home", System.getProperty("user.dir"));
  }

  /** Whether a person watches standard error. */
  static boolean terminal() {
    return Boolean.getBoolean("avatarl.terminal");
  }
}
