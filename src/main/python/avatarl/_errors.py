"""What the JVM throws, as one Python exception with one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from py4j.protocol import Py4JJavaError

_CONFIG = "io.avatarl.config."


class AvatarlError(Exception):
    """Something that this package foresaw; its text is one line: what is wrong, where, and how to fix it."""


class UserError(AvatarlError, ValueError):
    """The input was wrong."""


class Failure(AvatarlError, RuntimeError):
    """Nobody's mistake: a full disk, no memory, a diverging loss."""


class _Cancelled(Exception):
    """Training was stopped or its jobs were cancelled; there is a checkpoint to go on from."""


@contextmanager
def one_line() -> Iterator[None]:
    """Turns the Java exceptions of the block that have a line for people into ours; others are bugs and stay as they are."""
    try:
        yield
    except Py4JJavaError as error:
        ours = _translated(error.java_exception)
        if ours is None:
            raise
        raise ours from None


def _translated(java: Any) -> Exception | None:
    mistake = _first(java, _CONFIG + "UserError")
    if mistake is not None:
        return UserError(_text(mistake))
    failure = _first(java, _CONFIG + "Failure")
    if failure is not None:
        return Failure(_text(failure))
    if java.getClass().getName() == "java.util.concurrent.CancellationException":
        return _Cancelled(_text(java))
    return None


def _text(java: Any) -> str:
    return " ".join(str(java.getMessage()).split("\n"))


def _first(java: Any, name: str) -> Any:
    """The first one of a class, or of one below it, among a throwable and its causes."""
    while java is not None:
        kind = java.getClass()
        while kind is not None:
            if kind.getName() == name:
                return java
            kind = kind.getSuperclass()
        java = java.getCause()
    return None
