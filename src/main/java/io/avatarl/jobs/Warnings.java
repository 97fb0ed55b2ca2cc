package io.avatarl.jobs;

import java.io.PrintStream;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/** Prints each warning once, however often the same configuration is read. */
public final class Warnings implements Consumer<String> {
  private final PrintStream err;
  private final Set<String> given = new HashSet<>();

  public Warnings(PrintStream err) {
    this.err = err;
  }

  @Override
  public void accept(String warning) {
    if (given.add(warning)) {
      err.println("WARNING: " + Terminal.harmless(warning));
    }
  }
}
