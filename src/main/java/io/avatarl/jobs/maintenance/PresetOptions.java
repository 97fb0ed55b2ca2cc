package io.avatarl.jobs.maintenance;

import java.util.List;
import picocli.CommandLine.Option;

/** Options of a command that measures training, for what to train. */
final class PresetOptions {
  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      description = "the preset to train (default: ${DEFAULT-VALUE})")
  String preset = "smoke";

  @Option(names = "--set", paramLabel = "KEY=VALUE", description = "overrides a key of the preset")
  List<String> overrides = List.of();

  @Option(names = "--corpus", paramLabel = "FILE|URI", description = "as for jobs/train.sh")
  String corpus;
}
