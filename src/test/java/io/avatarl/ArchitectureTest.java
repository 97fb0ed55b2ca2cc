package io.avatarl;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.avatarl.config.GptConfig;
import io.avatarl.learner.Learner;
import io.avatarl.learner.LossGradient;
import io.avatarl.learner.Objective;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Which room may call which. */
@AnalyzeClasses(packages = "io.avatarl", importOptions = ArchitectureTest.WithoutTests.class)
class ArchitectureTest {
  /** ArchUnit's own knows {@code target/test-classes} only, not the one of another Spark. */
  static final class WithoutTests implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/test-classes/");
    }
  }

  private static final String ROOT = "io.avatarl.";
  private static final String SPARK = ROOT + "spark";

  /** Each room with those it may call; itself, config and files go without saying. */
  private static final Map<String, Set<String>> ROOMS = new LinkedHashMap<>();

  static {
    ROOMS.put("config", Set.of());
    ROOMS.put("files", Set.of());
    ROOMS.put("corpus", Set.of());
    ROOMS.put("model", Set.of("corpus"));
    ROOMS.put("interchange", Set.of("corpus", "model"));
    ROOMS.put("rollout", Set.of("corpus", "model"));
    ROOMS.put("reward", Set.of("corpus", "rollout"));
    ROOMS.put("advantage", Set.of("rollout"));
    ROOMS.put("learner", Set.of("model", "rollout"));
    ROOMS.put("evaluation", Set.of("corpus", "model"));
    ROOMS.put("spark", allSoFar());
    ROOMS.put("train", allSoFar());
    ROOMS.put("tracking", Set.of("train"));
    ROOMS.put("yardstick", allSoFar());
    ROOMS.put("bench", allSoFar());
    ROOMS.put("jobs", allSoFar());
    ROOMS.put("ml", Set.of("jobs", "spark"));
  }

  /** They have the formulas; their tests are tagged {@code numerical}. */
  static final List<String> NUMERICAL_ROOMS =
      List.of("corpus", "model", "rollout", "reward", "advantage", "learner", "evaluation");

  /** The families of the {@code spark} room, each with those it may call; "" is the room itself. */
  private static final Map<String, Set<String>> SPARK_FAMILIES = new LinkedHashMap<>();

  static {
    SPARK_FAMILIES.put("transport", Set.of());
    SPARK_FAMILIES.put("table", Set.of("transport"));
    SPARK_FAMILIES.put("reward", Set.of("table"));
    SPARK_FAMILIES.put("rollout", Set.of("transport", "table"));
    SPARK_FAMILIES.put("ngram", Set.of("transport"));
    SPARK_FAMILIES.put("corpus", Set.of("transport"));
    SPARK_FAMILIES.put("text", Set.of("transport"));
    SPARK_FAMILIES.put("", Set.of("transport", "table", "text"));
  }

  private static Set<String> allSoFar() {
    return Set.copyOf(ROOMS.keySet());
  }

  private static String[] packages(Iterable<String> rooms) {
    List<String> packages = new ArrayList<>();
    rooms.forEach(room -> packages.add(ROOT + room + ".."));
    return packages.toArray(String[]::new);
  }

  @ArchTest
  static void everyClassLivesInARoom(JavaClasses classes) {
    Set<String> rooms =
        classes.stream()
            .map(JavaClass::getPackageName)
            .map(name -> name.length() < ROOT.length() ? "" : name.substring(ROOT.length()))
            .map(name -> name.split("\\.")[0])
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(new TreeSet<>(ROOMS.keySet()), rooms);
  }

  @ArchTest
  static void roomsCallDownwardsOnly(JavaClasses classes) {
    ROOMS.forEach(
        (room, allowed) -> {
          Set<String> mayCall = new TreeSet<>(allowed);
          mayCall.add(room);
          mayCall.add("config");
          if (!room.equals("config")) {
            mayCall.add("files");
          }
          classes()
              .that(resideInAPackage(ROOT + room + ".."))
              .should()
              .onlyDependOnClassesThat(
                  resideOutsideOfPackage("io.avatarl..").or(resideInAnyPackage(packages(mayCall))))
              .check(classes);
        });
  }

  @ArchTest
  static final ArchRule ROOMS_HAVE_NO_CYCLES =
      slices().matching("io.avatarl.(*)..").should().beFreeOfCycles();

  @ArchTest
  static void familiesOfTheSparkRoomCallEachOtherAsListed(JavaClasses classes) {
    Set<String> families =
        classes.stream()
            .map(JavaClass::getPackageName)
            .filter(name -> (name + ".").startsWith(SPARK + "."))
            .map(name -> name.equals(SPARK) ? "" : name.substring(SPARK.length() + 1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(new TreeSet<>(SPARK_FAMILIES.keySet()), families);
    SPARK_FAMILIES.forEach(
        (family, allowed) -> {
          Set<String> mayCall = new TreeSet<>();
          mayCall.add(sparkPackage(family));
          allowed.forEach(other -> mayCall.add(sparkPackage(other)));
          classes()
              .that(resideInAPackage(sparkPackage(family)))
              .should()
              .onlyDependOnClassesThat(
                  resideOutsideOfPackage(SPARK + "..")
                      .or(resideInAnyPackage(mayCall.toArray(String[]::new))))
              .check(classes);
        });
  }

  private static String sparkPackage(String family) {
    return family.isEmpty() ? SPARK : SPARK + "." + family;
  }

  @ArchTest
  static final ArchRule SPARK_FAMILIES_HAVE_NO_CYCLES =
      slices().matching("io.avatarl.spark.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule NUMERICAL_ROOMS_DO_NOT_KNOW_SPARK =
      noClasses()
          .that()
          .resideInAnyPackage(packages(NUMERICAL_ROOMS))
          .or()
          .resideInAnyPackage(ROOT + "config..", ROOT + "interchange..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.apache.spark..");

  /**
   * "No cross-entropy anywhere in training": neither the loop nor anything it reaches, by however
   * many calls, knows the yardsticks.
   */
  @ArchTest
  static final ArchRule TRAINING_CANNOT_REACH_YARDSTICKS =
      noClasses()
          .that()
          .resideInAnyPackage(
              ROOT + "train..",
              ROOT + "spark..",
              ROOT + "learner..",
              ROOT + "rollout..",
              ROOT + "reward..",
              ROOT + "advantage..")
          .should()
          .transitivelyDependOnClassesThat()
          .resideInAnyPackage(
              ROOT + "yardstick..",
              ROOT + "tracking..",
              ROOT + "bench..",
              ROOT + "jobs..",
              ROOT + "ml..");

  /** The learner has one loss; another one, also as a lambda, can only come from a yardstick. */
  @ArchTest
  static void onlyYardsticksBringAnotherObjective(JavaClasses classes) {
    classes()
        .that()
        .areAssignableTo(Objective.class)
        .and()
        .areNotInterfaces()
        .should()
        .haveFullyQualifiedName(ROOT + "learner.PolicyLoss")
        .orShould()
        .resideInAPackage(ROOT + "yardstick")
        .check(classes);
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + "yardstick")
        .should()
        .callMethodWhere(
            JavaCall.Predicates.target(HasName.Predicates.name("minimising"))
                .and(
                    JavaCall.Predicates.target(
                        HasOwner.Predicates.With.owner(type(Learner.class)))))
        .check(classes);
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName(Learner.class.getName())
        .and()
        .doNotHaveFullyQualifiedName(LossGradient.class.getName())
        .should()
        .callConstructor(LossGradient.class, GptConfig.class, Device.class, Function.class)
        .check(classes);
  }

  /** Of the commands, {@code compare} alone trains by cross-entropy: the row baseline-ce. */
  @ArchTest
  static final ArchRule ONLY_COMPARISONS_TRAIN_BY_CROSS_ENTROPY =
      noClasses()
          .that()
          .resideOutsideOfPackages(ROOT + "yardstick", ROOT + "bench")
          .and()
          .haveNameNotMatching("io\\.avatarl\\.jobs\\.CompareJob(\\$.*)?")
          .should()
          .dependOnClassesThat()
          .haveNameMatching("io\\.avatarl\\.yardstick\\.CrossEntropy.*");

  /** What is read from files is data: nothing in it names a class or runs. */
  @ArchTest
  static final ArchRule NOTHING_DESERIALIZES_OBJECTS =
      noClasses()
          .should()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.io.ObjectInputStream")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.beans.XMLDecoder")
          .orShould()
          .dependOnClassesThat()
          .resideInAnyPackage("com.esotericsoftware.kryo..", "javax.script..", "javax.naming..")
          .orShould()
          .callMethod(com.fasterxml.jackson.databind.ObjectMapper.class, "enableDefaultTyping")
          .orShould()
          .callMethod(
              com.fasterxml.jackson.databind.ObjectMapper.class,
              "activateDefaultTyping",
              com.fasterxml.jackson.databind.jsontype.PolymorphicTypeValidator.class);

  /**
   * What goes through the session's serializer, which may be Kryo, are bytes and Spark's own
   * classes.
   */
  @ArchTest
  static final ArchRule THE_SESSIONS_SERIALIZER_SEES_BYTES =
      noClasses()
          .that()
          .resideOutsideOfPackage(SPARK + ".transport")
          .and()
          .doNotHaveFullyQualifiedName(SPARK + ".table.RolloutTable") // Spark's own class
          .should()
          .callMethodWhere(
              JavaCall.Predicates.target(
                      HasName.Predicates.nameMatching("broadcast|parallelize|collect"))
                  .and(
                      JavaCall.Predicates.target(
                          HasOwner.Predicates.With.owner(
                              resideInAPackage("org.apache.spark.api.java..")))));

  /** Durations come from {@code System.nanoTime}, which no change of the clock touches. */
  @ArchTest
  static final ArchRule CLOCKS_ARE_FOR_NAMES_AND_TIMESTAMPS =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "tracking..")
          .should()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(java.time.Instant.class, "now");

  @ArchTest
  static final ArchRule ONLY_JOBS_PRINT =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "jobs..")
          .should()
          .accessField(System.class, "out")
          .orShould()
          .accessField(System.class, "err")
          .orShould()
          .callMethod(Throwable.class, "printStackTrace");

  @ArchTest
  static final ArchRule USERS_COMMANDS_DO_NOT_KNOW_MAINTENANCE =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "jobs.maintenance")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + "jobs.maintenance");

  /** After a failure; JobTest has the other half: it returns from success. */
  @ArchTest
  static final ArchRule ONLY_JOB_EXITS =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName(ROOT + "jobs.Job")
          .should()
          .callMethod(System.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "halt", int.class);

  /** The master is the submitter's to name; on platforms it is there already. */
  @ArchTest
  static final ArchRule NOBODY_SETS_A_MASTER =
      noClasses()
          .should()
          .callMethodWhere(
              JavaCall.Predicates.target(HasName.Predicates.nameMatching("master|setMaster"))
                  .and(
                      JavaCall.Predicates.target(
                          HasOwner.Predicates.With.owner(resideInAPackage("org.apache.spark..")))));

  /**
   * Paths of users are Hadoop paths. Local files are the jar's own presets, a text that a command
   * makes to count it, PyTorch's libraries, the cache of remote tokens, and what the bench, chaos
   * and soak make, which are about this machine.
   */
  @ArchTest
  static final ArchRule FILES_ARE_NOT_LOCAL =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "bench..")
          .and()
          .doNotHaveFullyQualifiedName(ROOT + "corpus.BlockCache")
          .and()
          .haveNameNotMatching(
              "io\\.avatarl\\.(model\\.PyTorchLibrary|jobs\\.(Presets|LocalFolders|NgramsJob|PeakMemory|maintenance\\..*))(\\$.*)?")
          .should()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.nio.file.Files")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.io.FileInputStream")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.io.FileOutputStream")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.io.FileReader")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.io.FileWriter");
}
