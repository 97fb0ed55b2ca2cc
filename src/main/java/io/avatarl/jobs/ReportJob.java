package io.avatarl.jobs;

import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes the report of one run or several; see {@code jobs/report.sh --help}. */
@Command(
    name = "jobs/report.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Writes one self-contained HTML page about a run, also one that still trains; several runs are laid over"
            + " each other.")
public final class ReportJob implements Callable<Integer> {
  @Parameters(paramLabel = "RUN", arity = "1..*", description = "folders of runs")
  private List<String> runs;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description =
          "the page (default: report.html in the run's folder; for several, comparison.html in the first one's)")
  private String html;

  public static void main(String[] args) {
    Job.main(new ReportJob(), args);
  }

  @Override
  public Integer call() {
    String file =
        html != null
            ? html
            : Storage.resolve(
                runs.get(0), runs.size() == 1 ? RunFiles.REPORT : RunFiles.COMPARISON);
    ReportPage.write(new Storage(new Configuration()), runs, file);
    System.out.println("report " + file);
    return 0;
  }
}
