package io.avatarl.jobs;

import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import io.avatarl.spark.rollout.Devices;
import io.avatarl.spark.transport.ExecutorWatch;
import io.avatarl.spark.transport.JobThread;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
import scala.Option;

/**
 * What all commands share: parsing, exit codes (0 done, 2 the user's input was wrong, 1 anything
 * else), errors in one line, and Spark sessions.
 */
public final class Job {
  private static final int USER_ERROR = 2;
  private static final int FAILURE = 1;

  private Job() {}

  /**
   * Runs a picocli command. Ends the JVM if it failed, and returns if it did not (as cluster
   * managers expect).
   */
  public static void main(Callable<Integer> command, String[] args) {
    Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught(e));
    LateFutures.hide();
    guarded(
        () -> {
          int code = run(command, System.out, System.err, args);
          if (code != 0) {
            System.exit(code);
          }
        },
        args);
  }

  /**
   * Runs a main method. If something fails before its command, the JVM ends with a one-line error.
   */
  static void guarded(Runnable main, String... args) {
    try {
      requireReadable(args);
      requireLogin();
      main.run();
    } catch (
        Throwable e) { // includes the JVM's own errors: nothing else would print them as one line
      System.exit(submitFailed(e, System.err));
    }
  }

  /**
   * Handles a thread's death. If one of Spark's own threads runs out of memory, the driver would
   * wait forever for jobs that no thread runs any more.
   */
  private static void uncaught(Throwable e) {
    if (e instanceof OutOfMemoryError) {
      try {
        System.err.println("error: " + oneLine(foreseen(e).orElseThrow().getMessage()));
      } finally {
        // Not exit: its hook waits for a checkpoint after the current step, which may never end.
        Runtime.getRuntime().halt(FAILURE);
      }
    }
    e.printStackTrace();
  }

  /**
   * Refuses arguments that the JVM could not decode: it replaces characters that its locale lacks
   * by U+FFFD, so the argument is lost.
   */
  static void requireReadable(String... args) {
    for (String argument : args) {
      if (argument.indexOf('\ufffd') >= 0 && !HadoopPath.namesAreUnicode()) {
        throw new UserError(
            "the argument \""
                + argument
                + "\" could not be decoded: in this locale ("
                + System.getProperty("sun.jnu.encoding")
                + ") the JVM lacks some of its characters; set LC_ALL=C.UTF-8 in the environment");
      }
    }
  }

  /**
   * Logs in a user without a name on this system ({@code docker run -u 12345}), with whom Hadoop
   * fails.
   */
  static void requireLogin() {
    if ("?".equals(System.getProperty("user.name"))) {
      String given = System.getenv("HADOOP_USER_NAME");
      String name = given != null ? given : System.getenv("SPARK_USER");
      UserGroupInformation.setLoginUser(
          UserGroupInformation.createRemoteUser(name != null ? name : "avatarl"));
    }
  }

  /** Prints in one line why nothing was started; returns the exit code. */
  private static int submitFailed(Throwable e, PrintStream err) {
    if (e instanceof OutOfMemoryError) {
      err.println("error: " + oneLine(foreseen(e).orElseThrow().getMessage()));
      return FAILURE;
    }
    Throwable root = e;
    while (root.getCause() != null && !(root instanceof UserError)) {
      root = root.getCause();
    }
    String says = root.getMessage() == null ? root.toString() : root.getMessage();
    err.println("error: " + oneLine(says));
    return USER_ERROR;
  }

  public static int run(
      Callable<Integer> command, PrintStream out, PrintStream err, String... args) {
    CommandLine commandLine = new CommandLine(command);
    // --help or --version; the version is that of the clone or the jar.
    commandLine.getCommandSpec().remove(commandLine.getCommandSpec().findOption("--version"));
    commandLine
        .setOut(writer(out))
        .setErr(writer(err))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpWidth(100)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler(
            (e, arguments) -> {
              err.println("error: " + oneLine(e.getMessage()) + " (--help shows the options)");
              return USER_ERROR;
            })
        .setExecutionExceptionHandler(
            (e, ignored, parsed) -> {
              Optional<UserError> mistake = UserError.in(e);
              if (mistake.isPresent()) {
                err.println("error: " + oneLine(mistake.get().getMessage()));
                return USER_ERROR;
              }
              // While the JVM ends, running work fails because Spark stops; do not report that.
              if (!ShutdownHookManager.get().isShutdownInProgress()) {
                Optional<Failure> foreseen = foreseen(e);
                if (foreseen.isPresent()) {
                  err.println("error: " + oneLine(foreseen.get().getMessage()));
                } else {
                  e.printStackTrace(err);
                }
              }
              return FAILURE;
            });
    try {
      return commandLine.execute(args);
    } catch (OutOfMemoryError e) {
      err.println("error: " + oneLine(foreseen(e).orElseThrow().getMessage()));
      return FAILURE;
    }
  }

  private static Optional<Failure> foreseen(Throwable e) {
    return JobThread.failure(e).or(() -> Failure.of(e, "on the driver", Failure.DRIVER_HEAP));
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  private static String oneLine(String message) {
    return Terminal.harmless(String.valueOf(message).replaceAll("\\s*\\R\\s*", " "));
  }

  /**
   * The file systems as configured by Spark's settings ({@code spark.hadoop.*}), without starting
   * Spark.
   */
  public static Storage storage() {
    Option<SparkContext> running = SparkContext$.MODULE$.getActive();
    return new Storage(
        running.isDefined()
            ? running.get().hadoopConfiguration()
            : SparkHadoopUtil.get().newConfiguration(new SparkConf()));
  }

  /**
   * A Spark session for a command. A running session (a notebook's, a platform's) is used and left
   * running; our own session ends with the command.
   */
  public record Session(SparkSession spark, boolean ours, ExecutorWatch watch)
      implements AutoCloseable {
    private static final String NO_CONNECT =
        "Spark Connect (also serverless compute, Databricks Connect) has no RDDs and no access to"
            + " the JVM, which this needs: use a classic session (on a cluster with --master, on"
            + " Databricks on a dedicated cluster)";

    private static final String RESULTS = "spark.driver.maxResultSize";
    private static final String SERIALIZER = "spark.serializer";
    private static final String WAREHOUSE = "spark.sql.warehouse.dir";

    /** Whether the user asks for Spark Connect, by any of Spark's settings for it. */
    static boolean isConnect(SparkConf conf, Map<String, String> environment) {
      return conf.contains("spark.remote")
          || conf.get("spark.api.mode", "").equalsIgnoreCase("connect")
          || !environment.getOrDefault("SPARK_REMOTE", "").isEmpty();
    }

    /**
     * The context of an existing session.
     *
     * @throws UserError if it has none
     */
    static SparkContext context(SparkSession spark) {
      try {
        return spark.sparkContext();
      } catch (UnsupportedOperationException e) {
        throw new UserError(NO_CONNECT, e);
      }
    }

    public static Session open(String application) {
      return open(application, Map.of());
    }

    /**
     * @param settings of a session of our own
     */
    public static Session open(String application, Map<String, Object> settings) {
      SparkSession.Builder builder = SparkSession.builder();
      if (SparkContext$.MODULE$.getActive().isDefined()) {
        return new Session(builder.getOrCreate(), false);
      }
      SparkConf asked = new SparkConf();
      if (isConnect(asked, System.getenv())) {
        throw new UserError(NO_CONNECT);
      }
      LocalFolders.requireScratch(asked);
      // A round's results are its groups or gradients, which may exceed Spark's limit of 1 GB.
      builder.config(RESULTS, asked.get(RESULTS, "0"));
      if (!asked.contains(WAREHOUSE)) {
        // Spark would create its warehouse folder in the working directory when it looks up a
        // table.
        builder.config(WAREHOUSE, LocalFolders.warehouse().toUri().toString());
      }
      if (asked.get(SERIALIZER, "").equals(KryoSerializer.class.getName()) && !hasBreeze()) {
        // Kryo needs Spark's linear algebra, which the project's own Spark does not have.
        System.err.println(
            "WARNING: "
                + SERIALIZER
                + " = Kryo is ignored: this Spark lacks Breeze, which Kryo needs; no command here"
                + " depends on it");
        builder.config(SERIALIZER, JavaSerializer.class.getName());
      }
      if (asked.get("spark.master", "").matches("local(\\[.*)?")) {
        // A task's fatal error, such as no memory, would end this JVM without a message.
        builder.config("spark.executor.killOnFatalError.depth", 0);
        // A local master offers no GPUs (or other resources), and tasks that ask for one would wait
        // for ever. They use the driver's.
        Stream.of(Devices.TASK_RESOURCES, "spark.executor.resource.")
            .flatMap(
                prefix -> Arrays.stream(asked.getAllWithPrefix(prefix)).map(of -> prefix + of._1()))
            .filter(key -> key.endsWith(".amount"))
            .forEach(key -> builder.config(key, "0"));
      }
      try {
        return new Session(builder.appName(application).config(settings).getOrCreate(), true);
      } catch (Exception e) { // Spark also throws checked exceptions.
        throw foreseen(e)
            .<RuntimeException>map(failure -> failure)
            .orElse(new UserError("Spark does not start: " + e.getMessage(), e));
      }
    }

    /** The session with a watch over its executors, which reports on standard error. */
    public Session(SparkSession spark, boolean ours) {
      this(
          spark,
          ours,
          ExecutorWatch.over(
              spark.sparkContext(),
              Optional.empty(),
              line -> System.err.println(Terminal.harmless("WARNING: " + line))));
    }

    private static boolean hasBreeze() {
      try {
        Class.forName(
            "breeze.linalg.Vector", false, Thread.currentThread().getContextClassLoader());
        return true;
      } catch (ClassNotFoundException e) {
        return false;
      }
    }

    @Override
    public void close() {
      watch.close();
      if (ours) {
        spark.stop();
        // Only an empty folder is deleted; tables that someone put there stay.
        LocalFolders.warehouse().toFile().delete();
      }
    }
  }

  /** A {@link Session} that opens on demand, so that input can be checked before Spark starts. */
  static final class LazySession implements AutoCloseable {
    private final String application;
    private Optional<Session> session = Optional.empty();

    LazySession(String application) {
      this.application = application;
    }

    /** Tells that the command is to end, so that it does not wait for executors. */
    synchronized void ending() {
      session.ifPresent(open -> open.watch.ending());
    }

    synchronized SparkSession spark() {
      if (session.isEmpty()) {
        session = Optional.of(Session.open(application));
      }
      return session.get().spark();
    }

    @Override
    public synchronized void close() {
      session.ifPresent(Session::close);
      session = Optional.empty();
    }
  }
}
