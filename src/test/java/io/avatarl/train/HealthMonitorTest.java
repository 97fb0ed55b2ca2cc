package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HealthMonitorTest {
  private HealthMonitor monitor = new HealthMonitor(HealthMonitor.State.START, 1);
  private final List<String> warnings = new ArrayList<>();
  private long steps;

  /** Steps until now at which something was warned about. */
  private final List<Long> at = new ArrayList<>();

  private void steps(int count, double confidence, double accuracy, double entropy, double norm) {
    steps(count, confidence, accuracy, entropy, norm, 0, 1);
  }

  private void steps(
      int count,
      double confidence,
      double accuracy,
      double entropy,
      double norm,
      double loss,
      double rate) {
    steps(count, confidence, accuracy, entropy, norm, loss, rate, 0);
  }

  /**
   * @param degenerate of 1000 groups, those without an advantage
   */
  private void steps(
      int count,
      double confidence,
      double accuracy,
      double entropy,
      double norm,
      double loss,
      double rate,
      long degenerate) {
    for (int i = 0; i < count; i++) {
      steps++;
      RolloutStatistics rollouts =
          new RolloutStatistics(
              1000,
              1,
              0,
              1000,
              1000 * entropy,
              0,
              1000 * confidence,
              Math.round(1000 * accuracy),
              degenerate,
              0,
              0,
              0,
              0,
              0);
      List<String> fresh =
          monitor.stepped(
              rollouts, List.of(new UpdateMetrics(steps, loss, norm, rate, 0, 0, 0, 0, 0)));
      for (String warning : fresh) {
        warnings.add(warning);
        at.add(steps);
      }
    }
  }

  private void assertWarned(String word, Long... expected) {
    assertEquals(List.of(expected), at, warnings.toString());
    warnings.forEach(warning -> assertTrue(warning.startsWith(word), warning));
  }

  @Test
  void aHealthyRunIsNotWarnedAbout() {
    steps(300, 0.5, 0.5, 1.5, 1);
    assertWarned("");
  }

  @Test
  void aRunThatNeverHadAGradient() {
    steps(19, 0.5, 0.5, 1.5, 0);
    assertWarned("");
    steps(60, 0.5, 0.5, 1.5, 0);
    assertWarned("no gradient", 20L);
  }

  @Test
  void groupsThatTeachNothing() {
    steps(4, 0.5, 0.5, 1.5, 1, 0, 1, 960);
    steps(1, 0.5, 0.5, 1.5, 1, 0, 1, 940);
    steps(4, 0.5, 0.5, 1.5, 1, 0, 1, 960);
    assertWarned("");
    steps(30, 0.5, 0.5, 1.5, 1, 0, 1, 970);
    assertWarned("96.2 % of the groups have no advantage in the last 5 steps", 10L);
  }

  @Test
  void oneWarningWhereNoGroupTeaches() {
    // The degenerate groups are the first to be seen, and the missing gradient follows from them.
    steps(60, 0.5, 0.5, 1.5, 0, 0, 1, 1000);
    assertWarned("100.0 % of the groups have no advantage", 5L);
  }

  @Test
  void aCheckpointOfVersion01HasNoSharesOfGroups() {
    HealthMonitor.State old =
        new HealthMonitor.State(
            List.of(0.5), List.of(0.5), List.of(), List.of(), List.of(), null, Map.of());
    assertEquals(List.of(), old.degenerate());
    monitor = new HealthMonitor(old, 1);
    steps(5, 0.5, 0.5, 1.5, 1, 0, 1, 990);
    assertWarned("99.0 % of the groups have no advantage", 5L);
  }

  @Test
  void gradientsThatClippingHides() {
    // Ever so large, so that no jump is seen.
    steps(19, 0.5, 0.5, 1.5, 7e4);
    assertWarned("");
    steps(60, 0.5, 0.5, 1.5, 7e4);
    assertWarned("gradients were cut down more than 1000 times", 20L);
    assertThat(warnings.get(0)).contains("advantage.minMean");
    monitor = new HealthMonitor(HealthMonitor.State.START, 0);
    steps(60, 0.5, 0.5, 1.5, 7e4);
    assertEquals(1, warnings.size(), "without clipping nothing is hidden");
  }

  @Test
  void miscalibration() {
    steps(49, 0.5, 0.2, 1.5, 1);
    assertWarned("");
    steps(51, 0.5, 0.2, 1.5, 1);
    assertWarned("miscalibrated", 50L);
    // The average over the last 100 steps falls below 0.15 after 50 of them.
    steps(200, 0.5, 0.5, 1.5, 1);
    assertWarned("miscalibrated", 50L);
    // It is -0.15 after 50 steps, and by rounding a little more.
    steps(100, 0.2, 0.5, 1.5, 1);
    assertWarned("miscalibrated", 50L, 350L);
  }

  @Test
  void confidenceCollapse() {
    steps(20, 0.5, 0.5, 1.5, 1);
    steps(14, 0.9, 0.9, 1.5, 1);
    assertWarned("");
    steps(20, 0.9, 0.9, 1.5, 1);
    assertWarned("confidence collapse", 35L);
    // It holds for six steps more, and is over for a hundred when it holds again.
    steps(91, 0.5, 0.5, 1.5, 1);
    steps(20, 0.9, 0.9, 1.5, 1);
    assertWarned("confidence collapse", 35L, 160L);
  }

  @Test
  void gradientInstability() {
    steps(1, 0.5, 0.5, 1.5, 1000); // the first norms are large: no history yet
    steps(100, 0.5, 0.5, 1.5, 1);
    steps(1, 0.5, 0.5, 1.5, 10);
    assertWarned("");
    steps(2, 0.5, 0.5, 1.5, 20);
    assertWarned("gradient instability", 103L);
    steps(99, 0.5, 0.5, 1.5, 1);
    steps(1, 0.5, 0.5, 1.5, 100);
    assertWarned("gradient instability", 103L);
    steps(100, 0.5, 0.5, 1.5, 1);
    steps(1, 0.5, 0.5, 1.5, 100);
    assertWarned("gradient instability", 103L, 305L);
    assertThat(warnings.get(1)).contains("norm 100 at update 305");
  }

  @Test
  void entropyCollapse() {
    steps(5, 0.5, 0.5, 0.05, 1);
    assertWarned("");
    steps(5, 0.5, 0.5, 0.04, 1);
    assertWarned("entropy collapse", 6L);
    steps(99, 0.5, 0.5, 0.06, 1);
    steps(1, 0.5, 0.5, 0.01, 1);
    assertWarned("entropy collapse", 6L);
    steps(100, 0.5, 0.5, 0.06, 1);
    steps(3, 0.5, 0.5, 0.01, 1);
    assertWarned("entropy collapse", 6L, 211L);
  }

  @Test
  void whatHoversAboutItsThresholdIsOneWarning() {
    for (int i = 0; i < 500; i++) {
      steps(1, 0.5, 0.5, i % 2 == 0 ? 0.049 : 0.051, 1);
    }
    assertWarned("entropy collapse", 1L);
    for (int i = 0; i < 500; i++) {
      steps(1, 0.5, 0.5, 1.5, i % 30 == 0 ? 20 : 1);
    }
    assertEquals(List.of(1L, 501L), at, warnings.toString());
  }

  @Test
  void spikesOfLossAndLearningRate() {
    for (int i = 1; i <= 40; i++) {
      steps(1, 0.5, 0.5, 1.5, 1, i % 2 == 0 ? -1 : 1, i / 40.0); // a warm-up
    }
    steps(100, 0.5, 0.5, 1.5, 1, -1, 1);
    assertWarned("");
    steps(1, 0.5, 0.5, 1.5, 1, -11, 1);
    assertWarned("loss spike: -11.0 at update 141", 141L);
    steps(1, 0.5, 0.5, 1.5, 1, 1, 3.5);
    assertEquals(List.of(141L, 142L), at);
    assertTrue(warnings.get(1).startsWith("learning-rate spike: 3.50 at update 142"));
  }

  @Test
  void goesOnFromItsState() {
    Runnable[] phases = {
      () -> steps(49, 0.9, 0.2, 1.5, 1, 1, 1),
      () -> steps(60, 0.9, 0.2, 0.01, 1, 1, 1),
      () -> steps(3, 0.5, 0.5, 0.01, 30, 20, 9),
      () -> steps(40, 0.5, 0.5, 1.5, 1, 1, 1),
      () -> steps(60, 0.5, 0.5, 1.5, 1, 1, 1),
      () -> steps(1, 0.5, 0.5, 0.01, 1, 1, 1)
    };
    for (Runnable phase : phases) {
      phase.run();
    }
    List<String> expected = List.copyOf(warnings);
    assertEquals(7, expected.size(), expected.toString());
    warnings.clear();
    steps = 0;
    monitor = new HealthMonitor(HealthMonitor.State.START, 1);
    for (Runnable phase : phases) {
      monitor = new HealthMonitor(monitor.state(), 1);
      phase.run();
    }
    assertEquals(expected, warnings);
  }
}
