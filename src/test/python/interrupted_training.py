"""Trains by the notebook's own function until SIGINT comes: interrupted_training.py NOTEBOOK RUN.

Needs pyspark; $AVATARL_JAR is the class path.
"""

import json
import os
import sys

from pyspark.sql import SparkSession

notebook, run = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.driver.extraClassPath", os.environ["AVATARL_JAR"])
    .getOrCreate()
)
with open(notebook, encoding="utf-8") as file:
    cells = ["".join(cell["source"]) for cell in json.load(file)["cells"]]
function = next(cell for cell in cells if "def train(" in cell).split("\nrun = ")[0]
exec(function)
try:
    train(  # noqa: F821
        {
            "preset": "smoke",
            "corpus": "generated",
            "out": run,
            "steps": 2000,
            "evaluation.every": 2,
            "checkpoint.every": 0,
            "learner.optimizer.schedule": "constant",  # So that the number of steps does not matter.
        }
    )
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(f"counted {spark.range(10).count()}", flush=True)
