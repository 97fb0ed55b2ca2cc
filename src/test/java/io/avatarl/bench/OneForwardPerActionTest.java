package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The comparison is honest: both schemes score the same actions with the same numbers. */
class OneForwardPerActionTest {
  private static final int VOCABULARY = 70; // more than one batch
  private static final int CONTEXT = 8;

  @Test
  void givesTheLogProbabilitiesOfTheOneForward() {
    TrainingConfig config =
        ConfigReader.read(
            "trial",
            "model { layers = 2, heads = 2, width = 16, context = 8, initStd = 0.3 }",
            List.of());
    NativeEngine.load(1);
    Parameters parameters =
        Parameters.initial(config, ParameterLayout.of(config.model(), VOCABULARY));
    int[] window = new Random(1).ints(CONTEXT, 0, VOCABULARY).toArray();
    try (Policy policy = new Policy(config.model(), parameters)) {
      float[] all = policy.logProbs(1, Arrays.stream(window).asLongStream().toArray());
      for (int length = 1; length < CONTEXT; length++) {
        assertArrayEquals(
            Arrays.copyOfRange(all, (length - 1) * VOCABULARY, length * VOCABULARY),
            OneForwardPerAction.logProbs(policy, Arrays.copyOf(window, length)),
            1e-5f);
      }
      assertArrayEquals(all, OneForwardPerAction.windowLogProbs(policy, window), 1e-5f);
    }
  }
}
