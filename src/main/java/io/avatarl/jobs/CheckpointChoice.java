package io.avatarl.jobs;

import io.avatarl.model.CheckpointFolder;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The value of {@code --checkpoint}. */
final class CheckpointChoice implements ITypeConverter<String> {
  @Override
  public String convert(String value) {
    if (value.equals(CheckpointFolder.BEST) || value.equals(CheckpointFolder.NEWEST)) {
      return value;
    }
    try {
      return Long.toString(Long.parseLong(value));
    } catch (NumberFormatException e) {
      throw new TypeConversionException("'" + value + "' is no step, nor the word best or newest");
    }
  }
}
