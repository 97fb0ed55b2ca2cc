package io.avatarl.spark.transport;

import java.io.Serializable;

/**
 * A task's contribution to a sum.
 *
 * @param numbers to be added, as many as every other task's; must not change afterwards
 * @param rest what the driver gets unchanged
 */
public record Summand<T>(float[] numbers, T rest) implements Serializable {}
