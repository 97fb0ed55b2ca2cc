package io.avatarl.reward;

import static io.avatarl.reward.CustomRewards.key;

import io.avatarl.config.CustomRewardConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.rollout.Groups;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.util.List;

/** A component whose values a {@link RewardFunction} gives, from a jar that every JVM has. */
final class FunctionReward implements RolloutScorer {
  private static final long serialVersionUID = 1;

  private final String name;
  private final CustomRewardConfig config;
  private final Tokenizer tokenizer;
  // The class need not be serializable, and its loader is each JVM's own.
  private transient RewardFunction function;

  FunctionReward(String name, CustomRewardConfig config, Tokenizer tokenizer) {
    this.name = name;
    this.config = config;
    this.tokenizer = tokenizer;
  }

  @Override
  public float[] score(Groups groups, RolloutOrigin origin) {
    RolloutList rollouts = new RolloutList(groups, tokenizer);
    double[] given;
    try {
      given = function().score(rollouts);
    } catch (UserError e) {
      throw new UserError(key(name) + ": " + e.getMessage(), e);
    } catch (Exception | LinkageError | AssertionError | StackOverflowError e) {
      throw threw(e);
    }
    int perRollout = rollouts.tokensPerRollout();
    int tokens = rollouts.size() * perRollout;
    if (given == null || given.length != rollouts.size() && given.length != tokens) {
      throw new UserError(
          key(name)
              + ": "
              + config.className()
              + " gave "
              + (given == null ? "null" : given.length + " numbers")
              + " for "
              + rollouts.size()
              + " rollouts"
              + (perRollout > 1 ? " of " + perRollout + " tokens" : "")
              + "; give one number for each"
              + (perRollout > 1 ? ", or one for each token" : ""));
    }
    int share = tokens / given.length;
    float[] values = new float[tokens];
    for (int i = 0; i < tokens; i++) {
      values[i] = CustomRewards.checked(name, config, given[i / share], groups, tokenizer, i);
    }
    return values;
  }

  private synchronized RewardFunction function() {
    if (function == null) {
      function = load(name, config);
    }
    return function;
  }

  /**
   * The function as configured.
   *
   * @throws UserError where there is no such class, it is none, or it refuses its parameters
   */
  static RewardFunction load(String name, CustomRewardConfig config) {
    String className = config.className();
    Class<?> type;
    try {
      // The loader that has what --jars brought.
      type = Class.forName(className, true, Thread.currentThread().getContextClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      throw new UserError(
          key(name)
              + ".class: "
              + className
              + (e instanceof ClassNotFoundException
                  ? " is not on the class path"
                  : " cannot be loaded (" + e + ")")
              + "; pass the jar that holds it with --jars",
          e);
    }
    if (!RewardFunction.class.isAssignableFrom(type)) {
      throw new UserError(
          key(name)
              + ".class: "
              + className
              + " does not implement "
              + RewardFunction.class.getName());
    }
    RewardParams params = new RewardParams(key(name) + ".params", config.params());
    RewardFunction function = make(name, type, params);
    params.requireAllAsked();
    return function;
  }

  private static RewardFunction make(String name, Class<?> type, RewardParams params) {
    for (Object[] arguments : List.of(new Object[] {params}, new Object[0])) {
      Class<?>[] types =
          arguments.length == 0 ? new Class<?>[0] : new Class<?>[] {RewardParams.class};
      try {
        Constructor<?> constructor = type.getConstructor(types);
        if (Modifier.isPublic(type.getModifiers()) && !Modifier.isAbstract(type.getModifiers())) {
          return (RewardFunction) constructor.newInstance(arguments);
        }
      } catch (NoSuchMethodException e) {
        // The other one, perhaps.
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof UserError refused) {
          throw refused;
        }
        throw threw(name, type.getName(), e.getCause());
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
    throw new UserError(
        key(name)
            + ".class: "
            + type.getName()
            + " must be a public class with a public constructor that takes RewardParams or nothing");
  }

  private UserError threw(Throwable e) {
    return threw(name, config.className(), e);
  }

  private static UserError threw(String name, String className, Throwable e) {
    StackTraceElement[] trace = e.getStackTrace();
    String place =
        List.of(trace).stream()
            .filter(frame -> frame.getClassName().startsWith(className))
            .findFirst()
            .map(frame -> " at " + frame)
            .orElse("");
    return new UserError(key(name) + ": " + className + " threw " + e + place + "; correct it", e);
  }
}
