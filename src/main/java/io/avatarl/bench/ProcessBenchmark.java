package io.avatarl.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A benchmark in its own process. The process prints {@value #READY}, then answers each line on its
 * standard input (a number of seconds) with {@value #LAP} and a {@link Measurement} as JSON. It is
 * idle in between and ends with its input.
 */
public final class ProcessBenchmark implements Benchmark {
  public static final String READY = "ready";
  public static final String LAP = "lap ";

  private static final int END_SECONDS = 60;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process process;
  private final Path log;
  private final BufferedWriter input;
  private final BufferedReader output;
  private boolean ready;

  /**
   * Starts the process without waiting until it is ready.
   *
   * @param log gets its standard error
   */
  public ProcessBenchmark(ProcessBuilder builder, Path log) throws IOException {
    this.process = builder.redirectError(log.toFile()).start();
    this.log = log;
    this.input = process.outputWriter();
    this.output = process.inputReader();
  }

  /** The process's side: runs a benchmark for the process that started this one. */
  public static void serve(Benchmark part, BufferedReader asked, PrintStream answers)
      throws IOException {
    answers.println(READY);
    for (String line = asked.readLine(); line != null; line = asked.readLine()) {
      answers.println(LAP + JSON.writeValueAsString(part.run(Double.parseDouble(line))));
    }
  }

  @Override
  public Measurement run(double seconds) {
    try {
      if (!ready) {
        await(READY);
        ready = true;
      }
      input.write(seconds + "\n");
      input.flush();
      return JSON.readValue(await(LAP), Measurement.class);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** The rest of the next line with this prefix; skips other lines, which come from libraries. */
  private String await(String start) throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      if (line.startsWith(start)) {
        return line.substring(start.length());
      }
    }
    throw failed(null);
  }

  private IllegalStateException failed(IOException cause) {
    return new IllegalStateException("a measured process ended; its log is " + log, cause);
  }

  @Override
  public void close() {
    try {
      input.close();
      if (process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        return;
      }
    } catch (IOException e) {
      // It has already ended.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
