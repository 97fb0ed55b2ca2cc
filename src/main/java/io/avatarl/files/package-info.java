/**
 * Files on any Hadoop file system: a local path, {@code s3a://}, {@code dbfs:/} and the like.
 *
 * <p>Every path a user names is read and written through {@link io.avatarl.files.Storage}, so that
 * every command reports an unusable path in the same words ({@code StorageErrors}). May call config
 * and Hadoop, never Spark.
 */
package io.avatarl.files;
