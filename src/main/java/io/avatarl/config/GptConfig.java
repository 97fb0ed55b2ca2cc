package io.avatarl.config;

import java.io.Serializable;

/**
 * Shape and form of the model. The default form is avatarl's (RMSNorm without parameters, rotary
 * positions, QK-norm, ReLU², tied output, no biases); {@code norm = layer, positions = learned,
 * activation = gelu, qkNorm = false, bias = true} is GPT-2's own (Radford et al. 2019).
 *
 * @param layers transformer blocks
 * @param heads attention heads; must divide {@code width}
 * @param width residual stream width (D)
 * @param context longest context in tokens (T)
 * @param norm {@code rms}: x / √(mean x² + ε), no parameters; {@code layer}: LayerNorm with weight
 *     and bias
 * @param positions {@code rotary} (Su et al. 2021, half-split form) or {@code learned}
 * @param activation {@code relu2} (So et al. 2021), {@code gelu} (exact) or {@code gelu-tanh} (its
 *     approximation, with which GPT-2 was trained)
 * @param qkNorm RMS-normalise queries and keys per head
 * @param tokenShift to each token's embedding, and to the inputs of attention and MLP, is added a
 *     share of its predecessor's, learned for each channel and 0 at first (as RWKV's token shift,
 *     Peng et al. 2023, arXiv 2305.13048, section 3.1, with a free share)
 * @param bias biases in the linear layers
 * @param tied output matrix = token embedding
 * @param initStd standard deviation of the normal initialisation of every matrix
 * @param precision how matrices are multiplied in training; not part of a checkpoint
 */
public record GptConfig(
    int layers,
    int heads,
    int width,
    int context,
    Norm norm,
    Positions positions,
    Activation activation,
    boolean qkNorm,
    boolean tokenShift,
    boolean bias,
    boolean tied,
    double initStd,
    Precision precision)
    implements Serializable {

  public enum Norm {
    RMS,
    LAYER
  }

  public enum Positions {
    ROTARY,
    LEARNED
  }

  public enum Activation {
    RELU2,
    GELU,
    /** 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and Gimpel 2016). */
    GELU_TANH
  }

  /** Precision of matrix products; everything else is float32. */
  public enum Precision {
    FLOAT32,
    /** float32, but a GPU may round operands to TF32. */
    TF32,
    /** Operands and results are rounded to bfloat16. */
    BFLOAT16
  }

  public GptConfig {
    // A checkpoint's config.json may lack them; HOCON cannot.
    Check.that(norm != null, "norm", "is missing");
    Check.that(positions != null, "positions", "is missing");
    Check.that(activation != null, "activation", "is missing");
    Check.that(precision != null, "precision", "is missing");
    Check.range("layers", layers, 1, 1000);
    Check.range("heads", heads, 1, 1000);
    Check.range("width", width, 1, 65536);
    Check.range("context", context, 1, 65536);
    Check.range("initStd", initStd, 0, 10);
    Check.that(width % heads == 0, "heads", heads + " does not divide model.width = " + width);
    Check.that(
        positions != Positions.ROTARY || (width / heads) % 2 == 0,
        "heads",
        "rotary positions need an even head width, but model.width / model.heads = "
            + width / heads);
  }

  /** Width of one attention head. */
  public int headWidth() {
    return width / heads;
  }
}
