package io.avatarl.spark.rollout;

import java.io.Serializable;
import java.util.List;

/**
 * The policy's predictions in some fixed contexts of the validation split, and a text it writes.
 * All snapshots use the same contexts.
 *
 * @param step steps done
 * @param states in the order of the text
 * @param sample a short continuation of the configured prompt
 */
public record PolicySnapshot(long step, List<State> states, String sample) implements Serializable {
  /**
   * @param gold the text's own next token
   * @param entropy in nats
   * @param actions most probable first; then the gold one, if it is not among these
   */
  public record State(String context, String gold, double entropy, List<Action> actions)
      implements Serializable {}

  /**
   * @param reward its reward in training
   * @param advantage relative to its group
   */
  public record Action(
      String action, boolean gold, int rank, double probability, double reward, double advantage)
      implements Serializable {}
}
