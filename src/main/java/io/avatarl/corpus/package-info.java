/**
 * Text and tokens: finding a corpus, tokenizing it, its train/validation split, windows drawn from
 * it, and n-gram tables counted on it.
 *
 * <p>Objects that are broadcast to executors ({@link io.avatarl.corpus.Corpus}, {@link
 * io.avatarl.corpus.NgramModel}) are immutable and made of primitive arrays. All randomness comes
 * from {@link io.avatarl.corpus.RandomStream}. May call config and files, never Spark.
 */
package io.avatarl.corpus;
