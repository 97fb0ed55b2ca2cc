"""A Spark session that has the project's classes, and the jar they are in."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyspark
from pyspark import SparkContext
from pyspark.sql import SparkSession

from avatarl._errors import UserError

_PACKAGE = Path(__file__).resolve().parent

try:
    from avatarl._build import SPARK as _SPARK
    from avatarl._build import VERSION as __version__
except ImportError:  # In the project's folder, not in a wheel.
    _SPARK = ""
    __version__ = "0+source"

_CONNECT = (
    "this is a Spark Connect session (also serverless compute and Databricks Connect), which has no access to the JVM that avatarl runs in:"
    " use a classic session, on Databricks on a dedicated cluster"
)


def session(
    master: str | None = None, *, memory: str = "2g", name: str = "avatarl", config: Mapping[str, Any] | None = None
) -> SparkSession:
    """A local Spark session with the jar on its class path; one that runs already, with the jar, is returned as it is.

    master: where to run; by default `spark.master` of the environment (`spark-submit`), else all cores of this machine.
    memory: of the driver, where the learner and the collected rollouts live. config: further settings of Spark.

    Raises UserError where there is no jar, where PySpark is of another version, or where a session without the jar runs already.
    """
    _require_version(pyspark.__version__)
    there = running()
    if there is not None:
        java(there)
        return there
    path = jar()
    settings = _defaults()
    settings.update({"spark.driver.memory": memory, "spark.driver.extraClassPath": path, "spark.driver.maxResultSize": "0"})
    if master is not None and not master.startswith("local[") and master != "local":
        settings["spark.jars"] = path  # Executors that are processes of their own get it from the driver.
    if master is None or master.startswith("local"):
        # Nothing outside this machine takes part: no host name to look up, no port open to the network.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings.update({key: str(value) for key, value in (config or {}).items()})
    # The JVM that PySpark starts inherits them: glibc would give large blocks back to the kernel at once.
    for key, value in settings.items():
        if key.startswith("spark.executorEnv.MALLOC_"):
            os.environ.setdefault(key.removeprefix("spark.executorEnv."), value)
    builder = SparkSession.builder.appName(name)
    if master is not None:
        builder = builder.master(master)
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    java(spark)
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def running() -> SparkSession | None:
    """The session that runs, also where it is active on another thread."""
    spark = SparkSession.getActiveSession()
    if spark is None and SparkContext._active_spark_context is not None:
        spark = SparkSession.builder.getOrCreate()
    return spark


def jar() -> str:
    """The project's jar: $AVATARL_JAR (a class path), the one of the wheel, or the one that is built in the project's folder."""
    named = os.environ.get("AVATARL_JAR")
    if named:
        if os.pathsep not in named and not os.path.exists(named):
            raise UserError(f"AVATARL_JAR={named}: no such file; correct it, or unset it to use the jar of the wheel")
        return named
    for folder in (_PACKAGE / "jars", _PACKAGE.parents[3] / "target"):
        found = sorted(glob.glob(str(folder / "avatarl-spark-*-job.jar")))
        if found:
            return found[-1]
    raise UserError(
        f"{_PACKAGE} has no jar: install the wheel that Maven builds (mvn -Pwheel -Dmaven.test.skip=true package, then pip install"
        " target/avatarl_spark-*.whl), or set AVATARL_JAR to the job's jar"
    )


def java(spark: SparkSession) -> Any:
    """The session's JVM, as py4j's `io.avatarl`; raises UserError where it has not the project's classes."""
    if not isinstance(spark, SparkSession):
        raise UserError(_CONNECT if "connect" in type(spark).__module__ else f"{spark!r} is no Spark session; avatarl.session() starts one")
    try:
        jvm = spark._jvm
    except Exception:  # PySpark's own says that an attribute is not supported.
        jvm = None
    if jvm is None:
        raise UserError(_CONNECT)
    _require_version(spark.version)
    root = jvm.io.avatarl
    if type(root.jobs.Training).__name__ != "JavaClass":
        raise UserError(
            "the Spark session has not avatarl's jar: start it by avatarl.session() in a new Python process, or put the job's jar on its class"
            " path (spark.driver.extraClassPath and spark.jars; on Databricks: the cluster's libraries)"
        )
    return root


def _require_version(version: str) -> None:
    """Spark keeps its binary interface within 4.x (Scala 2.13); 3.5 (Scala 2.12) needs a jar of its own."""
    if not _SPARK:
        return
    built = "3.5" if _SPARK.startswith("3.5") else "4"
    if not (version + ".").startswith(built + "."):
        profile = ",spark-3.5" if version.startswith("3.5") else ""
        wanted = "'pyspark>=4.0,<5'" if built == "4" else "'pyspark>=3.5,<3.6'"
        raise UserError(
            f"Spark {version}: this avatarl is built for Spark {_SPARK}; pip install {wanted}"
            + (f", or build a wheel for this one: mvn -Pwheel{profile} -Dmaven.test.skip=true package" if profile or built != "4" else "")
        )


def _defaults() -> dict[str, str]:
    """The project's settings of Spark, conf/spark-defaults.conf."""
    for path in (_PACKAGE / "spark-defaults.conf", _PACKAGE.parents[3] / "conf" / "spark-defaults.conf"):
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            pairs = (line.split(None, 1) for line in lines if line.startswith("spark."))
            return {key: value.strip() for key, value in pairs}
    return {}
