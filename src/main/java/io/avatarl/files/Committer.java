package io.avatarl.files;

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
 * Files of many tasks that appear in a folder together, and {@code _SUCCESS} with them: Hadoop's
 * committer protocol, where a file system has a committer that does not rename. S3A's uploads each
 * file when its task writes it, and completes the uploads when the job commits; until then there is
 * no object, and no upload is left if it never does.
 *
 * @param folder that the files appear in
 * @param name of S3A's committer
 * @param id of this filling of the folder, apart from all others
 */
public record Committer(String folder, String name, String id) implements Serializable {
  private static final String NAME = "fs.s3a.committer.name";
  private static final String MAGIC = "magic";

  /**
   * The committer of a folder; empty where its file system has none but the one that renames. S3A's
   * is what {@code fs.s3a.committer.name} says: {@code magic} where nobody set it, none for {@code
   * file}.
   */
  public static Optional<Committer> of(Storage storage, String folder) {
    return storage.isObjectStore(folder)
        ? storage.at(
            "write",
            folder,
            (files, path) -> {
              Committer committer =
                  new Committer(folder, name(files.getConf()), UUID.randomUUID().toString());
              boolean renames =
                  committer.delegate(path, committer.context(files.getConf(), 0, 0))
                      instanceof FileOutputCommitter;
              return renames ? Optional.empty() : Optional.of(committer);
            })
        : Optional.empty();
  }

  /** Hadoop's own default is {@code file}; it is told from a user's by where it was read. */
  private static String name(Configuration configuration) {
    String[] sources = configuration.getPropertySources(NAME);
    boolean unset = sources == null || sources[sources.length - 1].equals("core-default.xml");
    return unset ? MAGIC : configuration.get(NAME);
  }

  /** On the driver, before any task writes. */
  public void begin(Storage storage) {
    with(storage, 0, 0, OutputCommitter::setupJob);
  }

  /**
   * In a task: writes a whole file, which {@link #commit} makes appear if this attempt commits.
   *
   * @param attempt unique among the attempts at the task
   * @param step commits the attempt; where another attempt has that right, aborts it and throws
   */
  public void write(Storage storage, int task, int attempt, String name, byte[] bytes, Step step) {
    with(
        storage,
        task,
        attempt,
        (delegate, context) -> {
          delegate.setupTask(context);
          Path file = new Path(((PathOutputCommitter) delegate).getWorkPath(), name);
          try (OutputStream out =
              file.getFileSystem(context.getConfiguration()).create(file, true)) {
            out.write(bytes);
          }
          step.apply(delegate, context);
        });
  }

  /** On the driver, when all tasks have committed. Uploads of attempts that did not are aborted. */
  public void commit(Storage storage) {
    with(storage, 0, 0, OutputCommitter::commitJob);
  }

  /** On the driver, instead of committing: nothing of the job is left. */
  public void abort(Storage storage) {
    with(storage, 0, 0, (delegate, context) -> delegate.abortJob(context, JobStatus.State.FAILED));
  }

  /** A step of Hadoop's protocol. */
  public interface Step {
    /** Takes it. */
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
    // The staging ones would add a part to each name, for folders that already have files.
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
