package io.avatarl.jobs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import java.io.PrintStream;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes the report of one or more runs; see {@code jobs/report.sh --help}. */
@Command(
    name = "jobs/report.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Writes one self-contained HTML page about a run, or draws its learning curve. Several"
            + " runs, or those of a comparison (jobs/compare.sh), share the charts. For a run"
            + " that still trains, name a file outside its folder with --html.")
public final class ReportJob implements Callable<Integer> {
  @Parameters(paramLabel = "RUN", arity = "1..*", description = "folders of runs or comparisons")
  private List<String> runs;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description =
          "the page (default: report.html in the folder; for several folders, comparison.html in"
              + " the first one)")
  private String html;

  @Option(
      names = "--svg",
      paramLabel = "FILE",
      description =
          "draws the learning curves, with n-gram tables and yardsticks as lines, into this file;"
              + " the page is then only written if --html is given, too")
  private String svg;

  @Option(
      names = "--over",
      paramLabel = "WHAT",
      description =
          "what --svg draws the curves over: updates (default) | actions (scored ones, as a"
              + " logarithm; of finished runs)")
  private LearningCurve.Axis over;

  private final PrintStream out;

  ReportJob(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    Job.main(new ReportJob(System.out), args);
  }

  @Override
  public Integer call() {
    if (over != null && svg == null) {
      throw new UserError("--over: says what --svg draws the curves over; add --svg FILE");
    }
    Storage storage = Job.storage();
    ObjectNode data = ReportPage.data(storage, runs);
    long leftOut = data.path("left_out").asLong();
    if (leftOut > 0) {
      out.printf(
          "%d runs: the %d with the lowest val_ce are shown; name fewer to choose others%n",
          leftOut + ReportPage.MOST, ReportPage.MOST);
    }
    if (svg != null) {
      write(
          storage, svg, LearningCurve.svg(data, over == null ? LearningCurve.Axis.UPDATES : over));
      out.println("learning curve " + svg);
    }
    if (html != null || svg == null) {
      String file =
          html != null
              ? html
              : Storage.resolve(
                  runs.get(0), runs.size() == 1 ? RunFiles.REPORT : RunFiles.COMPARISON);
      write(storage, file, ReportPage.html(data));
      out.println("report " + file);
    }
    return 0;
  }

  /** Writes into a run's folder only if no other process does. */
  private static void write(Storage storage, String file, String text) {
    String parent = HadoopPath.parent(file);
    String folder = parent.isEmpty() ? "." : parent;
    if (Runs.exists(storage, folder)) {
      Runs.whileClaimed(
          storage,
          folder,
          "name a place outside it with --html",
          () -> storage.writeString(file, text));
    } else {
      storage.writeString(file, text);
    }
  }
}
