package io.avatarl.train;

import java.util.function.Supplier;

/** A class path without Delta Lake, as the job's jar and Spark leave it. */
public final class WithoutDelta extends ClassLoader {
  private WithoutDelta(ClassLoader parent) {
    super(parent);
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (name.startsWith("io.delta.")) {
      throw new ClassNotFoundException(name);
    }
    return super.loadClass(name, resolve);
  }

  /** Runs the action with it. */
  public static <T> T call(Supplier<T> action) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(new WithoutDelta(before));
    try {
      return action.get();
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}
