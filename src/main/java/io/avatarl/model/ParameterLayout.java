package io.avatarl.model;

import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where each named parameter of a GPT lies in one flat array of float32. Names are the usual GPT
 * ones ({@code transformer.h.0.attn.c_attn.weight}); matrices are [out, in]. Every parameter starts
 * at a multiple of 16 floats, which aligns each tensor to 64 bytes; the gaps stay zero.
 */
public final class ParameterLayout {
  private static final int ALIGNMENT = 16;

  /**
   * One parameter.
   *
   * @param offset first element in the flat array
   * @param shape at most two dimensions
   * @param init initial value: matrices normal, norm weights one, biases and shifts zero
   */
  public record Parameter(String name, int offset, List<Integer> shape, Init init) {
    public int size() {
      return shape.stream().mapToInt(Integer::intValue).reduce(1, Math::multiplyExact);
    }

    /** Where the next parameter starts, after the gap. */
    public int end() {
      return (offset + size() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Weight decay applies to matrices only. */
    public boolean decayed() {
      return shape.size() == 2;
    }
  }

  /** Initial value of a parameter. */
  public enum Init {
    NORMAL,
    ONE,
    ZERO
  }

  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private int length;

  private ParameterLayout() {}

  /**
   * The parameters of a model over a vocabulary of {@code vocabulary} tokens, in forward order.
   *
   * @throws UserError if an array cannot hold them
   */
  public static ParameterLayout of(GptConfig config, int vocabulary) {
    try {
      return layout(config, vocabulary);
    } catch (ArithmeticException e) {
      throw new UserError(
          "model: "
              + config.layers()
              + " layers of width "
              + config.width()
              + " over "
              + vocabulary
              + " tokens have more than 2^31 parameters; make it smaller",
          e);
    }
  }

  private static ParameterLayout layout(GptConfig config, int vocabulary) {
    ParameterLayout layout = new ParameterLayout();
    int d = config.width();
    layout.matrix("transformer.wte.weight", vocabulary, d);
    if (config.positions() == GptConfig.Positions.LEARNED) {
      layout.matrix("transformer.wpe.weight", config.context(), d);
    }
    layout.shift("transformer", config);
    for (int i = 0; i < config.layers(); i++) {
      String h = "transformer.h." + i + ".";
      layout.norm(h + "ln_1", config);
      layout.shift(h + "attn", config);
      layout.linear(h + "attn.c_attn", 3 * d, d, config);
      layout.linear(h + "attn.c_proj", d, d, config);
      layout.norm(h + "ln_2", config);
      layout.shift(h + "mlp", config);
      layout.linear(h + "mlp.c_fc", 4 * d, d, config);
      layout.linear(h + "mlp.c_proj", d, 4 * d, config);
    }
    layout.norm("transformer.ln_f", config);
    if (!config.tied()) {
      layout.matrix("lm_head.weight", vocabulary, d);
    }
    return layout;
  }

  private void add(String name, Init init, Integer... shape) {
    Parameter parameter = new Parameter(name, length, List.of(shape), init);
    parameters.put(name, parameter);
    Math.addExact(length, Math.addExact(parameter.size(), ALIGNMENT)); // int is enough
    length = parameter.end();
  }

  private void matrix(String name, int out, int in) {
    add(name, Init.NORMAL, out, in);
  }

  private void linear(String name, int out, int in, GptConfig config) {
    matrix(name + ".weight", out, in);
    if (config.bias()) {
      add(name + ".bias", Init.ZERO, out);
    }
  }

  private void shift(String name, GptConfig config) {
    if (config.tokenShift()) {
      add(name + ".shift", Init.ZERO, config.width());
    }
  }

  private void norm(String name, GptConfig config) {
    if (config.norm() == GptConfig.Norm.LAYER) {
      add(name + ".weight", Init.ONE, config.width());
      add(name + ".bias", Init.ZERO, config.width());
    }
  }

  /** All parameters, by ascending offset. */
  public List<Parameter> parameters() {
    return new ArrayList<>(parameters.values());
  }

  /** Floats in the flat array, gaps included. */
  public int length() {
    return length;
  }

  /** Trainable numbers, gaps excluded. */
  public long count() {
    return parameters.values().stream().mapToLong(Parameter::size).sum();
  }
}
