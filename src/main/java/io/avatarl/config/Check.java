package io.avatarl.config;

/** Range checks of configuration values; {@link ConfigReader} prefixes the key with its path. */
final class Check {
  private Check() {}

  /**
   * Refuses a value. {@code key} is the record component; {@code why} completes the sentence "key
   * ...".
   */
  static final class Refused extends RuntimeException {
    final String key;

    Refused(String key, String why) {
      super(why);
      this.key = key;
    }
  }

  static void that(boolean holds, String key, String why) {
    if (!holds) {
      throw new Refused(key, why);
    }
  }

  static void range(String key, double value, double low, double high) {
    that(
        value >= low && value <= high,
        key,
        plain(value)
            + " is out of range, it must be between "
            + plain(low)
            + " and "
            + plain(high));
  }

  private static String plain(double x) {
    return x == Math.rint(x) && Math.abs(x) < 1e15 ? Long.toString((long) x) : Double.toString(x);
  }
}
