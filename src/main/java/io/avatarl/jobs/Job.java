package io.avatarl.jobs;

import io.avatarl.config.UserError;
import java.util.concurrent.Callable;
import picocli.CommandLine;

/**
 * What all commands share: parsing, exit codes (0 done, 2 the user's input was wrong, 1 anything
 * else), errors in one line.
 */
final class Job {
  private static final int USER_ERROR = 2;

  private Job() {}

  /**
   * Runs a picocli command; ends the JVM where it failed, and returns where it did not (as cluster
   * managers expect).
   */
  static void main(Callable<Integer> command, String[] args) {
    int code = run(command, args);
    if (code != 0) {
      System.exit(code);
    }
  }

  static int run(Callable<Integer> command, String[] args) {
    return new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(
            (e, arguments) -> {
              e.getCommandLine()
                  .getErr()
                  .println("error: " + e.getMessage() + " (--help shows the options)");
              return USER_ERROR;
            })
        .setExecutionExceptionHandler(
            (e, commandLine, parsed) -> {
              for (Throwable t = e; t != null; t = t.getCause()) {
                if (t instanceof UserError) {
                  commandLine.getErr().println("error: " + t.getMessage());
                  return USER_ERROR;
                }
              }
              throw e;
            })
        .execute(args);
  }
}
