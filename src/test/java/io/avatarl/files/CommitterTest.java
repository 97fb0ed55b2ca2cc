package io.avatarl.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.avatarl.S3Server;
import io.avatarl.config.UserError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.mapreduce.OutputCommitter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** S3A's committers, against a server. */
@EnabledIf("io.avatarl.S3Server#clientIsHere")
class CommitterTest {
  private static final String MAGIC = "magic";
  private static final String NAME = "fs.s3a.committer.name";

  private static S3Server server;
  private String folder;

  @BeforeAll
  static void start() throws Exception {
    server = new S3Server();
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
  }

  @BeforeEach
  void name(TestInfo test) {
    folder = "s3a://" + S3Server.BUCKET + "/" + test.getDisplayName().replaceAll("\\W", "");
  }

  private static Storage storage(String... settings) {
    Configuration configuration = server.client();
    configuration.set("fs.s3a.impl.disable.cache", "true");
    for (int i = 0; i < settings.length; i += 2) {
      configuration.set(settings[i], settings[i + 1]);
    }
    return new Storage(configuration);
  }

  private Committer begun(Storage storage) {
    Committer committer = Committer.of(storage, folder).orElseThrow();
    committer.begin(storage);
    return committer;
  }

  private void write(Committer committer, Storage storage, int task, int attempt, String text) {
    committer.write(
        storage, task, attempt, "part-" + task, text.getBytes(UTF_8), OutputCommitter::commitTask);
  }

  /** What {@code spark.read} would find. */
  private static List<String> visible(Storage storage, String folder) {
    return storage.exists(folder)
        ? storage.list(folder).stream().filter(name -> !name.startsWith("_")).sorted().toList()
        : List.of();
  }

  @ParameterizedTest
  @ValueSource(strings = {MAGIC, "directory"})
  void filesAppearTogetherAndNothingElseIsLeft(String name) {
    Storage storage = storage(NAME, name);
    Committer committer = begun(storage);
    write(committer, storage, 0, 0, "zero");
    write(committer, storage, 1, 1, "one");
    // Lost after it committed: Spark makes another attempt at the task.
    write(committer, storage, 1, 2, "one again");
    // Lost before it committed.
    committer.write(storage, 2, 3, "part-2", "lost".getBytes(UTF_8), (delegate, context) -> {});
    write(committer, storage, 2, 4, "two");
    assertEquals(List.of(), visible(storage, folder));
    committer.commit(storage);
    assertEquals(List.of("part-0", "part-1", "part-2"), visible(storage, folder));
    assertEquals("zero", storage.readString(folder + "/part-0"));
    assertEquals("one again", storage.readString(folder + "/part-1"));
    assertEquals("two", storage.readString(folder + "/part-2"));
    String success = storage.readString(folder + "/_SUCCESS");
    assertThat(success).contains("\"committer\":\"" + name + "\"");
    assertEquals(List.of(), server.uploads());
    assertEquals(4, storage.list(folder).size(), storage.list(folder).toString());
  }

  @Test
  void anAttemptThatMayNotCommitFails() {
    Storage storage = storage();
    Committer committer = begun(storage);
    assertThrows(
        UncheckedIOException.class,
        () ->
            committer.write(
                storage,
                0,
                0,
                "part-0",
                "late".getBytes(UTF_8),
                (delegate, context) -> {
                  delegate.abortTask(context);
                  throw new IOException("denied");
                }));
    assertEquals(List.of(), server.uploads());
    write(committer, storage, 0, 1, "in time");
    committer.commit(storage);
    assertEquals("in time", storage.readString(folder + "/part-0"));
  }

  @Test
  void anAbortedJobLeavesNothing() {
    Storage storage = storage();
    Committer committer = begun(storage);
    write(committer, storage, 0, 0, "zero");
    committer.write(storage, 1, 1, "part-1", "one".getBytes(UTF_8), (delegate, context) -> {});
    assertEquals(2, server.uploads().size());
    committer.abort(storage);
    assertEquals(List.of(), server.uploads());
    assertEquals(List.of(), visible(storage, folder));
    assertFalse(storage.exists(folder + "/_SUCCESS"));
  }

