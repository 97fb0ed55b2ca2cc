package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.CurriculumStage;
import io.avatarl.config.TrainingConfig;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CurriculumTest {
  private static final TrainingConfig CONFIG =
      ConfigReader.read(
          "",
          """
          reward.weights { exact = 1, bigram = 0.25 }
          curriculum {
            emaDecay = 0.5
            stages = [
              { name = a, promotion = step, steps = 2, reward { exact = 0, trigram = 2 } }
              { name = b, promotion = improvement, steps = 3, threshold = 0.1, klWeight = 0.5 }
              { name = c, promotion = plateau, steps = 1, threshold = 0.1, patience = 2 }
              { name = d, promotion = step, steps = 1 }
            ]
          }
          """,
          List.of());

  /** Perplexity of each step, the average by hand, and the stage after it. */
  private static final double[][] STEPS = {
    {10, 10, 0},
    {8, 9, 1}, // two steps
    {9, 9, 1}, // the stage's first average
    {5, 7, 1}, // lower by more than a tenth, but only two steps
    {7, 7, 2},
    {7, 7, 2}, // the best so far
    {6.6, 6.8, 2}, // not a tenth better: waits for one step
    {4, 5.4, 2}, // the best so far
    {5.4, 5.4, 2},
    {5.4, 5.4, 3}, // waited for two
    {1, 3.2, 3}, // the last stage lasts
    {1, 2.1, 3}
  };

  @Test
  void promotionsByHand() {
    Curriculum curriculum = new Curriculum(CONFIG, Curriculum.Position.START);
    int stage = 0;
    for (double[] step : STEPS) {
      boolean promoted = curriculum.stepped(step[0]);
      assertEquals(step[1], curriculum.position().perplexity(), 1e-12);
      assertEquals((int) step[2], curriculum.position().stage());
      assertEquals(curriculum.position().stage() != stage, promoted);
      stage = curriculum.position().stage();
    }
    assertEquals("d", curriculum.stage().name());
  }

  @Test
  void improvementOrPlateauTakesTheFirstOfThem() {
    TrainingConfig config =
        ConfigReader.read(
            "",
            """
            curriculum {
              emaDecay = 0
              stage { promotion = improvement-or-plateau, steps = 1, threshold = 0.1, patience = 3 }
              stages = [{ name = a }, { name = b }, { name = c }]
            }
            """,
            List.of());
    Curriculum curriculum = new Curriculum(config, Curriculum.Position.START);
    assertFalse(curriculum.stepped(10));
    assertFalse(curriculum.stepped(9.5));
    assertTrue(curriculum.stepped(9), "improved by a tenth");
    assertFalse(curriculum.stepped(9));
    assertFalse(curriculum.stepped(9));
    assertFalse(curriculum.stepped(9));
    assertTrue(curriculum.stepped(9), "waited for three steps");
  }

  @Test
  void aResumedCurriculumGoesOnLikeTheUninterruptedOne() throws JsonProcessingException {
    ObjectMapper json = new ObjectMapper();
    List<Curriculum.Position> straight = new ArrayList<>();
    Curriculum curriculum = new Curriculum(CONFIG, Curriculum.Position.START);
    for (double[] step : STEPS) {
      curriculum.stepped(step[0]);
      straight.add(curriculum.position());
    }
    Curriculum.Position position = Curriculum.Position.START;
    for (int i = 0; i < STEPS.length; i++) {
      position = json.readValue(json.writeValueAsString(position), Curriculum.Position.class);
      Curriculum resumed = new Curriculum(CONFIG, position);
      resumed.stepped(STEPS[i][0]);
      position = resumed.position();
      assertEquals(straight.get(i), position);
    }
  }

  @Test
  void aStagesWeightsStandInForThoseOfTheRun() {
    List<CurriculumStage> stages = CurriculumStage.of(CONFIG);
    assertEquals(0.0, stages.get(0).rewards().get("exact"));
    assertEquals(2.0, stages.get(0).rewards().get("trigram"));
    assertEquals(0.25, stages.get(0).rewards().get("bigram"));
    assertEquals(CONFIG.reward().weights(), stages.get(1).rewards());
    assertEquals(List.of(1.0, 0.5, 1.0, 1.0), stages.stream().map(s -> s.klWeight()).toList());
  }

  @Test
  void withoutStagesThereIsOne() {
    TrainingConfig config = ConfigReader.read("", "", List.of());
    Curriculum curriculum = new Curriculum(config, Curriculum.Position.START);
    for (int i = 0; i < 100; i++) {
      assertFalse(curriculum.stepped(100 - i));
    }
    assertEquals(0, curriculum.position().stage());
    assertEquals(config.reward().weights(), curriculum.stage().rewards());
    assertEquals(1, curriculum.stage().klWeight());
  }
}
