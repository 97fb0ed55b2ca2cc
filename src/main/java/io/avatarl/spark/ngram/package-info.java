/**
 * Counts the n-grams of a text of any length by Spark jobs. Calls no other family, and no model:
 * what is counted is the text alone.
 */
package io.avatarl.spark.ngram;
