"""Training from a cell: progress below it, and a stop button that leaves a checkpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pyspark import InheritableThread
from pyspark.sql import DataFrame, SparkSession

from avatarl._errors import UserError, _Cancelled, one_line
from avatarl._session import java

_T = TypeVar("_T")


def show(line: str) -> None:
    """Prints a line of progress at once."""
    print(line, flush=True)


def train(
    spark: SparkSession,
    corpus: str | DataFrame | Mapping[str, Any] | None = None,
    *,
    out: str,
    preset: str | None = None,
    resume: bool = False,
    column: str | None = None,
    progress: Callable[[str], object] | None = show,
    **settings: Any,
) -> str:
    """Trains a language model in this session, prints progress, and returns the run's folder.

    corpus: a text, folder or glob at any Hadoop path, as jobs/train.sh takes it; or a DataFrame, whose strings in `column` are documents.
    out: the run's folder, any Hadoop path. preset: a preset's name or a file that ends in .conf. resume: go on with the run in `out`.
    progress: gets each line of progress; None: nobody does. settings: keys of reference.conf, nested or with dots:
    `steps=50, learner={"entropy": 0.01}, **{"evaluation.every": 10}`.

    An interrupt (Ctrl-C, a notebook's stop button) ends training after the current step with a checkpoint and raises KeyboardInterrupt; the
    same call with `resume=True` goes on from it. Raises UserError where the input is wrong.
    """
    root = java(spark)
    config: dict[str, Any] = flat(settings)
    config["out"] = str(out)
    config["resume"] = bool(resume)
    if preset is not None:
        config["preset"] = preset
    if column is not None:
        config["corpus.column"] = column
    if isinstance(corpus, DataFrame):
        rows = corpus._jdf
        return follow(lambda: root.jobs.Training.start(rows, config), progress)
    if isinstance(corpus, Mapping):
        config.update(flat({"corpus": corpus}))
    elif corpus is not None:
        config["corpus"] = str(corpus)
    return follow(lambda: root.jobs.Training.start(spark._jsparkSession, config), progress)


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as keys with dots and values as HOCON writes them."""
    pairs: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            pairs.update(flat(value, f"{prefix}{key}."))
        else:
            pairs[prefix + key] = value if isinstance(value, str) else _hocon(prefix + key, value)
    return pairs


def _hocon(key: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except TypeError:
        raise UserError(f"{key}: {value!r} is of type {type(value).__name__}; give a number, a text, True, False or a list") from None


def follow(start: Callable[[], Any], progress: Callable[[str], object] | None) -> str:
    """Waits for a training of the JVM and hands its lines on; the run's folder.

    start: begins it, on another thread: an interrupt of a thread that waits for the JVM breaks PySpark's connection, and then nothing can be
    stopped by it.
    """
    call = _Call(start, progress)
    worker = InheritableThread(target=call.run)  # With the caller's job group.
    worker.daemon = True
    worker.start()
    try:
        worker.join()
    except KeyboardInterrupt:
        threading.Thread(target=call.stop, daemon=True).start()
        worker.join()  # For the checkpoint. A second interrupt does not wait.
        raise
    if isinstance(call.error, _Cancelled):
        raise KeyboardInterrupt(str(call.error))
    if call.error is not None:
        raise call.error
    return call.result


def apart(function: Callable[[], _T]) -> _T:
    """Calls the JVM on another thread, for the reason that `follow` has. PySpark's handler of an interrupt cancels what it waits for."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with one_line():
                results.append(function())
        except BaseException as error:
            errors.append(error)

    worker = InheritableThread(target=run)
    worker.daemon = True
    worker.start()
    worker.join()
    if errors:
        raise errors[0]
    return results[0]


class _Call:
    """A training and who waits for it."""

    def __init__(self, start: Callable[[], Any], progress: Callable[[str], object] | None) -> None:
        self._start = start
        self._progress = progress
        self._lock = threading.Lock()
        self._training: Any = None
        self._stopped = False
        self.result = ""
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with one_line():
                training = self._start()
                with self._lock:
                    self._training = training
                    stopped = self._stopped
                if stopped:
                    training.stop()
                try:
                    while (line := training.next()) is not None:
                        if self._progress is not None:
                            self._progress(line)
                except BaseException:
                    training.stop()  # Nobody listens any more.
                    raise
                self.result = training.result()
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        """Ends training with a checkpoint, also where it has not begun."""
        with self._lock:
            self._stopped = True
            training = self._training
        if training is not None:
            training.stop()
