/**
 * Counts the n-grams of a text of any length with Spark jobs. Calls no other family and no model.
 */
package io.avatarl.spark.ngram;
