package io.avatarl.spark.transport;

import java.util.List;

/**
 * The sum of a job's summands.
 *
 * @param parts arrays which, added in this order, give the sum of the tasks' numbers in task order
 * @param rest the rest of the tasks' results, in task order
 */
public record Summed<T>(List<float[]> parts, List<T> rest) {}
