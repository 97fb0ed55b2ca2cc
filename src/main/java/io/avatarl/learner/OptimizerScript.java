package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.avatarl.model.TorchScript;
import java.util.Map;

/** The program {@code optimizer.py}, compiled when a JVM first needs it. */
final class OptimizerScript {
  private static final TorchScript SCRIPT =
      TorchScript.load(OptimizerScript.class, "optimizer.py", "Optimizer", Map.of());

  private OptimizerScript() {}

  /**
   * Runs a method for what it does to tensors.
   *
   * @param arguments tensors, arrays of tensors, {@code long}, {@code long[]} and {@code double}
   */
  static void run(String method, Object... arguments) {
    call(method, arguments).close();
  }

  /** Runs a method for the tensor that it returns, attached to {@code scope}. */
  static NDArray tensor(NDManager scope, String method, Object... arguments) {
    try (IValue result = call(method, arguments)) {
      return result.toTensor((PtNDManager) scope);
    }
  }

  private static IValue call(String method, Object... arguments) {
    IValue[] values = new IValue[arguments.length];
    try {
      for (int i = 0; i < values.length; i++) {
        values[i] = value(arguments[i]);
      }
      return SCRIPT.run(method, values);
    } finally {
      for (IValue value : values) {
        if (value != null) {
          value.close();
        }
      }
    }
  }

  private static IValue value(Object argument) {
    if (argument instanceof PtNDArray tensor) {
      return IValue.from(tensor);
    } else if (argument instanceof PtNDArray[] tensors) {
      return IValue.listFrom(tensors);
    } else if (argument instanceof long[] numbers) {
      return IValue.listFrom(numbers);
    } else if (argument instanceof Long number) {
      return IValue.from(number);
    } else {
      return IValue.from((Double) argument);
    }
  }
}
