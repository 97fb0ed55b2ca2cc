/**
 * Counts the n-grams of a text of any length with Spark jobs. Of the other families it calls {@code
 * spark.transport} only, and no model.
 */
package io.avatarl.spark.ngram;
