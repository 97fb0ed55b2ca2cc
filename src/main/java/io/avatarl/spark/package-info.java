/**
 * What runs on Spark. Notebooks use {@code Rollouts} and {@code TextGenerator}; the rest stands in
 * families of their own, of which {@code ArchitectureTest} lists who may call whom. This package is
 * the front of the tables and of text generation alone. No class of the room holds a formula, and
 * none sets a master.
 */
package io.avatarl.spark;
