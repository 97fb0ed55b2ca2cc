package io.avatarl.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.Mutation;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** HOCON that means no good. */
class HostilePresetsTest {
  private static final String PRESET =
      """
      # A preset with something of everything.
      steps = 20
      model { layers = 2, heads = 2, width = 32, context = 32, norm = layer, bias = true }
      rollout { shards = 2, exploration = sampled, mixture = 0.25 }
      learner.optimizer { learningRate = 1e-2, warmup = 10 }
      reward { weights.bigram = -0.1, wordLengths = [1, 0.5] }
      curriculum.stages = [
        { name = one, steps = 9, promotion = plateau, reward { exact = 1 } }
        { name = two }
      ]
      sample { count = 1, prompt = "To be\\n" }
      """;

  @Provide
  Arbitrary<String> presets() {
    return Mutation.of(PRESET);
  }

  @Property(tries = 1000, seed = Mutation.SEED)
  void presetsAreReadOrRefused(@ForAll("presets") String hocon) {
    TrainingConfig config =
        Mutation.read(hocon.length(), () -> ConfigReader.read("x", hocon, List.of()));
    if (config != null) {
      assertEquals(config, ConfigReader.read("x", ConfigReader.render(config), List.of()));
    }
  }

  @Example
  void nothingElseIsRead() {
    for (String include :
        List.of(
            "include \"/etc/passwd\"",
            "include file(\"/etc/passwd\")",
            "include required(file(\"../other.conf\"))",
            "include url(\"http://127.0.0.1/x\")",
            "include classpath(\"reference.conf\")",
            "include package(\"a\", \"b\")",
            "model { include \"other\" }")) {
      UserError error = refused(include);
      assertThat(error.getMessage()).contains("include");
    }
  }

  /** Each line doubles the one before: thirty lines would be a billion characters. */
  @Example
  void substitutionsAreNotFollowed() {
    StringBuilder bomb = new StringBuilder("a0 = \"0123456789\"\n");
    for (int i = 1; i <= 30; i++) {
      bomb.append(String.format("a%d = ${a%d}${a%d}%n", i, i - 1, i - 1));
    }
    bomb.append("sample.prompt = ${a30}\n");
    UserError error = Mutation.read(bomb.length(), () -> refused(bomb.toString()));
    assertThat(error.getMessage()).contains("${a0} is a substitution");
    refused("sample.prompt = ${?HOME}");
    refused("sample.prompt = ${sample.count}");
  }

  @Example
  void deepNestingAndHugeTextsAreRefused() {
    refused("a { ".repeat(100_000));
    refused("steps = " + "[".repeat(100_000));
    refused("steps = " + "9".repeat(2_000_000));
  }

  private static UserError refused(String hocon) {
    return assertThrows(UserError.class, () -> ConfigReader.read("x", hocon, List.of()));
  }
}
