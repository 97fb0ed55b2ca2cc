"""Trains until SIGINT comes: interrupted_training.py RUN.

Needs pyspark; src/main/python is on the path and $AVATARL_JAR is the class path.
"""

import sys

import avatarl

spark = avatarl.session("local[2]", config={"spark.ui.enabled": "false"})
try:
    avatarl.train(
        spark,
        "generated",
        preset="smoke",
        out=sys.argv[1],
        steps=2000,
        evaluation={"every": 2},
        checkpoint={"every": 0},
        learner={"optimizer": {"schedule": "constant"}},  # So that the number of steps does not matter.
    )
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(f"counted {spark.range(10).count()}", flush=True)
