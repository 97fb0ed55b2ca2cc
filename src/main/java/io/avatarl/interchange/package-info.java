/**
 * Models in the formats of others: Hugging Face's folders, written and read, and GGUF files. A
 * model's numbers are renamed, cut and turned here, never changed.
 *
 * <p>May call config, files, corpus and model; it knows nothing of runs.
 */
package io.avatarl.interchange;
