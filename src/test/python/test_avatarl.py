"""Tests of the Python package with a real PySpark: python -m unittest, with src/main/python on the path and $AVATARL_JAR as class path.

PythonPackageTest runs them.
"""

import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import avatarl
from avatarl import _errors, _session, _training
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession

TINY = {
    "steps": 3,
    "model": {"layers": 1, "heads": 2, "width": 16, "context": 16},
    "rollout": {"shards": 2, "windowsPerUpdate": 4},
    "learner": {"updatesPerStep": 2},
    "evaluation": {"every": 1, "windows": 8},
    "sample.count": 0,
}


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.spark = avatarl.session("local[2]", config={"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": 1})
        cls.lines = []
        cls.run_folder = avatarl.train(
            cls.spark, "generated", preset="smoke", out=cls.path("first"), progress=cls.lines.append, **TINY
        )
        words = "the king and the lord of the old house said to the queen what is the matter with the crown ".split()
        rows = [(i, " ".join(words[(i * 7 + n) % len(words)] for n in range(40)) + "\n") for i in range(60)]
        cls.texts = cls.spark.createDataFrame(rows + [(-1, None)], "id int, text string")

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return str(Path(cls.folder.name, name))

    def refused(self, says, call, error=avatarl.UserError):
        with self.assertRaises(error) as caught:
            call()
        text = str(caught.exception)
        self.assertIn(says, text)
        self.assertNotIn("\n", text)
        self.assertNotIn("java", text.lower())
        self.assertTrue(caught.exception.__suppress_context__ or caught.exception.__context__ is None)

    def trainer(self, name, **more):
        given = {"inputCol": "text", "outputCol": "continuation", "preset": "smoke", "settings": TINY, "verbose": False}
        return avatarl.LanguageModelTrainer(out=self.path(name), **{**given, **more})

    def weights(self, run):
        return self.spark.read.json(f"{run}/summary.json", multiLine=True).first().weights_sha256

    def test_train_hands_its_lines_on_and_returns_the_run(self):
        self.assertEqual(self.path("first"), self.run_folder)
        self.assertTrue(self.lines[0].startswith("preset     smoke, seed 1"), self.lines[0])
        self.assertTrue(any(line.startswith("step 3/3") for line in self.lines), self.lines)
        printed = StringIO()
        with redirect_stdout(printed):
            avatarl.train(self.spark, "generated", preset="smoke", out=self.path("printed"), **TINY)
        self.assertIn("\nstep 3/3", printed.getvalue())
        self.assertEqual(self.weights(self.run_folder), self.weights(self.path("printed")))

    def test_a_callback_that_fails_stops_training(self):
        def fails(line):
            if line.startswith("run "):
                raise ZeroDivisionError

        run = self.path("callback")
        with self.assertRaises(ZeroDivisionError):
            avatarl.train(self.spark, "generated", preset="smoke", out=run, progress=fails, **{**TINY, "steps": 500})
        self.assertFalse(os.path.exists(f"{run}/summary.json"))
        self.assertEqual(1, len(os.listdir(f"{run}/checkpoints")))

    def test_settings_are_flat_hocon(self):
        self.assertEqual(
            {"steps": "3", "model.layers": "2", "model.bias": "true", "reward.wordLengths": "[1, 2.5]", "sample.prompt": "a\nb"},
            _training.flat(
                {"steps": 3, "model": {"layers": 2, "bias": True}, "reward.wordLengths": [1, 2.5], "sample": {"prompt": "a\nb"}}
            ),
        )
        self.refused("steps: <object", lambda: _training.flat({"steps": object()}))

    def test_mistakes_are_one_line(self):
        train = lambda **more: avatarl.train(self.spark, **{"preset": "smoke", "out": self.path("refused"), **more})
        self.refused('unknown key "stepz"', lambda: train(stepz=3))
        self.refused("unknown preset", lambda: train(preset="smok"))
        self.refused("already holds a run", lambda: train(out=self.run_folder))
        self.refused("holds no run to resume", lambda: train(resume=True))
        self.refused("no-such-text", lambda: train(corpus=self.path("no-such-text.txt")))
        self.refused("has no column body", lambda: train(corpus=self.texts, column="body"))
        self.refused("name the column", lambda: train(corpus=self.texts))
        self.refused("no such run", lambda: avatarl.rollouts(self.spark, self.path("nothing")))
        self.refused("is no Spark session", lambda: avatarl.metrics("spark", self.run_folder))
        self.assertFalse(os.path.exists(self.path("refused")))

    def test_what_the_jvm_throws(self):
        jvm = self.spark._jvm
        cases = [
            (jvm.io.avatarl.config.Failure("no\nspace"), avatarl.Failure),
            (jvm.java.lang.IllegalStateException("x", jvm.io.avatarl.config.UserError("a b")), avatarl.UserError),
        ]
        for thrown, kind in cases:
            error = _errors._translated(thrown)
            self.assertIs(kind, type(error))
            self.assertIn(str(error), ("no space", "a b"))
        self.assertIsNone(_errors._translated(jvm.java.lang.IllegalStateException("a bug")))

    def test_a_data_frame_is_a_corpus(self):
        run = avatarl.train(self.spark, self.texts, column="text", preset="smoke", out=self.path("rows"), progress=None, **TINY)
        other = avatarl.train(
            self.spark, self.texts.repartition(5), column="text", preset="smoke", out=self.path("rows-5"), progress=None, **TINY
        )
        self.assertEqual(self.weights(run), self.weights(other))

    def test_what_a_run_left_are_data_frames(self):
        rows = avatarl.rollouts(self.spark, self.run_folder)
        self.assertLessEqual({"context", "action", "probability", "reward", "advantage"}, set(rows.columns))
        self.assertEqual([1, 3], [row.step for row in rows.select("step").distinct().orderBy("step").collect()])
        evaluations = avatarl.metrics(self.spark, self.run_folder).where("kind = 'evaluation'")
        self.assertEqual(3, evaluations.count())
        avatarl.register_views(self.spark, self.run_folder)
        self.assertEqual(2, self.spark.sql("SELECT step, accuracy FROM progress").count())

    def test_the_loop_is_data_frames(self):
        prompts = self.spark.createDataFrame([("the ", 1), ("what ", 2)], "prompt string, id int")
        settings = {"advantage.estimator": "grpo", "learner": {"updatesPerStep": 2}, "sample.count": 0}
        weights = []
        for partitions in (1, 5):
            with avatarl.PolicyTrainer.load(self.spark, self.run_folder, **settings) as policy:
                for step in range(2):
                    self.assertEqual(step, policy.step)
                    drawn = policy.rollouts(prompts, samples=4, tokens=6)
                    self.assertEqual(8, drawn.count())
                    vowels = "length(regexp_replace(continuation, '[^aeiou]', '')) / 6.0"
                    learned = policy.learn(drawn.repartition(partitions).selectExpr("*", f"{vowels} AS reward"))
                    self.assertEqual(8, learned.rows)
                self.assertGreater(policy.evaluate().val_ce, 0)
                run = policy.save(self.path(f"loop-{partitions}"))
                self.refused("reward", lambda: policy.learn(policy.rollouts(prompts, samples=4, tokens=6)))
            weights.append(self.weights(run))
        self.assertEqual(weights[0], weights[1])
        self.assertNotEqual(self.weights(self.run_folder), weights[0])
        self.refused("holds no run", lambda: avatarl.PolicyTrainer.load(self.spark, self.path("nothing")))

    def test_text_is_generated_in_a_query(self):
        prompts = self.spark.createDataFrame([("the ",), (None,)], "prompt string")
        generator = avatarl.TextGenerator(modelUrl=self.run_folder, inputCol="prompt", outputCol="text", maxNewTokens=9, seed=2)
        first = generator.transform(prompts).collect()
        self.assertEqual(9, len(first[0].text))
        self.assertIsNone(first[1].text)
        self.assertEqual(first, generator.copy().setSeed(2).transform(prompts).collect())
        self.assertNotEqual(first, generator.copy().setSeed(1 << 40).transform(prompts).collect())
        self.assertEqual(0.8, generator.getOrDefault(generator.temperature))
        self.refused("no column prompts to continue", lambda: generator.copy().setInputCol("prompts").transform(prompts))
        self.refused("holds no model", lambda: generator.copy().setModelUrl(self.path("nothing")).transform(prompts))
        self.refused("maxNewTokens", lambda: avatarl.TextGenerator(maxNewTokens="many"))

    def test_the_estimator_is_a_stage_of_a_pipeline(self):
        trainer = self.trainer("stage", seed=1 << 40, learningRate=0.01, patience=9)
        pipeline = Pipeline(stages=[trainer])
        pipeline.write().overwrite().save(self.path("pipeline"))
        loaded = Pipeline.load(self.path("pipeline")).getStages()[0]
        self.assertIsInstance(loaded, avatarl.LanguageModelTrainer)
        self.assertEqual(trainer.uid, loaded.uid)
        self.assertEqual(_training.flat(TINY), loaded.getSettings())
        self.assertEqual(1 << 40, loaded.getOrDefault("seed"))
        fitted = Pipeline(stages=[loaded]).fit(self.texts)
        fitted.write().overwrite().save(self.path("model"))
        prompts = self.texts.where("id in (1, 2)")
        again = PipelineModel.load(self.path("model"))
        self.assertIsInstance(again.stages[0], avatarl.TextGenerator)
        self.assertEqual(fitted.transform(prompts).collect(), again.transform(prompts).collect())
        self.assertEqual(self.path("stage"), again.stages[0].getModelUrl())
        trainer.save(self.path("alone"))
        self.assertEqual(trainer.getOut(), avatarl.LanguageModelTrainer.load(self.path("alone")).getOut())
        self.refused("no column body to train on", lambda: self.trainer("refused", inputCol="body").fit(self.texts))
        self.refused("the corpus is the DataFrame", lambda: self.trainer("refused", settings={"corpus.path": "x"}).fit(self.texts))

    def test_a_search_varies_parameters(self):
        # Characters are those of the rows that are not held out; bytes are always known.
        trainer = self.trainer("search", settings={**TINY, "corpus": {"tokenizer": "bpe", "bpe": {"merges": 20}}})
        grid = ParamGridBuilder().addGrid(trainer.steps, [1, 12]).addGrid(trainer.learningRate, [0.02]).build()
        search = CrossValidator(estimator=trainer, estimatorParamMaps=grid, evaluator=Letters(), numFolds=2, parallelism=2)
        model = search.fit(self.texts.where("text IS NOT NULL"))
        self.assertGreater(model.avgMetrics[1], model.avgMetrics[0])
        # 2 parameters in 2 folds, then the best on all rows: each a run of its own.
        self.assertIn(model.bestModel.getModelUrl(), [self.path("search-5")])

    def test_sessions(self):
        self.assertIs(self.spark, avatarl.session())
        connect = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})
        self.refused("Spark Connect", lambda: avatarl.train(connect(), out="x"))
        self.refused("no Spark session", lambda: avatarl.train(None, out="x"))

    def test_versions_and_jars(self):
        built, jar = _session._SPARK, os.environ["AVATARL_JAR"]
        try:
            _session._SPARK = "4.0.4"
            for good in ("4.0.0", "4.1.3", "4.2.0.dev1"):
                _session._require_version(good)
            self.refused("mvn -Pwheel,spark-3.5", lambda: _session._require_version("3.5.9"))
            self.refused("pip install 'pyspark>=4.0,<5'", lambda: _session._require_version("5.0.0"))
            _session._SPARK = "3.5.9"
            _session._require_version("3.5.1")
            self.refused("mvn -Pwheel -Dmaven", lambda: _session._require_version("4.0.0"))
            os.environ["AVATARL_JAR"] = self.path("no.jar")
            self.refused("no such file", _session.jar)
            del os.environ["AVATARL_JAR"]
            package = _session._PACKAGE
            _session._PACKAGE = Path(self.path("a/b/c/d/avatarl"))
            try:
                self.refused("has no jar: install the wheel", _session.jar)
            finally:
                _session._PACKAGE = package
        finally:
            _session._SPARK = built
            os.environ["AVATARL_JAR"] = jar

    def test_a_session_without_the_jar_is_refused_in_one_line(self):
        script = (
            "import avatarl; from pyspark.sql import SparkSession\n"
            "spark = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').getOrCreate()\n"
            "for call in (avatarl.session, lambda: avatarl.train(spark, out='x'), avatarl.TextGenerator):\n"
            "    try: call()\n"
            "    except avatarl.UserError as e: print('one line:', e)\n"
        )
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
        lines = [line for line in result.stdout.splitlines() if line.startswith("one line: ")]
        self.assertEqual(3, len(lines), result.stdout + result.stderr)
        self.assertEqual(1, len(set(lines)))
        self.assertIn("has not avatarl's jar: start it by avatarl.session()", lines[0])


class Letters(Evaluator):
    """The share of continued characters that are small letters: most are, in these texts."""

    def _evaluate(self, dataset):
        letters = "length(regexp_replace(continuation, '[^a-z ]', '')) / length(continuation)"
        return dataset.selectExpr(f"avg({letters})").first()[0]


if __name__ == "__main__":
    assert SparkSession.getActiveSession() is None
    unittest.main(verbosity=2, warnings="ignore")
