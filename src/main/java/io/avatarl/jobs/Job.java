package io.avatarl.jobs;

import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
import scala.Option;

/**
 * What all commands share: parsing, exit codes (0 done, 2 the user's input was wrong, 1 anything
 * else), errors in one line, Spark where it is needed.
 */
public final class Job {
  private static final int USER_ERROR = 2;
  private static final int FAILURE = 1;

  private Job() {}

  /**
   * Runs a picocli command; ends the JVM where it failed, and returns where it did not (as cluster
   * managers expect).
   */
  public static void main(Callable<Integer> command, String[] args) {
    Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught(e));
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
   * Runs what has arguments; where something goes wrong before a command, the JVM ends in a line.
   */
  static void guarded(Runnable main, String... args) {
    try {
      requireReadable(args);
      requireLogin();
      main.run();
    } catch (Throwable e) { // the JVM's own errors as well: nobody else would put them into a line
      System.exit(submitFailed(e, System.err));
    }
  }

  /**
   * The end of a thread. Where memory ran out in one of Spark's own threads, the driver would wait
   * forever for jobs that no thread runs any more.
   */
  private static void uncaught(Throwable e) {
    if (e instanceof OutOfMemoryError) {
      try {
        System.err.println("error: " + oneLine(foreseen(e).orElseThrow().getMessage()));
      } finally {
        // Not exit: that waits for a checkpoint after the current step, which may never end.
        Runtime.getRuntime().halt(FAILURE);
      }
    }
    e.printStackTrace();
  }

  /**
   * Refuses arguments that the JVM could not decode: it puts U+FFFD in the place of what its locale
   * has no character for, and what was meant is lost.
   */
  static void requireReadable(String... args) {
    for (String argument : args) {
      if (argument.indexOf('\ufffd') >= 0 && !HadoopPath.namesAreUnicode()) {
        throw new UserError(
            "the argument \""
                + argument
                + "\" was not understood: in this locale ("
                + System.getProperty("sun.jnu.encoding")
                + ") the JVM knows fewer characters; set LC_ALL=C.UTF-8 in its environment");
      }
    }
  }

  /**
   * Logs a user in whom the system does not know by name ({@code docker run -u 12345}): Hadoop
   * fails on those.
   */
  static void requireLogin() {
    if ("?".equals(System.getProperty("user.name"))) {
      String given = System.getenv("HADOOP_USER_NAME");
      String name = given != null ? given : System.getenv("SPARK_USER");
      UserGroupInformation.setLoginUser(
          UserGroupInformation.createRemoteUser(name != null ? name : "avatarl"));
    }
  }

  /** Says in one line why nothing was started; returns the exit code. */
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
    // One of picocli's two standard options; the version is that of the clone or the jar.
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
              // While the JVM ends, Spark's own end makes what still runs fail; that is no news.
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
    return Failure.of(e, "on the driver", Failure.DRIVER_HEAP);
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  private static String oneLine(String message) {
    return Terminal.harmless(String.valueOf(message).replaceAll("\\s*\\R\\s*", " "));
  }

  /**
   * The file systems as Spark's settings ({@code spark.hadoop.*}) describe them, without starting
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
   * A Spark session for a command. One that runs already (a notebook's, a platform's) is used and
   * left alone; one of our own ends with the command.
   */
  public record Session(SparkSession spark, boolean ours) implements AutoCloseable {
    private static final String NO_CONNECT =
        "Spark Connect (also serverless compute, Databricks Connect) has no RDDs and no access to the"
            + " JVM, which this needs: use a classic session, on a cluster by --master, on Databricks on"
            + " a dedicated cluster";

    private static final String RESULTS = "spark.driver.maxResultSize";
    private static final String WAREHOUSE = "spark.sql.warehouse.dir";

    /** Whether the user asks for Spark Connect, in any of Spark's ways to say it. */
    static boolean isConnect(SparkConf conf, Map<String, String> environment) {
      return conf.contains("spark.remote")
          || conf.get("spark.api.mode", "").equalsIgnoreCase("connect")
          || !environment.getOrDefault("SPARK_REMOTE", "").isEmpty();
    }

    /**
     * The context of a session that is there.
     *
     * @throws UserError where it has none
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
      // What comes back is as large as the groups or gradients of a round; Spark's limit is 1 GB.
      builder.config(RESULTS, asked.get(RESULTS, "0"));
      if (!asked.contains(WAREHOUSE)) {
        // Spark makes its folder of tables where a table is looked for, in the working directory.
        builder.config(WAREHOUSE, LocalFolders.warehouse().toUri().toString());
      }
      if (asked.get("spark.master", "").matches("local(\\[.*)?")) {
        // A task's fatal error, no memory above all, would end this JVM before it says a word.
        builder.config("spark.executor.killOnFatalError.depth", 0);
      }
      try {
        return new Session(builder.appName(application).config(settings).getOrCreate(), true);
      } catch (Exception e) { // Spark throws checked ones, too.
        throw foreseen(e)
            .<RuntimeException>map(failure -> failure)
            .orElse(new UserError("Spark does not start: " + e.getMessage(), e));
      }
    }

    @Override
    public void close() {
      if (ours) {
        spark.stop();
        // The folder only: who put a table into it keeps it.
        LocalFolders.warehouse().toFile().delete();
      }
    }
  }

  /** A {@link Session} that opens when it is asked for, after what can be refused without Spark. */
  static final class LazySession implements AutoCloseable {
    private final String application;
    private Optional<Session> session = Optional.empty();

    LazySession(String application) {
      this.application = application;
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
