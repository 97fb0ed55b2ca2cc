package io.avatarl.rollout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class PaidContinuationsTest {
  private static Continuation rollout(
      long group, int number, int samples, int[] context, int... actions) {
    float[] logProbs = new float[actions.length];
    float[] rewards = new float[actions.length];
    for (int h = 0; h < actions.length; h++) {
      logProbs[h] = -0.1f * actions[h];
      rewards[h] = 10 * group + number;
    }
    return new Continuation(3, group, number, samples, context, actions, logProbs, rewards);
  }

  @Test
  void rowsAreThePromptAndAllTokensButTheLast() {
    int[] prompt = {4, 5};
    List<PaidContinuations> packed =
        PaidContinuations.of(
            List.of(rollout(1, 0, 2, prompt, 7, 8, 9), rollout(1, 1, 2, prompt, 9, 8, 7)), 10);
    assertEquals(1, packed.size());
    Groups groups = packed.get(0).groups();
    assertArrayEquals(new int[] {4, 5, 7, 8, 4, 5, 9, 8}, groups.tokens());
    assertArrayEquals(new int[] {7, 8, 9, 9, 8, 7}, groups.actions());
    assertArrayEquals(new float[] {10, 10, 10, 11, 11, 11}, packed.get(0).rewards());
    assertEquals(1, groups.first());
    // The state of the first action is the prompt.
    assertEquals(2, groups.stateLength(0));
    assertEquals(5, groups.tokens()[groups.lastTokenIndex(0)]);
    assertEquals(4, groups.stateLength(2));
    List<String> compared = new ArrayList<>();
    groups.forEachCompared(
        (from, stride, count) -> compared.add(from + " " + stride + " " + count));
    assertEquals(List.of("0 3 2", "1 3 2", "2 3 2"), compared);
    assertEquals(0.5f, groups.weights()[0]);
  }

  @Test
  void shapesArePackedApartAndGroupsStayWhole() {
    List<Continuation> rollouts = new ArrayList<>();
    for (int group = 0; group < 5; group++) {
      int[] prompt = group % 2 == 0 ? new int[] {1} : new int[] {1, 2};
      for (int k = 0; k < 3; k++) {
        rollouts.add(rollout(group, k, 3, prompt, 5, 6));
      }
    }
    List<PaidContinuations> packed = PaidContinuations.of(rollouts, 2);
    // Of the short prompts 0, 2 | 4, of the long ones 1, 3.
    assertEquals(
        List.of(List.of(0L, 2L), List.of(4L), List.of(1L, 3L)),
        packed.stream()
            .map(p -> p.rollouts().stream().map(Continuation::group).distinct().toList())
            .toList());
    assertEquals(List.of(6, 3, 6), packed.stream().map(p -> p.groups().windows()).toList());
  }

  @Test
  void theGroupsAreThoseOfTheFastLoop() {
    NativeEngine.load(1);
    GptConfig model =
        ConfigReader.read("", "model { layers = 1, heads = 1, width = 8, context = 5 }", List.of())
            .model();
    int[] windows = {1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1}; // two of 5 + 1 tokens
    Groups fast;
    try (Policy policy =
        new Policy(model, Parameters.random(ParameterLayout.of(model, 7), 0.5, 3))) {
      fast =
          new ContinuationExploration(3, 3)
              .explore(
                  new ExplorationInput(
                      WindowBatch.of(2, windows), new float[0], policy, new RandomStream(1)));
    }
    List<Continuation> rollouts = new ArrayList<>();
    for (int row = 0; row < fast.windows(); row++) {
      rollouts.add(
          new Continuation(
              0,
              row / 3,
              row % 3,
              3,
              Arrays.copyOfRange(fast.tokens(), row * 5, row * 5 + 3),
              Arrays.copyOfRange(fast.actions(), row * 3, row * 3 + 3),
              Arrays.copyOfRange(fast.logProbs(), row * 3, row * 3 + 3),
              new float[3]));
    }
    Groups packed = PaidContinuations.of(rollouts, 2).get(0).groups();
    assertArrayEquals(fast.tokens(), packed.tokens());
    assertArrayEquals(fast.actions(), packed.actions());
    assertArrayEquals(fast.weights(), packed.weights());
    assertArrayEquals(fast.logProbs(), packed.logProbs());
    assertEquals(fast.first(), packed.first());
    assertEquals(fast.rowsPerContext(), packed.rowsPerContext());
    assertEquals(fast.draw(), packed.draw());
  }
}
