/**
 * The maintainers' commands, which examine training rather than a model: {@code bench} measures its
 * speed, {@code scale} predicts it for other clusters, {@code chaos} kills runs, {@code soak}
 * watches memory. They run on this machine and may use its files.
 *
 * <p>May call every other room; none may call this one.
 */
package io.avatarl.jobs.maintenance;
