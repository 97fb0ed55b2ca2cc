package io.avatarl.train;

import java.util.function.Supplier;

/** Hides an optional library from the class path, as the job's jar and Spark leave it. */
public final class HiddenLibrary extends ClassLoader {
  private final String prefix;

  private HiddenLibrary(String prefix, ClassLoader parent) {
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
   * Runs the action while the library is hidden.
   *
   * @param prefix of the names of the library's classes
   */
  public static <T> T hide(String prefix, Supplier<T> action) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(new HiddenLibrary(prefix, before));
    try {
      return action.get();
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}
