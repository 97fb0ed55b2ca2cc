"""Reinforcement learning whose rewards are a column of a DataFrame."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession

from avatarl._session import java
from avatarl._training import apart, flat


class PolicyTrainer:
    """Draws continuations of prompts as a DataFrame, learns from them once any Spark code has added `reward`, and saves a run like any other.

        with avatarl.PolicyTrainer.load(spark, run) as policy:
            for step in range(100):
                drawn = policy.rollouts(prompts, samples=8, tokens=64)
                print(policy.learn(drawn.withColumn("reward", score("continuation"))))
            policy.save("runs/second")

    Settings are keys of reference.conf, nested or with dots, as in `avatarl.train`. The same seed, prompts and rewards give the same bits, however
    the rows are partitioned.
    """

    def __init__(self, spark: SparkSession, java_object: Any) -> None:
        """Use `load` or `initial`."""
        self._spark = spark
        self._java = java_object

    @classmethod
    def load(cls, spark: SparkSession, run: str, **settings: Any) -> PolicyTrainer:
        """Begins with a run's newest weights, under its settings but for those that are given; optimizer and counters begin anew."""
        root = java(spark)
        return cls(spark, apart(lambda: root.jobs.PolicyTrainer.load(spark._jsparkSession, str(run), flat(settings))))

    @classmethod
    def initial(cls, spark: SparkSession, corpus: str | None = None, *, preset: str | None = None, **settings: Any) -> PolicyTrainer:
        """Begins with random weights; corpus and preset are those of `avatarl.train`."""
        root = java(spark)
        given = flat(settings)
        if corpus is not None:
            given["corpus"] = str(corpus)
        if preset is not None:
            given["preset"] = preset
        return cls(spark, apart(lambda: root.jobs.PolicyTrainer.initial(spark._jsparkSession, given)))

    def rollouts(self, prompts: DataFrame, samples: int | None = None, tokens: int | None = None) -> DataFrame:
        """`samples` continuations of `tokens` tokens for each row's `prompt`, one row each; by default rollout.samples and rollout.horizon.

        Adds continuation, group_id, rollout, action_tokens, logprobs, policy_version and others to the columns of prompts.
        """
        if (samples is None) != (tokens is None):
            raise TypeError("rollouts: give samples and tokens, or neither")
        numbers = () if samples is None else (int(samples), int(tokens or 0))
        return DataFrame(apart(lambda: self._java.rollouts(prompts._jdf, *numbers)), self._spark)

    def learn(self, scored: DataFrame) -> Row:
        """One step on what `rollouts` gave, with a column `reward`: a number, or an array with a number for each token. The step's metrics."""
        return _row(apart(lambda: self._java.learn(scored._jdf).json()))

    def evaluate(self) -> Row:
        """Scores the policy on a part of the corpus's validation split."""
        return _row(apart(lambda: self._java.evaluate().json()))

    def save(self, run: str) -> str:
        """Writes a run like any other and returns its folder; called again for the same folder, it brings that up to date."""
        return str(apart(lambda: self._java.save(str(run))))

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self._java.step())

    @property
    def policy_version(self) -> int:
        """Version of the policy that `rollouts` draws from."""
        return int(self._java.policyVersion())

    def close(self) -> None:
        """Frees memory in the JVM and on executors; DataFrames that were drawn may be lost."""
        apart(self._java.close)

    def __enter__(self) -> PolicyTrainer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _row(text: str) -> Row:
    return Row(**json.loads(text))
