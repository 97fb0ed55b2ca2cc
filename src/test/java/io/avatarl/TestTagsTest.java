package io.avatarl;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import org.junit.jupiter.api.Tag;

/**
 * {@code mvn -Pnumerical test} runs the tests of the numerical rooms: all of them, and no other.
 */
@AnalyzeClasses(packages = "io.avatarl", importOptions = TestTagsTest.TestsOnly.class)
class TestTagsTest {
  static final class TestsOnly implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return location.contains("/test-classes/");
    }
  }

  @ArchTest
  static void testsOfNumericalRoomsAreTaggedAndNoOthers(JavaClasses tests) {
    String[] rooms =
        ArchitectureTest.NUMERICAL_ROOMS.stream()
            .map(room -> "io.avatarl." + room + "..")
            .toArray(String[]::new);
    classes()
        .that()
        .resideInAnyPackage(rooms)
        .and()
        .haveSimpleNameEndingWith("Test")
        .should()
        .beAnnotatedWith(Tag.class)
        .check(tests);
    noClasses()
        .that()
        .resideOutsideOfPackages(rooms)
        .should()
        .beAnnotatedWith(Tag.class)
        .check(tests);
  }
}
