"""avatarl on Spark from Python: language models trained from random weights by reinforcement learning alone.

    import avatarl

    spark = avatarl.session()
    run = avatarl.train(spark, preset="smoke", out="runs/first")
    avatarl.metrics(spark, run).show()

Everything runs in the JVM of a classic PySpark session that has the project's jar (the wheel brings it, `session` uses it); this package
calls it. A mistake is one exception, `UserError`, with one line.
"""

from avatarl._errors import AvatarlError, Failure, UserError
from avatarl._session import __version__, session
from avatarl._training import train
from avatarl.ml import LanguageModelTrainer, TextGenerator
from avatarl.policy import PolicyTrainer
from avatarl.runs import metrics, register_views, rollouts

__all__ = [
    "AvatarlError",
    "Failure",
    "LanguageModelTrainer",
    "PolicyTrainer",
    "TextGenerator",
    "UserError",
    "__version__",
    "metrics",
    "register_views",
    "rollouts",
    "session",
    "train",
]
