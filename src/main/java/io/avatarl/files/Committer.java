package io.avatarl.files;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.mapreduce.JobID;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskID;
import org.apache.hadoop.mapreduce.TaskType;
import org.apache.hadoop.mapreduce.lib.output.FileOutputCommitter;
import org.apache.hadoop.mapreduce.lib.output.PathOutputCommitter;
import org.apache.hadoop.mapreduce.lib.output.PathOutputCommitterFactory;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;

/**
 * Files of many tasks that appear in a folder all at once, and {@code _SUCCESS} with them: Hadoop's
 * committer protocol, where a file system brings a committer of its own. S3A's (its magic one,
 * unless {@code fs.s3a.committer.name} says otherwise) uploads each file when its task writes it,
 * and completes the uploads when the job commits.
 */
public final class Committer {
  private static final String S3A_COMMITTER = "fs.s3a.committer.name";

  private final Storage storage;
  private final String folder;
  private final int job;

  private Committer(Storage storage, String folder, int job) {
    this.storage = storage;
    this.folder = folder;
    this.job = job;
  }

  /**
   * The committer of a folder; empty where its file system has none that is better than renaming.
   *
   * @param job distinguishes this filling of the folder from others of the program
   */
  public static Optional<Committer> of(Storage storage, String folder, int job) {
    Committer committer = new Committer(storage, folder, job);
    boolean own =
        storage.isObjectStore(folder)
            && committer.with(
                0, 0, (files, delegate, context) -> !(delegate instanceof FileOutputCommitter));
    return own ? Optional.of(committer) : Optional.empty();
  }

  /** On the driver, before any task writes. */
  public void begin() {
    with(
        0,
        0,
        (files, delegate, context) -> {
          delegate.setupJob(context);
          return null;
        });
  }

  /**
   * In a task: writes a whole file, which {@link #commit} makes appear. Of several attempts at a
   * task the last one's files do.
   *
   * @param attempt unique among the attempts at the task
   */
  public void write(int task, int attempt, String name, byte[] bytes) {
    with(
        task,
        attempt,
        (files, delegate, context) -> {
          delegate.setupTask(context);
          try (OutputStream out = files.create(new Path(delegate.getWorkPath(), name), true)) {
            out.write(bytes);
          }
          delegate.commitTask(context);
          return null;
        });
  }

  /** On the driver, when all tasks have written. Uploads that no task committed are aborted. */
  public void commit() {
    with(
        0,
        0,
        (files, delegate, context) -> {
          delegate.commitJob(context);
          return null;
        });
  }

  private interface Action<T> {
    T apply(FileSystem files, PathOutputCommitter delegate, TaskAttemptContext context)
        throws IOException;
  }

  private <T> T with(int task, int attempt, Action<T> action) {
    return storage.at(
        "write",
        folder,
        (files, path) -> {
          Configuration configuration = new Configuration(files.getConf());
          configuration.setIfUnset(S3A_COMMITTER, "magic");
          TaskAttemptContext context =
              new TaskAttemptContextImpl(
                  configuration,
                  new TaskAttemptID(
                      new TaskID(new JobID("avatarl", job), TaskType.MAP, task), attempt));
          return action.apply(
              files,
              PathOutputCommitterFactory.getCommitterFactory(path, configuration)
                  .createOutputCommitter(path, context),
              context);
        });
  }
}
