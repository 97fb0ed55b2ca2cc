package io.avatarl.spark.transport;

import java.io.Serializable;

/**
 * One version of the policy as it is broadcast.
 *
 * @param run distinguishes runs in one JVM
 * @param version number of rounds that led to the weights
 * @param parameters flat, in the model's layout
 */
public record PolicyWeights(String run, long version, PackedFloats parameters)
    implements Serializable {}
