package io.avatarl.interchange;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.model.Gpt;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Models of the two forms with numbers that nothing but an exact mapping reproduces. */
final class Models {
  static final int CONTEXT = 50;
  static final String TEXT = GeneratedPlay.write(5, 8_000) + "é😀€ naïve “quotes”\n";

  /** GPT-2's form, but for the shape. */
  static final String[] GPT2 = {
    "model.norm=layer",
    "model.positions=learned",
    "model.activation=gelu",
    "model.qkNorm=false",
    "model.bias=true",
    "model.tied=false"
  };

  private Models() {}

  static GptConfig config(String... overrides) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "model.layers=3",
                "model.heads=4",
                "model.width=32",
                "model.context=" + CONTEXT,
                "model.initStd=0.15"));
    all.addAll(List.of(overrides));
    return ConfigReader.read("trial", "", all).model();
  }

  static Tokenizer tokenizer(boolean bpe) {
    return bpe ? BpeTokenizer.train(TEXT, 120) : CharacterTokenizer.of(TEXT);
  }

  /** Random everywhere, also where initial values are zeros and ones. */
  static Parameters parameters(GptConfig config, Tokenizer tokenizer) {
    Parameters parameters =
        Parameters.random(
            ParameterLayout.of(config, tokenizer.vocabularySize()), config.initStd(), 3);
    Random random = new Random(4);
    float[] values = parameters.toArray();
    for (ParameterLayout.Parameter p : parameters.layout().parameters()) {
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        values[i] += (float) (0.05 * random.nextGaussian());
      }
    }
    parameters.set(values);
    return parameters;
  }

  /** [windows][T] of the text's first tokens. */
  static int[][] windows(Tokenizer tokenizer, int windows) {
    int[] tokens = tokenizer.encode(TEXT.substring(TEXT.length() - 7_000));
    int[][] cut = new int[windows][];
    for (int i = 0; i < windows; i++) {
      cut[i] = Arrays.copyOfRange(tokens, i * CONTEXT, (i + 1) * CONTEXT);
    }
    return cut;
  }

  /** [windows·T·V] */
  static float[] logits(GptConfig config, Parameters parameters, int[][] windows) {
    NativeEngine.load(1, config.precision());
    long[] inputs = Arrays.stream(windows).flatMapToInt(Arrays::stream).asLongStream().toArray();
    try (NDManager manager = NDManager.newBaseManager();
        Gpt gpt = new Gpt(config, manager)) {
      NDArray tokens = manager.create(inputs, new Shape(windows.length, windows[0].length));
      return gpt.logits(parameters.tensors(manager), tokens).toFloatArray();
    }
  }
}
