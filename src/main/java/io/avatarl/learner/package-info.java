/**
 * From advantages to new weights: the clipped policy loss and its gradient, optimizers, the
 * learning rate, the weight of the KL term.
 *
 * <p>There is no cross-entropy loss here: the corpus reaches the weights through advantages and, if
 * the KL term's reference is an n-gram table, through that table. Only the yardsticks may use
 * another {@link io.avatarl.learner.Objective} (ArchitectureTest). May call config, model and
 * rollout, never Spark.
 *
 * <p>Results depend on the configuration, not on the number of cores. They do depend on the kind of
 * processor: PyTorch chooses its kernels by the instruction set. A run gives the same bits on
 * processors of the same kind, but different bits with AVX2 and AVX-512.
 */
package io.avatarl.learner;
