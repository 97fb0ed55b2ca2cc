package io.avatarl.corpus;

import io.avatarl.config.UserError;

/** A text has a character that is not in the vocabulary. */
public final class UnknownCharacter extends UserError {
  private static final long serialVersionUID = 1;

  UnknownCharacter(String message) {
    super(message);
  }
}
