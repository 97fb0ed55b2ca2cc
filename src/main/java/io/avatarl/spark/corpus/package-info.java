/**
 * A corpus as a Spark dataset: finds files and rows, scans them, tokenizes them into a {@link
 * io.avatarl.corpus.TokenFolder} or into memory. The only part of the spark room that reads
 * corpora; knows no policy, no rollout and no training. {@code io.avatarl.corpus} defines what a
 * token is and how documents are split.
 */
package io.avatarl.spark.corpus;
