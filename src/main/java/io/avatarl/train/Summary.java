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
 * @param valCe nats per token over the scored part of the validation split, windows end to end
 * @param valCeSliding nats per token with at least half a context before every counted position
 * @param valBitsPerCharacter of the same windows as valCe; comparable between tokenizers
 * @param valAccuracy top-1
 * @param valCalibrationError expected calibration error, ten bins
 * @param valPositions tokens of the validation split that valCe and the other scores count
 * @param entropy of the policy in the last step, nats per state
 * @param reward mean in the last step
 * @param baselines n-gram models on the same split, by name
 * @param corpus its name; {@code generated} for the generated play
 * @param groups states scored
 * @param rollouts actions scored
 * @param trainSeconds wall time of the steps in seconds, including evaluations and checkpoints
 *     between them
 * @param bytesPerStep means over the steps: {@code broadcast}, weights sent to each executor;
 *     {@code returned}, results of all tasks
 * @param weightsSha256 SHA-256 of the final weights; equal for equal configurations on processors
 *     with the same instruction set (AVX2 and AVX-512 differ)
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
