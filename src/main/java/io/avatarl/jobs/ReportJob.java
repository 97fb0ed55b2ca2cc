package io.avatarl.jobs;

import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
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
        "Writes one self-contained HTML page about a run, even while it trains, or draws its"
            + " learning curve. Several runs, or those of a comparison (jobs/compare.sh), share"
            + " the charts.")
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

  private final PrintStream out;

  ReportJob(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    Job.main(new ReportJob(System.out), args);
  }

  @Override
  public Integer call() {
    Storage storage = Job.storage();
    if (svg != null) {
      storage.writeString(svg, LearningCurve.svg(ReportPage.data(storage, runs)));
      out.println("learning curve " + svg);
    }
    if (html != null || svg == null) {
      String file =
          html != null
              ? html
              : Storage.resolve(
                  runs.get(0), runs.size() == 1 ? RunFiles.REPORT : RunFiles.COMPARISON);
      ReportPage.write(storage, runs, file);
      out.println("report " + file);
    }
    return 0;
  }
}
