package io.avatarl.jobs;

import io.avatarl.config.UserError;
import io.avatarl.model.CheckpointFolder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option {@code --checkpoint} of the commands that read a run's weights. */
final class CheckpointChoice {
  private static final Pattern IN_RUN = Pattern.compile("(.+)/checkpoints/step-(\\d{1,18})/*");

  /** A run, and one of its checkpoints. */
  record OfRun(String run, String checkpoint) {}

  @Option(
      names = "--checkpoint",
      paramLabel = "STEP",
      converter = Converter.class,
      description =
          "the checkpoint after this many steps; best for the one with the lowest validation"
              + " cross-entropy during training (default: the newest)")
  private String option = CheckpointFolder.NEWEST;

  /**
   * The checkpoint that the option and a path name.
   *
   * @param path a run's folder, or that of one of its checkpoints
   */
  OfRun of(String path) {
    Matcher inside = IN_RUN.matcher(path);
    if (!inside.matches()) {
      return new OfRun(path, option);
    }
    String step = Long.toString(Long.parseLong(inside.group(2)));
    if (!option.equals(CheckpointFolder.NEWEST) && !option.equals(step)) {
      throw new UserError(
          path + " is one checkpoint, and --checkpoint " + option + " another; leave one out");
    }
    return new OfRun(inside.group(1), step);
  }

  static final class Converter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (value.equals(CheckpointFolder.BEST) || value.equals(CheckpointFolder.NEWEST)) {
        return value;
      }
      try {
        return Long.toString(Long.parseLong(value));
      } catch (NumberFormatException e) {
        throw new TypeConversionException("'" + value + "' is not a step, best or newest");
      }
    }
  }
}
