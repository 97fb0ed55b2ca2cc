package io.avatarl.files;

import java.io.Serializable;

/**
 * A file that is not empty.
 *
 * @param path from its file system's root
 * @param length in bytes, at least 1
 * @param modified milliseconds since 1970
 */
public record FileEntry(String path, long length, long modified) implements Serializable {}
