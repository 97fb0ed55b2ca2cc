package io.avatarl.reward;

import io.avatarl.corpus.Tokenizer;
import io.avatarl.rollout.Groups;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * The rollouts in some groups: the entries of every group, or where groups are positions of
 * continuations, the continuations. Texts are decoded when they are asked for.
 */
final class RolloutList extends AbstractList<Rollout> implements RandomAccess {
  private final Groups groups;
  private final Tokenizer tokenizer;
  private final int tokens;

  RolloutList(Groups groups, Tokenizer tokenizer) {
    this.groups = groups;
    this.tokenizer = tokenizer;
    // Only continuations are compared over rows, and they have one entry at each position.
    this.tokens = groups.rowsPerContext() > 1 ? groups.groupsPerRow() : 1;
  }

  /** Tokens of each of them. */
  int tokensPerRollout() {
    return tokens;
  }

  @Override
  public int size() {
    return groups.count() * groups.actionsPerGroup() / tokens;
  }

  @Override
  public Rollout get(int index) {
    return new View(Objects.checkIndex(index, size()) * tokens);
  }

  /** One of them, which begins with an entry. */
  private final class View implements Rollout {
    private final int entry;

    View(int entry) {
      this.entry = entry;
    }

    private int group() {
      return entry / groups.actionsPerGroup();
    }

    @Override
    public String context() {
      return tokenizer.decode(contextTokens());
    }

    @Override
    public String action() {
      return tokenizer.decode(actionTokens());
    }

    @Override
    public String gold() {
      return tokenizer.decode(goldTokens());
    }

    @Override
    public int[] contextTokens() {
      int end = groups.lastTokenIndex(group()) + 1;
      return Arrays.copyOfRange(groups.tokens(), end - groups.stateLength(group()), end);
    }

    @Override
    public int[] actionTokens() {
      int k = groups.actionsPerGroup();
      int[] actions = new int[tokens];
      for (int i = 0; i < tokens; i++) {
        actions[i] = groups.action((entry + i) / k, (entry + i) % k);
      }
      return actions;
    }

    @Override
    public int[] goldTokens() {
      return Arrays.copyOfRange(groups.golds(), group(), group() + tokens);
    }

    @Override
    public double[] logProbs() {
      double[] logProbs = new double[tokens];
      for (int i = 0; i < tokens; i++) {
        logProbs[i] = groups.logProbs()[entry + i];
      }
      return logProbs;
    }

    @Override
    public String toString() {
      return context() + " | " + action();
    }
  }
}
