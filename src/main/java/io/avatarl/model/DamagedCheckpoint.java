package io.avatarl.model;

import io.avatarl.config.UserError;

/**
 * A file of a checkpoint is missing, short, altered or of the wrong kind; another checkpoint may be
 * usable. (A file that is unreadable for lack of permission, or because its file system fails, is
 * not damaged.)
 */
public final class DamagedCheckpoint extends UserError {
  DamagedCheckpoint(String file, String why, Throwable cause) {
    super(
        file
            + ": damaged ("
            + why
            + "); use the checkpoint before it (--checkpoint STEP), or delete this one's folder",
        cause);
  }
}
