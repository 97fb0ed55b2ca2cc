package io.avatarl.interchange;

import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where each parameter is in the files of a Hugging Face architecture: in one tensor, transposed or
 * not, or in one tensor per range of its rows. The same table serves both directions.
 */
final class TensorMap {
  private static final String OURS = "transformer.";

  /**
   * A tensor in the Hugging Face file.
   *
   * @param rows number of the parameter's rows, from the end of the previous piece
   * @param turned [in, out] there, [out, in] here
   */
  private record Piece(String name, int rows, boolean turned) {}

  private final Map<ParameterLayout.Parameter, List<Piece>> pieces = new LinkedHashMap<>();
  private final Map<String, Integer> gains = new LinkedHashMap<>();
  private final boolean gpt2;

  private TensorMap(Architecture architecture) {
    this.gpt2 = architecture == Architecture.GPT2;
  }

  static TensorMap of(Architecture architecture, GptConfig config, ParameterLayout layout) {
    TensorMap map = new TensorMap(architecture);
    for (ParameterLayout.Parameter p : layout.parameters()) {
      map.pieces.put(p, map.gpt2 ? gpt2(p) : apertus(p));
    }
    if (!map.gpt2) {
      map.gains(config);
    }
    return map;
  }

  /** The same names; GPT-2's linear layers are {@code Conv1D}s, which hold [in, out]. */
  private static List<Piece> gpt2(ParameterLayout.Parameter p) {
    boolean linear = p.name().matches(".*\\.(c_attn|c_proj|c_fc)\\.weight");
    return List.of(new Piece(p.name(), p.shape().get(0), linear));
  }

  private static List<Piece> apertus(ParameterLayout.Parameter p) {
    String name = p.name();
    if (!name.startsWith(OURS)) {
      return List.of(new Piece(name, p.shape().get(0), false)); // lm_head
    }
    if (name.equals(OURS + "wte.weight")) {
      return List.of(new Piece("model.embed_tokens.weight", p.shape().get(0), false));
    }
    String layer = name.replaceFirst("^transformer\\.h\\.(\\d+)\\..*", "model.layers.$1.");
    String part = name.replaceFirst("^transformer\\.h\\.\\d+\\.", "");
    int rows = p.shape().get(0);
    return switch (part) {
      case "attn.c_attn.weight" ->
          List.of("q", "k", "v").stream()
              .map(
                  which ->
                      new Piece(layer + "self_attn." + which + "_proj.weight", rows / 3, false))
              .toList();
      case "attn.c_proj.weight" ->
          List.of(new Piece(layer + "self_attn.o_proj.weight", rows, false));
      case "mlp.c_fc.weight" -> List.of(new Piece(layer + "mlp.up_proj.weight", rows, false));
      case "mlp.c_proj.weight" -> List.of(new Piece(layer + "mlp.down_proj.weight", rows, false));
      default -> throw new IllegalStateException(name);
    };
  }

  /** The gains of Apertus's norms, which are all ones in this project's model. */
  private void gains(GptConfig config) {
    for (int i = 0; i < config.layers(); i++) {
      String layer = "model.layers." + i + ".";
      gains.put(layer + "attention_layernorm.weight", config.width());
      gains.put(layer + "feedforward_layernorm.weight", config.width());
      gains.put(layer + "self_attn.q_norm.weight", config.headWidth());
      gains.put(layer + "self_attn.k_norm.weight", config.headWidth());
    }
    gains.put("model.norm.weight", config.width());
  }

  /** The parameters as Hugging Face tensors. */
  Map<String, Tensor> tensors(Parameters parameters) {
    Map<String, Tensor> ours = parameters.toTensors();
    Map<String, Tensor> theirs = new LinkedHashMap<>();
    pieces.forEach(
        (p, parts) -> {
          Tensor whole = ours.get(p.name());
          int row = p.size() / p.shape().get(0);
          int from = 0;
          for (Piece part : parts) {
            int to = from + part.rows * row;
            float[] values = Arrays.copyOfRange(whole.values(), from, to);
            List<Integer> shape = new ArrayList<>(p.shape());
            shape.set(0, part.rows);
            Tensor tensor = new Tensor(List.copyOf(shape), values);
            theirs.put(part.name, part.turned ? turned(tensor) : tensor);
            from = to;
          }
        });
    gains.forEach(
        (name, size) -> {
          float[] ones = new float[size];
          Arrays.fill(ones, 1);
          theirs.put(name, new Tensor(List.of(size), ones));
        });
    return theirs;
  }

