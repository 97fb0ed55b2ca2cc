/**
 * What results are compared with: the same model trained by plain cross-entropy, and n-gram tables.
 * No cross-entropy loss exists outside this room and {@code bench}.
 *
 * <p>May call every room below it. Nothing that training's loop can reach may call it
 * (ArchitectureTest): no preset and no key can choose a loss from here.
 */
package io.avatarl.yardstick;
