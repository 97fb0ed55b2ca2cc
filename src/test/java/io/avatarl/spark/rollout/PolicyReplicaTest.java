package io.avatarl.spark.rollout;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.spark.transport.InProcessTransfer;
import io.avatarl.spark.transport.PackedFloats;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.train.TinyTraining;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The policy inside an executor, here the driver's own JVM. */
class PolicyReplicaTest {
  private static final int VOCABULARY = 5;
  private static final TrainingConfig CONFIG =
      ConfigReader.read("trial", TinyTraining.PRESET, List.of());
  private static final Corpus CORPUS = Corpus.of("five", "abcdeabcde".getBytes(US_ASCII), 0.5);
  private static final ParameterLayout LAYOUT = ParameterLayout.of(CONFIG.model(), VOCABULARY);
  private static final long[] TOKENS = {0, 1, 2, 3};

  private final String run = UUID.randomUUID().toString();

  @AfterEach
  void release() {
    InProcessTransfer.release(run);
    ExecutorState.OF_THIS_JVM.release(run);
    assertEquals(0, ExecutorState.OF_THIS_JVM.count(run));
  }

  private PolicyBroadcast weights(long version) {
    float[] values = Parameters.random(LAYOUT, 0.5, version).toArray();
    return PolicyBroadcast.inThisJvm(run, version, new PackedFloats(Precision.FLOAT32, values));
  }

  private RunContext context() {
    return RunContext.forEvaluation(run, CONFIG, CORPUS);
  }

  private PolicyReplica acquire(PolicyBroadcast weights) {
    return PolicyReplica.acquire(context(), weights);
  }

  private static float[] expected(long version) {
    try (Policy policy = new Policy(CONFIG.model(), Parameters.random(LAYOUT, 0.5, version))) {
      return policy.logProbs(1, TOKENS);
    }
  }

  @Test
  void tasksOfAVersionShareOneReplica() {
    PolicyBroadcast weights = weights(0);
    try (PolicyReplica first = acquire(weights);
        PolicyReplica second = acquire(weights)) {
      assertSame(first.policy(), second.policy());
    }
    // Kept between the tasks of one step.
    assertEquals(1, ExecutorState.OF_THIS_JVM.count(run));
  }

  @Test
  void onlyTheNewestVersionIsKept() {
    for (long version = 0; version < 10; version++) {
      try (PolicyReplica replica = acquire(weights(version))) {
        assertArrayEquals(expected(version), replica.policy().logProbs(1, TOKENS));
        assertTrue(ExecutorState.OF_THIS_JVM.count(run) <= 2);
      }
    }
    assertEquals(1, ExecutorState.OF_THIS_JVM.count(run));
  }

  @Test
  void anOlderVersionIsStillThereForALateTask() {
    PolicyBroadcast old = weights(0);
    PolicyBroadcast current = weights(1);
    PolicyReplica early = acquire(old);
    try (PolicyReplica newest = acquire(current)) {
      assertNotSame(early.policy(), newest.policy());
      // Still in use, also when a newer one has come.
      assertArrayEquals(expected(0), early.policy().logProbs(1, TOKENS));
      early.close();
      assertEquals(1, ExecutorState.OF_THIS_JVM.count(run));
      // A second attempt after all others have gone.
      try (PolicyReplica late = acquire(old)) {
        assertArrayEquals(expected(0), late.policy().logProbs(1, TOKENS));
        assertEquals(2, ExecutorState.OF_THIS_JVM.count(run));
      }
      assertArrayEquals(expected(1), newest.policy().logProbs(1, TOKENS));
    }
    assertEquals(1, ExecutorState.OF_THIS_JVM.count(run));
  }

  @Test
  void thePolicyBeforeTrainingStaysBesideTheNewest() {
    float[] expected;
    try (Policy policy = new Policy(CONFIG.model(), Parameters.initial(CONFIG, LAYOUT))) {
      expected = policy.logProbs(1, TOKENS);
    }
    for (long version = 0; version < 3; version++) {
      try (PolicyReplica newest = acquire(weights(version));
          PolicyReplica initial = PolicyReplica.initial(context())) {
        assertArrayEquals(expected, initial.policy().logProbs(1, TOKENS));
        assertArrayEquals(expected(version), newest.policy().logProbs(1, TOKENS));
      }
      assertEquals(2, ExecutorState.OF_THIS_JVM.count(run));
    }
  }

  @Test
  void manyTasksAtOnceGetTheirOwnVersion() {
    List<PolicyBroadcast> versions = new ArrayList<>();
    for (long version = 0; version < 3; version++) {
      versions.add(weights(version));
    }
    List<Thread> threads = new ArrayList<>();
    boolean[] right = new boolean[12];
    for (int i = 0; i < right.length; i++) {
      int task = i;
      threads.add(
          new Thread(
              () -> {
                boolean all = true;
                float[] expected = expected(task % 3);
                for (int repeat = 0; repeat < 5; repeat++) {
                  try (PolicyReplica replica = acquire(versions.get(task % 3))) {
                    all &= Arrays.equals(expected, replica.policy().logProbs(1, TOKENS));
                  }
                }
                right[task] = all;
              }));
    }
    threads.forEach(Thread::start);
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    for (boolean one : right) {
      assertTrue(one);
    }
    assertEquals(1, ExecutorState.OF_THIS_JVM.count(run));
  }
}
