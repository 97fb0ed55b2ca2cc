package io.avatarl.files;

import io.avatarl.config.UserError;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.util.Optional;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.mapreduce.JobID;
import org.apache.hadoop.mapreduce.JobStatus;
import org.apache.hadoop.mapreduce.OutputCommitter;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskID;
import org.apache.hadoop.mapreduce.TaskType;
import org.apache.hadoop.mapreduce.lib.output.FileOutputCommitter;
import org.apache.hadoop.mapreduce.lib.output.PathOutputCommitter;
import org.apache.hadoop.mapreduce.lib.output.PathOutputCommitterFactory;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;

/**
 * Hadoop's committer protocol, for file systems with a committer that does not rename: the files of
 * many tasks appear in a folder when all tasks are done, then {@code _SUCCESS}. S3A's committer
 * uploads a file when its task writes it and completes the uploads when the job commits; before
 * that, no object exists. A job that does not commit aborts its uploads.
 *
 * @param folder that the files appear in
 * @param name of S3A's committer
 * @param id unique among all commits to the folder
 */
public record Committer(String folder, String name, String id) implements Serializable {
  private static final String NAME = "fs.s3a.committer.name";
  private static final String MAGIC = "magic";
  private static final String FILE = "file";

  /**
   * The committer of a folder. On S3A it is the one in {@code fs.s3a.committer.name}, or {@code
   * magic} if that is unset and the store supports it. Empty if the only committer is the one that
   * renames ({@code file}).
   *
   * @throws UserError if the settings name a committer that Hadoop cannot create
   */
  public static Optional<Committer> of(Storage storage, String folder) {
    return storage.isObjectStore(folder)
        ? storage.at("write", folder, (files, path) -> of(folder, path, files.getConf()))
        : Optional.empty();
  }

  private static Optional<Committer> of(String folder, Path path, Configuration configuration) {
    // Only the source of the value distinguishes Hadoop's own default from a user's choice.
    String[] sources = configuration.getPropertySources(NAME);
    boolean named = sources != null && !sources[sources.length - 1].equals("core-default.xml");
    String name = named ? configuration.getTrimmed(NAME) : MAGIC;
    if (name.equals(FILE)) {
      return Optional.empty();
    }
    Committer committer = new Committer(folder, name, UUID.randomUUID().toString());
    try {
      OutputCommitter delegate = committer.delegate(path, committer.context(configuration, 0, 0));
      return delegate instanceof FileOutputCommitter ? Optional.empty() : Optional.of(committer);
    } catch (IOException | RuntimeException e) {
      if (named) {
        throw new UserError(
            NAME
                + " = "
                + name
                + ": "
                + e.getMessage()
                + "; name another (magic, directory), or file for none",
            e);
      }
      return Optional.empty();
    }
  }

  /** Called on the driver before any task writes. */
  public void begin(Storage storage) {
    with(storage, 0, 0, OutputCommitter::setupJob);
  }

  /**
   * Called in a task: writes a whole file, which appears at {@link #commit} if this attempt
   * committed. An attempt that fails or is interrupted leaves nothing.
   *
   * @param attempt unique among the attempts at the task
   * @param step commits the attempt; throws if another attempt was given the right to
   */
  public void write(Storage storage, int task, int attempt, String name, byte[] bytes, Step step) {
    with(
        storage,
        task,
        attempt,
        (delegate, context) -> {
          try {
            delegate.setupTask(context);
            Path file = new Path(((PathOutputCommitter) delegate).getWorkPath(), name);
            try (OutputStream out =
                file.getFileSystem(context.getConfiguration()).create(file, true)) {
              out.write(bytes);
            }
            step.apply(delegate, context);
          } catch (Throwable t) { // Spark's denial is a checked exception.
            try {
              uninterrupted(OutputCommitter::abortTask).apply(delegate, context);
            } catch (IOException e) {
              t.addSuppressed(e);
            }
            throw t;
          }
        });
  }

  /** Called on the driver when all tasks have committed. Aborts the uploads of other attempts. */
  public void commit(Storage storage) {
    with(storage, 0, 0, OutputCommitter::commitJob);
  }

  /** Called on the driver instead of {@link #commit}: removes everything that the job wrote. */
  public void abort(Storage storage) {
    with(
        storage,
        0,
        0,
        uninterrupted((delegate, context) -> delegate.abortJob(context, JobStatus.State.FAILED)));
  }

  /** An interrupted thread cannot make requests to the store. */
  private static Step uninterrupted(Step step) {
    return (delegate, context) -> {
      boolean interrupted = Thread.interrupted();
      try {
        step.apply(delegate, context);
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    };
  }

  /** A step of Hadoop's protocol. */
  public interface Step {
    /** Runs the step. */
    void apply(OutputCommitter committer, TaskAttemptContext context) throws IOException;
  }

  private void with(Storage storage, int task, int attempt, Step step) {
    storage.at(
        "write",
        folder,
        (files, path) -> {
          TaskAttemptContext context = context(files.getConf(), task, attempt);
          step.apply(delegate(path, context), context);
          return null;
        });
  }

  private TaskAttemptContext context(Configuration base, int task, int attempt) {
    Configuration configuration = new Configuration(base);
    configuration.set(NAME, name);
    configuration.set("fs.s3a.committer.uuid", id);
    // The folder's readers look for it.
    configuration.setBoolean(FileOutputCommitter.SUCCESSFUL_JOB_OUTPUT_DIR_MARKER, true);
    // The folder is this job's alone.
    configuration.setBoolean("fs.s3a.committer.abort.pending.uploads", true);
    // Staging committers would add a unique suffix to each name.
    configuration.set("fs.s3a.committer.staging.unique-filenames", "false");
    return new TaskAttemptContextImpl(
        configuration,
        new TaskAttemptID(new TaskID(new JobID("avatarl", 0), TaskType.MAP, task), attempt));
  }

  private PathOutputCommitter delegate(Path path, TaskAttemptContext context) throws IOException {
    return PathOutputCommitterFactory.getCommitterFactory(path, context.getConfiguration())
        .createOutputCommitter(path, context);
  }
}
