package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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
   * @param arguments see {@link TorchScript#call}
   */
  static void run(String method, Object... arguments) {
    SCRIPT.call(method, arguments).close();
  }

  /** Runs a method for the tensor that it returns, attached to {@code scope}. */
  static NDArray tensor(NDManager scope, String method, Object... arguments) {
    try (IValue result = SCRIPT.call(method, arguments)) {
      return result.toTensor((PtNDManager) scope);
    }
  }
}
