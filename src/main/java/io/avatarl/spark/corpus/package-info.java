/**
 * A corpus as a Spark dataset: finds files and rows, looks through them, tokenizes them into a
 * {@link io.avatarl.corpus.TokenFolder} or into memory. The only part of the spark room that reads
 * corpora; knows no policy, no rollout and no training. What a token is and how documents are split
 * is said in {@code io.avatarl.corpus}.
 */
package io.avatarl.spark.corpus;
