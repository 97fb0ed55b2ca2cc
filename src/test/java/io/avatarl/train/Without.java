package io.avatarl.train;

import java.util.function.Supplier;

/** A class path without an optional library, as the job's jar and Spark leave it. */
public final class Without extends ClassLoader {
  private final String prefix;

  private Without(String prefix, ClassLoader parent) {
    super(parent);
    this.prefix = prefix;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (name.startsWith(prefix)) {
      throw new ClassNotFoundException(name);
    }
    return super.loadClass(name, resolve);
  }

  /**
   * Runs the action with it.
   *
   * @param prefix of the names of the library's classes
   */
  public static <T> T call(String prefix, Supplier<T> action) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(new Without(prefix, before));
    try {
      return action.get();
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}
