package io.avatarl.learner;

/**
 * Metrics of one update.
 *
 * @param update counts from 1
 * @param loss mean over the groups
 * @param gradientNorm global norm before clipping
 * @param learningRate of this update
 * @param clipFraction weight of the actions whose gradient was cut off by ratio clipping
 * @param kl estimate of KL(π_old ‖ π) per group, in nats, before the update
 * @param referenceKl KL to the reference per group, in nats; 0 without one
 * @param klWeight weight of that term in this update
 * @param seconds wall time
 */
public record UpdateMetrics(
    long update,
    double loss,
    double gradientNorm,
    double learningRate,
    double clipFraction,
    double kl,
    double referenceKl,
    double klWeight,
    double seconds) {}
