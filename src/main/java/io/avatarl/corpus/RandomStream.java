package io.avatarl.corpus;

import java.util.random.RandomGenerator;

/**
 * A stream of random numbers that depends only on (seed, step, shard, purpose), not on a thread or
 * a clock: it is the same on any machine.
 *
 * <p>SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
 * 2014): the state advances by the golden gamma, and each output is the state mixed by Stafford's
 * variant 13. {@link java.util.SplittableRandom} is not used because its specification does not
 * promise the same numbers in every JDK.
 */
public final class RandomStream implements RandomGenerator {
  private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

  /** What the numbers are for; different uses in one shard get different streams. */
  public enum Purpose {
    WINDOWS(1),
    EXPLORATION(2),
    MINIBATCHES(3),
    SAMPLING(4),
    GENERATED_PLAY(5),
    INITIALIZATION(6),
    PLACES(7),
    PROMPTS(8);

    // These ids determine every run's random numbers: never reuse or change one.
    private final long code;

    Purpose(long code) {
      this.code = code;
    }
  }

  private long state;

  /** SplitMix64 starting from the given state. */
  public RandomStream(long state) {
    this.state = state;
  }

  /** The stream for one purpose in one shard of one step. */
  public static RandomStream of(long seed, long step, long shard, Purpose purpose) {
    return new RandomStream(seed(seed, step, shard, purpose));
  }

  /**
   * A 64-bit seed for (seed, step, shard, purpose). Each word in turn is added to the state and
   * mixed in, so that the streams of adjacent steps and shards are unrelated.
   */
  public static long seed(long seed, long step, long shard, Purpose purpose) {
    long mixed = mix(seed + GOLDEN_GAMMA);
    mixed = mix(mixed + step + GOLDEN_GAMMA);
    mixed = mix(mixed + shard + GOLDEN_GAMMA);
    return mix(mixed + purpose.code + GOLDEN_GAMMA);
  }

  /** Stafford's variant 13 of MurmurHash3's 64-bit finalizer: a bijection of 64-bit words. */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  @Override
  public long nextLong() {
    state += GOLDEN_GAMMA;
    return mix(state);
  }

  /**
   * Uniform in [0, bound) without bias (Lemire, "Fast Random Integer Generation in an Interval",
   * 2019).
   *
   * @throws IllegalArgumentException where bound is not positive
   */
  @Override
  public int nextInt(int bound) {
    if (bound <= 0) {
      throw new IllegalArgumentException("bound must be positive, not " + bound);
    }
    long product = (nextLong() >>> 32) * bound;
    long low = product & 0xffffffffL;
    if (low < bound) {
      long threshold = (1L << 32) % bound;
      while (low < threshold) {
        product = (nextLong() >>> 32) * bound;
        low = product & 0xffffffffL;
      }
    }
    return (int) (product >>> 32);
  }

  /**
   * Uniform in [0, bound) without bias: numbers above the largest multiple of the bound are
   * redrawn.
   *
   * @throws IllegalArgumentException where bound is not positive
   */
  @Override
  public long nextLong(long bound) {
    if (bound <= 0) {
      throw new IllegalArgumentException("bound must be positive, not " + bound);
    }
    long bits = nextLong() >>> 1;
    long value = bits % bound;
    while (bits - value + (bound - 1) < 0) {
      bits = nextLong() >>> 1;
      value = bits % bound;
    }
    return value;
  }

  /** Uniform in [0, 1), a multiple of 2^-53. */
  @Override
  public double nextDouble() {
    return (nextLong() >>> 11) * 0x1p-53;
  }
}
