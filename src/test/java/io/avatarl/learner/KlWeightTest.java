package io.avatarl.learner;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.config.ConfigReader;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class KlWeightTest {
  private static KlWeight weight(String kl) {
    return new KlWeight(
        ConfigReader.read("", "learner.kl { " + kl + " }", List.of()).learner().kl());
  }

  @Test
  void warmsUpLinearly() {
    KlWeight weight = weight("weight = 0.8, warmup = 4");
    double[] expected = {0.2, 0.4, 0.6, 0.8, 0.8, 0.8};
    for (int update = 0; update < expected.length; update++) {
      assertEquals(expected[update], weight.at(update), 1e-15);
    }
    assertEquals(0.8, weight("weight = 0.8").at(0));
  }

  @Test
  void theStagesFactorMultiplies() {
    KlWeight weight = weight("weight = 0.8, warmup = 4");
    weight.stage(0.5);
    assertEquals(0.1, weight.at(0), 1e-15);
    assertEquals(0.4, weight.at(9), 1e-15);
    weight.stage(0);
    assertEquals(0, weight.at(9));
    weight.stage(1);
    assertEquals(0.8, weight.at(9));
  }

  @Test
  void theControllerFollowsZieglersFormula() {
    KlWeight weight = weight("weight = 0.2, target = 0.1");
    weight.observe(0.11); // e = 0.1
    double expected = 0.2 * 1.01;
    assertEquals(expected, weight.at(0), 1e-12);
    weight.observe(5); // e is clipped to 0.2
    expected *= 1.02;
    assertEquals(expected, weight.at(1), 1e-12);
    weight.observe(0.095); // e = -0.05
    expected *= 0.995;
    assertEquals(expected, weight.at(2), 1e-12);
    weight.observe(0); // e is clipped to -0.2
    expected *= 0.98;
    assertEquals(expected, weight.at(3), 1e-12);
    assertEquals(expected, weight.controlled(), 1e-12);
  }

  @Test
  void withoutATargetTheWeightStays() {
    KlWeight weight = weight("weight = 0.2");
    weight.observe(100);
    weight.observe(0);
    assertEquals(0.2, weight.at(7));
  }

  @Test
  void resumesWithTheControllersState() {
    KlWeight straight = weight("weight = 0.2, target = 0.1, warmup = 3");
    straight.observe(0.3);
    KlWeight resumed = weight("weight = 0.2, target = 0.1, warmup = 3");
    resumed.resume(straight.controlled());
    straight.stage(0.7);
    resumed.stage(0.7);
    straight.observe(0.02);
    resumed.observe(0.02);
    for (int update = 0; update < 5; update++) {
      assertEquals(straight.at(update), resumed.at(update));
    }
  }
}
