package io.avatarl.tracking;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrackingConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Summary;
import io.avatarl.train.TrainingListener;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes the records of {@code RUN/metrics/} also as TensorBoard event files, {@code
 * RUN/tensorboard/}, one for each file there, since object stores cannot append. A number is the
 * scalar {@code KIND/FIELD} at its update; warnings, the configuration and the final figures are
 * there, too.
 */
public final class TensorBoardLog implements TrainingListener {
  private static final String FOLDER = "tensorboard";

  /** TensorBoard reads a folder's files in the order of their names. */
  private static final String NAME = "events.out.tfevents.";

  /** Fields that give a point's position and are not plotted. */
  private static final Set<String> AXIS = Set.of("update", "step");

  private static final Pattern STEPS = Pattern.compile("events\\.out\\.tfevents\\.(\\d+)-(\\d+)");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Storage storage;
  private final Consumer<String> warnings;
  private final List<TimedRecord> pending = new ArrayList<>();
  private String folder = "";
  private int updatesPerStep = 1;
  private EventFile file = new EventFile(System.currentTimeMillis());
  private boolean failed;

  private TensorBoardLog(Storage storage, Consumer<String> warnings) {
    this.storage = storage;
    this.warnings = warnings;
  }

  /**
   * A log for a run; empty if {@code tracking.tensorboard} is off.
   *
   * @param warnings called once if the files cannot be written; training continues
   */
  public static Optional<TensorBoardLog> of(
      TrackingConfig config, Storage storage, Consumer<String> warnings) {
    return config.tensorboard()
        ? Optional.of(new TensorBoardLog(storage, warnings))
        : Optional.empty();
  }

  @Override
  public void started(TrainingConfig config, Facts facts, long step) {
    folder = Storage.resolve(facts.output(), FOLDER);
    updatesPerStep = config.learner().updatesPerStep();
    long now = System.currentTimeMillis();
    guarded(() -> dropAfter(step));
    file.start(now, step * updatesPerStep + (step > 0 ? 1 : 0));
    if (step == 0) {
      String hocon = ConfigReader.render(config).strip().indent(4); // a block of code
      file.text(now, 0, "config", hocon);
    }
  }

  /** Deletes the files of steps that resuming repeats. */
  private void dropAfter(long step) {
    if (!storage.exists(folder)) {
      return;
    }
    for (String name : storage.list(folder)) {
      Matcher steps = STEPS.matcher(name);
      boolean later =
          steps.matches() ? Long.parseLong(steps.group(2)) > step : name.startsWith(NAME);
      if (later) {
        storage.delete(Storage.resolve(folder, name));
      }
    }
  }

  @Override
  public void recorded(ObjectNode record) {
    pending.add(TimedRecord.now(record));
  }

  @Override
  public void flushed(long firstStep, long lastStep) {
    for (TimedRecord record : pending) {
      add(record);
    }
    pending.clear();
    write(String.format("%06d-%06d", firstStep, lastStep));
  }

  private void add(TimedRecord record) {
    ObjectNode fields = record.fields();
    String kind = fields.path("kind").asText();
    long update = fields.path("update").asLong(fields.path("step").asLong() * updatesPerStep);
    fields
        .properties()
        .forEach(
            field -> {
              String tag = kind + "/" + field.getKey();
              if (field.getValue().isNumber() && !AXIS.contains(field.getKey())) {
                file.scalar(record.milliseconds(), update, tag, field.getValue().asDouble());
              } else if (field.getKey().equals("warning")) {
                file.text(record.milliseconds(), update, kind, field.getValue().asText());
              }
            });
  }

  /** The run is complete. */
  public void finished(Summary summary) {
    long now = System.currentTimeMillis();
    try {
      JSON.readTree(summary.toJson())
          .properties()
          .forEach(
              figure -> {
                if (figure.getValue().isNumber()) {
                  file.scalar(
                      now,
                      summary.updates(),
                      "summary/" + figure.getKey(),
                      figure.getValue().asDouble());
                }
              });
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    write("summary");
  }

  private void write(String name) {
    byte[] bytes = file.bytes();
    file = new EventFile(System.currentTimeMillis());
    guarded(() -> storage.writeBytes(Storage.resolve(folder, NAME + name), bytes));
  }

  /** Training continues if this second copy of its metrics cannot be written. */
  private void guarded(Runnable write) {
    if (failed) {
      return;
    }
    try {
      write.run();
    } catch (UserError | UncheckedIOException e) {
      failed = true;
      warnings.accept(
          "tracking.tensorboard: no more event files are written: "
              + e.getMessage()
              + "; the figures are in "
              + RunFiles.METRICS_FOLDER
              + "/");
    }
  }
}
