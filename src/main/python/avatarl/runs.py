"""What a run left: its rollouts and its metrics, as DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from avatarl._errors import one_line
from avatarl._session import java


def rollouts(spark: SparkSession, run: str) -> DataFrame:
    """One row for each action that was tried and kept: context, action, probability, reward, advantage, ... (docs/runs.md)."""
    root = java(spark)
    with one_line():
        return DataFrame(root.spark.Rollouts.read(spark._jsparkSession, run), spark)


def metrics(spark: SparkSession, run: str) -> DataFrame:
    """One row for each update and each evaluation (`kind`)."""
    root = java(spark)
    with one_line():
        return DataFrame(root.spark.Rollouts.metrics(spark._jsparkSession, run), spark)


def register_views(spark: SparkSession, run: str) -> None:
    """Makes the temporary views rollouts, groups, confusions, rewards, progress and metrics of a run, for `spark.sql`."""
    root = java(spark)
    with one_line():
        root.spark.Rollouts.registerViews(spark._jsparkSession, run)
