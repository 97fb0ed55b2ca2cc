/**
 * What runs on Spark. Notebooks use {@code Rollouts} and {@code TextGenerator}, the front of the
 * tables and of text generation; the other classes are in sub-packages, and {@code
 * ArchitectureTest} lists which may call which. No class of the room contains a formula, and none
 * sets a master.
 */
package io.avatarl.spark;
