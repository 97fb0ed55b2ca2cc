/**
 * Models in formats of other projects: Hugging Face's folders, written and read, and GGUF files.
 * Tensors are renamed, split and transposed here; their values never change.
 *
 * <p>May call config, files, corpus and model; knows no runs.
 */
package io.avatarl.interchange;
