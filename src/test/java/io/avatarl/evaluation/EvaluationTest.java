package io.avatarl.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class EvaluationTest {
  private static Scores calibration(int first, int last) {
    JsonNode reference = ReferenceValues.read("calibration");
    float[] logProbs = ReferenceValues.floats(reference.get("probabilities"));
    for (int i = 0; i < logProbs.length; i++) {
      logProbs[i] = (float) Math.log(logProbs[i]);
    }
    int[] gold = ReferenceValues.ints(reference.get("gold"));
    int vocabulary = ReferenceValues.shape(reference.get("probabilities")).get(1);
    Scores scores = new Scores();
    for (int i = first; i < Math.min(last, gold.length); i++) {
      scores.add(logProbs, i * vocabulary, vocabulary, gold[i], 1);
    }
    return scores;
  }

  @Test
  void calibrationErrorAndAccuracyAreThoseOfPyTorch() {
    JsonNode reference = ReferenceValues.read("calibration");
    Scores scores = calibration(0, Integer.MAX_VALUE);
    int[] correct = ReferenceValues.ints(reference.get("correct"));
    assertEquals(correct.length, scores.positions());
    assertEquals(Arrays.stream(correct).average().orElseThrow(), scores.accuracy(), 1e-12);
    assertEquals(
        reference.get("expected_calibration_error").doubleValue(), scores.calibrationError(), 1e-7);
  }

  @Test
  void addingScoresAddsTheirPositions() {
    Scores whole = calibration(0, 59);
    Scores sum = calibration(0, 20);
    sum.add(calibration(20, 59));
    assertEquals(whole.positions(), sum.positions());
    assertEquals(whole.crossEntropy(), sum.crossEntropy(), 1e-12);
    assertEquals(whole.accuracy(), sum.accuracy());
    assertEquals(whole.calibrationError(), sum.calibrationError(), 1e-12);
  }

  @Test
  void byHand() {
    float half = (float) Math.log(0.5);
    float quarter = (float) Math.log(0.25);
    float[] logProbs = {9, half, quarter, quarter, quarter, half, quarter, 9};
    Scores scores = new Scores();
    scores.add(logProbs, 1, 3, 0, 1); // a hit
    scores.add(logProbs, 4, 3, 2, 1); // a miss
    assertEquals(2, scores.positions());
    assertEquals(1.5 * Math.log(2), scores.crossEntropy(), 1e-6);
    assertEquals(Math.pow(2, 1.5), scores.perplexity(), 1e-5);
    assertEquals(0.5, scores.accuracy());
    assertEquals(0, scores.calibrationError(), 1e-7, "half confident, half right");
    scores.add(logProbs, 4, 3, 2, 1);
    assertEquals(0.5 - 1 / 3.0, scores.calibrationError(), 1e-7);
  }

  @Test
  void consecutiveSegmentsCoverEveryTargetOnce() {
    for (int tokens = 2; tokens < 60; tokens++) {
      for (int context = 1; context < 20; context++) {
        int[] counted = counted(EvaluationWindow.consecutive(tokens, context), tokens, context);
        for (int target = 1; target < tokens; target++) {
          assertEquals(1, counted[target], "target " + target + " of " + tokens);
        }
      }
    }
  }

  @Test
  void slidingSegmentsCountEveryTargetOnceWithHalfAContextBeforeIt() {
    for (int tokens = 2; tokens < 60; tokens++) {
      for (int context = 1; context < 20; context++) {
        List<EvaluationWindow> segments = EvaluationWindow.sliding(tokens, context);
        int[] counted = counted(segments, tokens, context);
        for (int target = 1; target < tokens; target++) {
          // The first half context of targets cannot have so much before it.
          assertEquals(target > context / 2 ? 1 : 0, counted[target], "target " + target);
        }
        for (EvaluationWindow segment : segments) {
          // The target at place t of a segment is preceded by t + 1 tokens.
          assertTrue(segment.countFrom() + 1 > context / 2.0, segment + " of context " + context);
          assertTrue(segment.countFrom() < segment.length(), "no segment counts nothing");
        }
      }
    }
  }

  @Test
  void spreadSegmentsAreFullAndDistinctAndReachOverTheSplit() {
    for (int tokens = 2; tokens < 60; tokens++) {
      for (int context = 1; context < 20; context++) {
        int windows = (tokens - 1) / context;
        Set<EvaluationWindow> full = new HashSet<>();
        for (EvaluationWindow segment : EvaluationWindow.consecutive(tokens, context)) {
          if (segment.length() == context) {
            full.add(segment);
          }
        }
        assertEquals(windows, full.size());
        for (int count : new int[] {1, 2, 3, 7, 1000}) {
          List<EvaluationWindow> segments = EvaluationWindow.spread(tokens, context, count);
          assertEquals(Math.min(count, windows), segments.size());
          assertTrue(full.containsAll(segments));
          assertEquals(segments.size(), new HashSet<>(segments).size());
          counted(segments, tokens, context);
          if (count >= 2 && windows >= count) {
            // The gaps between them differ by one window at most.
            for (int i = 1; i < segments.size(); i++) {
              int gap = (segments.get(i).start() - segments.get(i - 1).start()) / context;
              assertTrue(gap == windows / count || gap == windows / count + 1);
            }
          }
        }
      }
    }
  }

  /** How often each target is counted; checks that each segment lies inside the split. */
  private static int[] counted(List<EvaluationWindow> segments, int tokens, int context) {
    int[] counted = new int[tokens];
    for (EvaluationWindow segment : segments) {
      assertTrue(segment.length() >= 1 && segment.length() <= context);
      assertTrue(segment.start() >= 0 && segment.start() + segment.length() < tokens);
      for (int t = segment.countFrom(); t < segment.length(); t++) {
        counted[segment.start() + t + 1]++;
      }
    }
    return counted;
  }

  @Test
  void theEvaluatorAsksThePolicyForEachCountedTarget() {
    NativeEngine.load(1);
    GptConfig config =
        ConfigReader.read("", "model { layers = 1, heads = 1, width = 8, context = 6 }", List.of())
            .model();
    Parameters parameters = Parameters.random(ParameterLayout.of(config, 5), 0.5, 1);
    int[] tokens = new Random(1).ints(40, 0, 5).toArray();
    int[] characters = {1, 1, 1, 1, 1};
    try (Policy policy = new Policy(config, parameters)) {
      for (List<EvaluationWindow> segments :
          List.of(
              EvaluationWindow.consecutive(40, 6),
              EvaluationWindow.sliding(40, 6),
              EvaluationWindow.spread(40, 6, 3))) {
        Scores expected = new Scores();
        for (EvaluationWindow segment : segments) {
          int end = segment.start() + segment.length();
          long[] inputs = ReferenceValues.longs(Arrays.copyOfRange(tokens, segment.start(), end));
          float[] logProbs = policy.logProbs(1, inputs);
          for (int t = segment.countFrom(); t < segment.length(); t++) {
            expected.add(logProbs, 5 * t, 5, tokens[segment.start() + t + 1], 1);
          }
        }
        for (int batch : new int[] {1, 2, 3, 100}) {
          AtomicInteger done = new AtomicInteger();
          Scores scores =
              Evaluator.score(policy, tokens, characters, segments, batch, done::addAndGet);
          assertEquals(segments.size(), done.getAndSet(0));
          assertEquals(expected.positions(), scores.positions());
          assertEquals(expected.crossEntropy(), scores.crossEntropy(), 1e-5);
          assertEquals(expected.accuracy(), scores.accuracy());
          assertEquals(expected.calibrationError(), scores.calibrationError(), 1e-5);
        }
      }
    }
  }
}
