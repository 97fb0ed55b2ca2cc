package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import java.util.Map;

/**
 * The position in training, as stored in a checkpoint's marker; {@link RunState} reads and writes
 * it. Weights, moments and the weights of rollouts in flight are in separate files.
 *
 * @param entropy of the policy in the last step, nats per state
 * @param reward mean in the last step
 * @param stageSeconds wall time by phase name
 * @param moved bytes transferred so far
 * @param klWeight state of the KL controller
 * @param curriculum where the curriculum stands
 * @param monitor what the health monitor has seen
 * @param evaluation the last one before the checkpoint; null before the first one, as in the file
 * @param earlyStopping state of early stopping; a file of an earlier version has none
 * @param settings the run's configuration, {@link ConfigReader#flat flat}
 */
record TrainerState(
    long step,
    long updates,
    long groups,
    long rollouts,
    double entropy,
    double reward,
    double trainSeconds,
    Map<String, Double> stageSeconds,
    TransferredBytes.Moved moved,
    double klWeight,
    Curriculum.Position curriculum,
    HealthMonitor.State monitor,
    Evaluation evaluation,
    EarlyStopping.State earlyStopping,
    Map<String, String> settings) {

  TrainerState {
    earlyStopping = earlyStopping == null ? EarlyStopping.State.START : earlyStopping;
  }

  /**
   * A validation during training.
   *
   * @param step after which it was
   * @param valCe nats per token
   */
  record Evaluation(long step, double valCe) {}

  /** The state before the first step. */
  static TrainerState start(TrainingConfig config) {
    return new TrainerState(
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        Map.of(),
        TransferredBytes.Moved.NOTHING,
        config.learner().kl().weight(),
        Curriculum.Position.START,
        HealthMonitor.State.START,
        null,
        EarlyStopping.State.START,
        ConfigReader.flat(config));
  }
}