  /**
   * Hugging Face tensors as parameters.
   *
   * @param file for messages
   * @throws UserError that names the tensor that does not fit
   */
  Parameters parameters(String file, Map<String, Tensor> read, ParameterLayout layout) {
    Map<String, Tensor> theirs = gpt2 ? prefixed(read) : read;
    Set<String> left = new HashSet<>(theirs.keySet());
    Map<String, Tensor> ours = new HashMap<>();
    pieces.forEach(
        (p, parts) -> {
          List<Tensor> found = new ArrayList<>();
          for (Piece part : parts) {
            List<Integer> shape = new ArrayList<>(p.shape());
            shape.set(0, part.rows);
            found.add(required(file, theirs, part, shape));
            left.remove(part.name);
          }
          // Nothing of the parameter's size is allocated before the file is known to fill it.
          float[] values = new float[p.size()];
          int at = 0;
          for (Tensor tensor : found) {
            System.arraycopy(tensor.values(), 0, values, at, tensor.values().length);
            at += tensor.values().length;
          }
          ours.put(p.name(), new Tensor(p.shape(), values));
        });
    gains.forEach(
        (name, size) -> {
          Tensor gain = required(file, theirs, new Piece(name, size, false), List.of(size));
          for (float value : gain.values()) {
            if (value != 1) {
              throw new UserError(
                  file
                      + ": "
                      + name
                      + " is not all ones, and the norms of this model have no gains");
            }
          }
          left.remove(name);
        });
    left.removeIf(name -> isConstant(name) || isTiedOutput(name, theirs));
    left.stream()
        .sorted()
        .findFirst()
        .ifPresent(
            name -> {
              throw new UserError(file + ": " + name + " has no counterpart in this model");
            });
    Parameters parameters = new Parameters(layout);
    parameters.set(Parameters.fromTensors(layout, ours, "", file));
    return parameters;
  }

  private static Tensor required(
      String file, Map<String, Tensor> theirs, Piece part, List<Integer> shape) {
    Tensor tensor = theirs.get(part.name);
    if (tensor == null) {
      throw new UserError(file + ": " + part.name + " is missing");
    }
    Tensor right = part.turned && tensor.shape().size() == 2 ? turned(tensor) : tensor;
    if (!right.shape().equals(shape)) {
      throw new UserError(
          file
              + ": "
              + part.name
              + " has shape "
              + tensor.shape()
              + ", but this model has "
              + (part.turned ? List.of(shape.get(1), shape.get(0)) : shape));
    }
    return right;
  }

  /** A model saved without its output layer has names without the prefix. */
  private static Map<String, Tensor> prefixed(Map<String, Tensor> read) {
    Map<String, Tensor> named = new HashMap<>();
    read.forEach(
        (name, tensor) ->
            named.put(
                name.startsWith(OURS) || name.startsWith("lm_head.") ? name : OURS + name, tensor));
    return named;
  }

  /** Whether it is a causal mask or rotary frequencies, which older files contain. */
  private static boolean isConstant(String name) {
    return name.matches(".*\\.attn\\.(masked_)?bias|.*\\.rotary_emb\\.inv_freq");
  }

  private boolean isTiedOutput(String name, Map<String, Tensor> theirs) {
    Tensor embedding = theirs.get(gpt2 ? OURS + "wte.weight" : "model.embed_tokens.weight");
    return name.equals("lm_head.weight")
        && Arrays.equals(theirs.get(name).values(), embedding.values());
  }

  /** The transpose, [b, a] of [a, b]. */
  static Tensor turned(Tensor tensor) {
    int rows = tensor.shape().get(0);
    int columns = tensor.shape().get(1);
    float[] values = new float[rows * columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        values[j * rows + i] = tensor.values()[i * columns + j];
      }
    }
    return new Tensor(List.of(columns, rows), values);
  }
}
