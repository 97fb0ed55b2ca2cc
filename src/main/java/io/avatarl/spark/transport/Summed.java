package io.avatarl.spark.transport;

import java.util.List;

/**
 * What the summands of a job came to.
 *
 * @param parts added in this order, they are the sum of the tasks' numbers in task order
 * @param rest what the tasks gave besides them, in task order
 */
public record Summed<T>(List<float[]> parts, List<T> rest) {}
