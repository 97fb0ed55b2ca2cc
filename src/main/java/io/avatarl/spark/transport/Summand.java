package io.avatarl.spark.transport;

import java.io.Serializable;

/**
 * What a task gives to a sum.
 *
 * @param numbers to be added, as many as every other task's; not changed any more
 * @param rest what the driver gets as it is
 */
public record Summand<T>(float[] numbers, T rest) implements Serializable {}
