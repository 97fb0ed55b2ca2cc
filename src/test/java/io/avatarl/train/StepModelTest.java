package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.config.LearnerConfig.Placement;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepModelTest {
  /** 8 rounds of 4 shards, 0.4 s of tasks, 0.1 s of the driver, 10 ms a round, 16 and 64 MB. */
  private static final StepModel MODEL =
      new StepModel(Placement.EXECUTORS, 8, 4, 0.4, 0.1, 0.01, 16e6, 64e6, 16e6);

  private static List<Double> predict(StepModel model, int workers, int cores) {
    return List.copyOf(model.predict(new StepModel.Cluster(workers, cores, 2, 5, 1e9)).values());
  }

  private static void assertClose(List<Double> expected, List<Double> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-12);
    }
  }

  @Test
  void everyPartByHand() {
    // Three workers need two waves of four shards: half of the work, at twice the speed. Each has
    // a third of the gradients and hands two thirds of that on.
    assertClose(List.of(0.1, 0.02, 0.08, 0.032, 0.128 / 9, 0.016), predict(MODEL, 3, 100));
    // No more slots than shards, nor workers that exchange; four hops reach fifteen workers.
    assertClose(List.of(0.05, 0.02, 0.08, 0.064, 0.012, 0.016), predict(MODEL, 15, 100));
    assertClose(List.of(0.1, 0.02, 0.08, 0.048, 0.012, 0.016), predict(MODEL, 4, 2));
    assertClose(List.of(0.2, 0.02, 0.08, 0.016, 0.0, 0.016), predict(MODEL, 1, 100));
  }

  @Test
  void aLargerMinibatchBringsMoreShards() {
    // Eight gradients are exchanged by eight workers, and one comes back.
    assertClose(List.of(0.05, 0.02, 0.08, 0.064, 0.014, 0.016), predict(MODEL.times(2), 8, 100));
    StepModel onDriver = new StepModel(Placement.DRIVER, 1, 4, 0.4, 0.1, 0.01, 2e6, 0, 8e6);
    assertClose(List.of(0.05, 0.04, 0.01, 0.008, 0.0, 0.016), predict(onDriver.times(2), 8, 100));
  }
}
