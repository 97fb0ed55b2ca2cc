package io.avatarl.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import io.avatarl.config.UserError;
import io.avatarl.evaluation.BaselineScores;
import java.util.Map;

/**
 * {@code summary.json}: how a finished run ended.
 *
 * @param valCe nats per token over the validation split (as much of it as is scored), windows end
 *     to end
 * @param valCeSliding nats per token with at least half a context before every counted position
 * @param valBitsPerCharacter of the same windows as valCe; compares tokenizers
 * @param valAccuracy top-1
 * @param valCalibrationError expected calibration error, ten bins
 * @param valPositions tokens of the validation split that valCe and the like were counted on
 * @param entropy of the policy in the last step, nats per state
 * @param reward mean in the last step
 * @param baselines n-gram models on the same split, by name
 * @param corpus its name; {@code generated} for the stand-in
 * @param groups states scored
 * @param rollouts actions scored
 * @param trainSeconds wall time of the steps, with the evaluations and checkpoints among them
 * @param bytesPerStep means over the steps of the process that ended the run: {@code broadcast},
 *     the weights that went to each executor, and {@code returned}, what came back from all tasks
 * @param weightsSha256 SHA-256 of the final weights; equal for equal configurations on processors
 *     with the same instructions (with AVX2 and AVX-512 it differs)
 */
public record Summary(
    double valCe,
    double valCeSliding,
    double valBitsPerCharacter,
    double valPerplexity,
    double valAccuracy,
    double valCalibrationError,
    long valPositions,
    double entropy,
    double reward,
    Map<String, BaselineScores> baselines,
    String corpus,
    String corpusSha256,
    long parameters,
    int steps,
    long updates,
    long groups,
    long rollouts,
    double trainSeconds,
    double groupsPerSecond,
    Map<String, Double> stageSeconds,
    Map<String, Long> bytesPerStep,
    String weightsSha256,
    String sparkVersion,
    String preset,
    long seed) {
  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  public String toJson() {
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @param file for messages
   */
  static Summary fromJson(String file, String json) {
    try {
      return JSON.readValue(json, Summary.class);
    } catch (JsonProcessingException e) {
      throw new UserError(file + ": not a summary of this version; train the run again", e);
    }
  }
}
