/**
 * How good a policy is on a text: cross-entropy, accuracy and calibration over windows of the
 * validation split. These are measured and never trained on.
 *
 * <p>May call config, corpus and model, never Spark. Must not call learner: nothing here has a
 * gradient.
 */
package io.avatarl.evaluation;
