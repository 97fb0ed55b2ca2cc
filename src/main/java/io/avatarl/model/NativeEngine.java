package io.avatarl.model;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;

/**
 * Loads PyTorch once per JVM and fixes its thread count: each operation uses {@code threads} native
 * threads, whatever the machine has. Parallelism comes from Spark's task slots and the learner's
 * slices instead, so that results do not depend on how a native library splits its work.
 */
public final class NativeEngine {
  private NativeEngine() {}

  /** Call before any tensor is made; later calls only set the thread count. */
  public static synchronized void load(int threads) {
    setDefault("ai.djl.pytorch.num_threads", Integer.toString(threads));
    setDefault("ai.djl.pytorch.num_interop_threads", "1");
    // GptScript says it for each call; this silences the engine's notice about its optimizer.
    setDefault("ai.djl.pytorch.graph_optimizer", "false");
    Engine.getInstance();
    JniUtils.setNumThreads(threads);
  }

  private static void setDefault(String key, String value) {
    if (System.getProperty(key) == null) {
      System.setProperty(key, value);
    }
  }
}
