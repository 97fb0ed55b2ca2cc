package io.avatarl.advantage;

import io.avatarl.rollout.Groups;

/**
 * Mean and standard deviation of one group's rewards under the policy.
 *
 * @param weight Σ w
 * @param mean Σ w·r; for a sample Σ w·r / Σ w
 * @param std root of the variance Σ w (r − mean)². For a sample, the unbiased Σ_{i<j} w_i w_j (r_i
 *     − r_j)² = Σ w · Σ w (r − mean)². For independent draws it is multiplied by K/(K − 1), because
 *     E[w_i w_j f] = E[f] / K² over pairs i ≠ j; without replacement E[w_i w_j] = π_i π_j. With w =
 *     1/K it is the sample variance
 * @param degenerate all rewards are equal, so there is nothing to learn, whatever rounding errors
 *     mean and std have
 */
record GroupStatistics(double weight, double mean, double std, boolean degenerate) {
  /** Statistics of {@code count} entries: from, from + stride, …. */
  static GroupStatistics of(
      float[] weights, float[] rewards, int from, int stride, int count, Groups.Draw draw) {
    int end = from + stride * count;
    double mean = 0;
    double weight = 0;
    boolean degenerate = true;
    for (int i = from; i < end; i += stride) {
      mean += (double) weights[i] * rewards[i];
      weight += weights[i];
      degenerate &= rewards[i] == rewards[from];
    }
    boolean sampled = draw != Groups.Draw.ENUMERATED;
    if (sampled && weight > 0) {
      mean /= weight;
    }
    double variance = 0;
    for (int i = from; i < end; i += stride) {
      variance += weights[i] * (rewards[i] - mean) * (rewards[i] - mean);
    }
    if (sampled) {
      variance *= weight;
    }
    if (draw == Groups.Draw.INDEPENDENT && count > 1) {
      variance *= count / (count - 1.0);
    }
    return new GroupStatistics(weight, mean, Math.sqrt(variance), degenerate);
  }
}