  /** What a killed program left is aborted by the next one that fills the folder. */
  @Test
  void aFolderFilledAgainHasTheNewFilesAlone() {
    Storage storage = storage();
    Committer killed = begun(storage);
    write(killed, storage, 0, 0, "old");
    write(killed, storage, 1, 1, "old");
    storage.delete(folder);
    Committer committer = begun(storage);
    write(committer, storage, 0, 0, "new");
    // Of the killed program, on an executor that has not heard of it.
    write(killed, storage, 2, 2, "old");
    committer.commit(storage);
    assertEquals(List.of("part-0"), visible(storage, folder));
    assertEquals("new", storage.readString(folder + "/part-0"));
    assertEquals(List.of(), server.uploads());
  }

  private void assertRefused(String name, Storage storage) {
    String message =
        assertThrows(UserError.class, () -> Committer.of(storage, folder)).getMessage();
    assertThat(message).startsWith(NAME + " = " + name + ": ");
    assertThat(message).endsWith("; name another (magic, directory), or file for none");
  }

  /** Settings of other programs' jobs do not change what ours leave. */
  @Test
  void theFolderIsMarkedAndCleanedWhateverIsSet() {
    Storage storage =
        storage(
            "mapreduce.fileoutputcommitter.marksuccessfuljobs", "false",
            "fs.s3a.committer.abort.pending.uploads", "false");
    Committer committer = begun(storage);
    write(committer, storage, 0, 0, "zero");
    write(committer, storage, 0, 1, "zero");
    committer.commit(storage);
    assertTrue(storage.exists(folder + "/_SUCCESS"));
    assertEquals(List.of(), server.uploads());
  }

  @Test
  void anInterruptedAttemptAndAnInterruptedAbortLeaveNothing() {
    Storage storage = storage();
    Committer committer = begun(storage);
    write(committer, storage, 0, 0, "zero");
    try {
      committer.write(
          storage,
          1,
          1,
          "part-1",
          new byte[1],
          (delegate, context) -> {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("killed");
          });
      fail();
    } catch (IllegalStateException e) {
      assertTrue(Thread.currentThread().isInterrupted());
      assertEquals(1, server.uploads().size());
    }
    committer.abort(storage);
    assertTrue(Thread.interrupted());
    assertEquals(List.of(), server.uploads());
  }

  @Test
  void theMagicOneUnlessTheUserSaysOtherwise() {
    assertEquals(MAGIC, Committer.of(storage(), folder).orElseThrow().name());
    assertEquals(
        "directory", Committer.of(storage(NAME, "directory"), folder).orElseThrow().name());
    assertEquals(
        "directory",
        Committer.of(
                storage("fs.s3a.bucket." + S3Server.BUCKET + ".committer.name", "directory"),
                folder)
            .orElseThrow()
            .name());
    assertEquals(Optional.empty(), Committer.of(storage(NAME, "file"), folder));
    // A store that has none, unless one was asked for.
    String magic = "fs.s3a.committer.magic.enabled";
    assertEquals(Optional.empty(), Committer.of(storage(magic, "false"), folder));
    String uploads = "fs.s3a.multipart.uploads.enabled";
    assertEquals(Optional.empty(), Committer.of(storage(uploads, "false"), folder));
    String factory = "mapreduce.outputcommitter.factory.scheme.s3a";
    assertEquals(Optional.empty(), Committer.of(storage(factory, "not.Here"), folder));
    assertRefused("magick", storage(NAME, "magick"));
    assertRefused(MAGIC, storage(NAME, MAGIC, uploads, "false"));
    assertEquals(Optional.empty(), Committer.of(storage(), "target/committer"));
  }
}
