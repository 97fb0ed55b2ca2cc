package io.avatarl.jobs.maintenance;

import java.util.List;
import picocli.CommandLine.Option;

/** What is trained by a command that looks at training and not at the model. */
final class PresetOptions {
  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      description = "what is trained (default: ${DEFAULT-VALUE})")
  String preset = "smoke";

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "overrides a key of the preset")
  List<String> overrides = List.of();

  @Option(names = "--corpus", paramLabel = "FILE|URI", description = "as for jobs/train.sh")
  String corpus;
}
