package io.avatarl.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.concurrent.Callable;

/** A command's exit code and what it wrote. */
public record CommandResult(int code, String out, String err) {
  /** Makes a command that writes to these streams. */
  public interface Command {
    Callable<Integer> on(PrintStream out, PrintStream err);
  }

  public static CommandResult train(String... arguments) {
    return of(TrainJob::new, arguments);
  }

  public static CommandResult evaluate(String... arguments) {
    return of(EvaluateJob::new, arguments);
  }

  static CommandResult sample(String... arguments) {
    return of((out, err) -> new SampleJob(out), arguments);
  }

  static CommandResult rollouts(String... arguments) {
    return of((out, err) -> new RolloutsJob(out), arguments);
  }

  static CommandResult report(String... arguments) {
    return of((out, err) -> new ReportJob(out), arguments);
  }

  static CommandResult export(String... arguments) {
    return of((out, err) -> new ExportJob(out), arguments);
  }

  static CommandResult compare(String... arguments) {
    return of(CompareJob::new, arguments);
  }

  public static CommandResult of(Command command, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream outStream = new PrintStream(out, true, UTF_8);
    PrintStream errStream = new PrintStream(err, true, UTF_8);
    int code = Job.run(command.on(outStream, errStream), outStream, errStream, arguments);
    return new CommandResult(code, out.toString(UTF_8), err.toString(UTF_8));
  }

  public CommandResult succeeds() {
    assertEquals(0, code, err);
    return this;
  }

  /** Exit code 2, nothing on standard output, and one line that holds all of these. */
  public void refuses(String... parts) {
    assertEquals(2, code, err);
    assertEquals("", out);
    assertEquals(1, err.lines().count(), err);
    assertThat(err).startsWith("error: ");
    for (String part : parts) {
      assertTrue(err.contains(part), () -> "\"" + part + "\" is not in: " + err);
    }
  }
}
