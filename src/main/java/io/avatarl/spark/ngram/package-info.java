/**
 * Counts the n-grams of a text of any length with Spark jobs. calls only spark.transport of the families and no model.
 */
package io.avatarl.spark.ngram;
