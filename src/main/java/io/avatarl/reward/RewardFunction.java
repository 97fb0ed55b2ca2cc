package io.avatarl.reward;

import java.util.List;

/**
 * A reward of the user's own: {@code reward.custom.NAME.class} names a public class that implements
 * this and comes in a jar ({@code --jars}). It has a public constructor that takes {@link
 * RewardParams}, or one that takes nothing.
 *
 * <p>It runs on the executors, in the tasks that explored. There is one object in each JVM, and its
 * tasks call it at the same time. The same rollouts must get the same numbers, wherever and however
 * often they are scored: training repeats tasks, and a run is repeatable only if its rewards are.
 */
public interface RewardFunction {
  /**
   * Scores rollouts, before weights and offset.
   *
   * @param rollouts of one task, at least one
   * @return finite numbers between {@code lowest} and {@code highest} of the configuration: one for
   *     each rollout, or one for each token of each rollout, one rollout after another. The one
   *     number of a continuation is paid to every token of it.
   */
  double[] score(List<Rollout> rollouts);
}
