"""Stages of Spark ML: an estimator that trains, and its model, which continues a column of texts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLReader, JavaMLWritable
from pyspark.ml.wrapper import JavaEstimator, JavaModel
from pyspark.sql import DataFrame

from avatarl._errors import UserError, one_line
from avatarl._session import java, running
from avatarl._training import flat, follow, show

# PySpark looks for the Python class of a loaded pipeline's stage by the name of its Java class.
sys.modules["io.avatarl.ml"] = sys.modules["io.avatarl.spark"] = sys.modules[__name__]


def _root() -> Any:
    spark = running()
    if spark is None:
        raise UserError("there is no Spark session: avatarl.session() starts one")
    return java(spark)


def _param(name: str, doc: str, converter: Any) -> Param[Any]:
    return Param(Params._dummy(), name, doc, converter)


def _to_settings(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"settings is a dict of keys of reference.conf, not {type(value).__name__}")
    return flat(dict(value))


class _Reader(JavaMLReader[Any]):
    @classmethod
    def _java_loader_class(cls, clazz: Any) -> str:
        _root()
        return str(clazz._JAVA)


class _Stage(JavaMLReadable[Any], JavaMLWritable):
    """What both stages share: their parameters are those of the Java object, set by keywords or by setters."""

    _JAVA = ""

    def _begin(self, java_object: Any, values: dict[str, Any]) -> None:
        self._java_obj = java_object
        self._resetUid(java_object.uid())  # type: ignore[attr-defined]
        self._transfer_params_from_java()  # type: ignore[attr-defined]
        self._give(**values)

    def _give(self, **values: Any) -> Any:
        """Sets what is not None."""
        given = {name: value for name, value in values.items() if value is not None}
        try:
            return self._set(**given)  # type: ignore[attr-defined]
        except TypeError as error:
            raise UserError(f"{type(self).__name__}: {error}") from None

    @classmethod
    def read(cls) -> Any:
        return _Reader(cls)


class TextGenerator(JavaModel, _Stage):
    """Continues a column of texts with a trained model; docs/library.md.

    modelUrl is the folder of a run (its newest checkpoint) or of a checkpoint, any Hadoop path. The same model, seed and text give the same
    continuation wherever the row lies. NULL gives NULL. Works on streaming DataFrames, in a Pipeline, and is saved like any other stage.
    """

    _JAVA = "io.avatarl.spark.TextGenerator"

    inputCol = _param("inputCol", "column of the texts to continue", TypeConverters.toString)
    outputCol = _param("outputCol", "column of the continuations", TypeConverters.toString)
    modelUrl = _param("modelUrl", "folder of a run or of a checkpoint, any Hadoop path", TypeConverters.toString)
    maxNewTokens = _param("maxNewTokens", "tokens of a continuation", TypeConverters.toInt)
    temperature = _param("temperature", "the logits are divided by it; 0 takes the most probable token", TypeConverters.toFloat)
    seed = _param("seed", "another seed, another continuation", TypeConverters.toInt)
    batchSize = _param("batchSize", "rows of a partition generated at once", TypeConverters.toInt)

    def __init__(
        self,
        *,
        modelUrl: str | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        maxNewTokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        batchSize: int | None = None,
    ) -> None:
        values = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__()
        self._begin(_root().spark.TextGenerator(), values)

    @classmethod
    def _of(cls, java_model: Any) -> TextGenerator:
        model = cls()
        model._begin(java_model, {})
        return model

    def setModelUrl(self, value: str) -> TextGenerator:
        return self._give(modelUrl=value)

    def setInputCol(self, value: str) -> TextGenerator:
        return self._give(inputCol=value)

    def setOutputCol(self, value: str) -> TextGenerator:
        return self._give(outputCol=value)

    def setMaxNewTokens(self, value: int) -> TextGenerator:
        return self._give(maxNewTokens=value)

    def setTemperature(self, value: float) -> TextGenerator:
        return self._give(temperature=value)

    def setSeed(self, value: int) -> TextGenerator:
        return self._give(seed=value)

    def setBatchSize(self, value: int) -> TextGenerator:
        return self._give(batchSize=value)

    def getModelUrl(self) -> str:
        return self.getOrDefault(self.modelUrl)

    def getInputCol(self) -> str:
        return self.getOrDefault(self.inputCol)

    def getOutputCol(self) -> str:
        return self.getOrDefault(self.outputCol)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        with one_line():
            return super()._transform(dataset)


class LanguageModelTrainer(JavaEstimator[Any], _Stage):
    """Trains a language model on a column of texts and returns its TextGenerator; docs/library.md.

    Every `fit` trains a run of its own, in `out`, `out-2`, ...; the model's `getModelUrl()` says where. settings are keys of reference.conf,
    nested or with dots; seed, steps, learningRate and patience win over them, and CrossValidator can vary all of them. Prints progress
    unless verbose is False. An interrupt ends training with a checkpoint and raises KeyboardInterrupt.
    """

    _JAVA = "io.avatarl.ml.LanguageModelTrainer"

    inputCol = _param("inputCol", "column of the texts to train on", TypeConverters.toString)
    outputCol = _param("outputCol", "column of the continuations that the model adds", TypeConverters.toString)
    preset = _param("preset", "a preset's name, or a file that ends in .conf", TypeConverters.toString)
    settings = _param("settings", "keys of reference.conf with their values", _to_settings)
    out = _param("out", "folder of the run, any Hadoop path", TypeConverters.toString)
    seed = _param("seed", "of every random stream of training", TypeConverters.toInt)
    steps = _param("steps", "training steps", TypeConverters.toInt)
    learningRate = _param("learningRate", "its peak, of AdamW (learner.optimizer.learningRate)", TypeConverters.toFloat)
    patience = _param(
        "patience", "evaluations without a lower cross-entropy after which training ends (evaluation.patience)", TypeConverters.toInt
    )
    verbose = _param("verbose", "whether fit prints its progress", TypeConverters.toBoolean)

    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        preset: str | None = None,
        settings: Mapping[str, Any] | None = None,
        out: str | None = None,
        seed: int | None = None,
        steps: int | None = None,
        learningRate: float | None = None,
        patience: int | None = None,
        verbose: bool | None = None,
    ) -> None:
        values = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__()
        self._begin(_root().ml.LanguageModelTrainer(), values)

    def setInputCol(self, value: str) -> LanguageModelTrainer:
        return self._give(inputCol=value)

    def setOutputCol(self, value: str) -> LanguageModelTrainer:
        return self._give(outputCol=value)

    def setPreset(self, value: str) -> LanguageModelTrainer:
        return self._give(preset=value)

    def setSettings(self, value: Mapping[str, Any]) -> LanguageModelTrainer:
        return self._give(settings=value)

    def setOut(self, value: str) -> LanguageModelTrainer:
        return self._give(out=value)

    def setSeed(self, value: int) -> LanguageModelTrainer:
        return self._give(seed=value)

    def setSteps(self, value: int) -> LanguageModelTrainer:
        return self._give(steps=value)

    def setLearningRate(self, value: float) -> LanguageModelTrainer:
        return self._give(learningRate=value)

    def setPatience(self, value: int) -> LanguageModelTrainer:
        return self._give(patience=value)

    def setVerbose(self, value: bool) -> LanguageModelTrainer:
        return self._give(verbose=value)

    def getSettings(self) -> dict[str, str]:
        return self.getOrDefault(self.settings)

    def getOut(self) -> str:
        return self.getOrDefault(self.out)

    def _create_model(self, java_model: Any) -> TextGenerator:
        return TextGenerator._of(java_model)

    def _fit(self, dataset: DataFrame) -> TextGenerator:
        java(dataset.sparkSession)
        with one_line():
            self._transfer_params_to_java()
        trainer = self._java_obj
        run = follow(lambda: trainer.start(dataset._jdf), show if self.getOrDefault(self.verbose) else None)
        with one_line():
            return self._create_model(trainer.model(run))
