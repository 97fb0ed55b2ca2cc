package io.avatarl.advantage;

/**
 * Mean and standard deviation of one group's rewards.
 *
 * @param mean Σ w·r
 * @param std √(Σ w·(r − mean)²); for a sample, where w = 1/K, without bias: the sum is divided by 1
 *     − Σ w² = (K − 1)/K
 * @param degenerate all rewards are equal: there is nothing to learn, whatever rounding leaves in
 *     mean and std
 */
record GroupStatistics(double mean, double std, boolean degenerate) {
  /** Of the entries from, from + stride, …, {@code count} of them. */
  static GroupStatistics of(
      float[] weights, float[] rewards, int from, int stride, int count, boolean sampled) {
    int end = from + stride * count;
    double mean = 0;
    double squaredWeights = 0;
    boolean degenerate = true;
    for (int i = from; i < end; i += stride) {
      mean += (double) weights[i] * rewards[i];
      squaredWeights += (double) weights[i] * weights[i];
      degenerate &= rewards[i] == rewards[from];
    }
    double variance = 0;
    for (int i = from; i < end; i += stride) {
      variance += weights[i] * (rewards[i] - mean) * (rewards[i] - mean);
    }
    if (sampled && squaredWeights < 1) {
      variance /= 1 - squaredWeights;
    }
    return new GroupStatistics(mean, Math.sqrt(variance), degenerate);
  }
}
