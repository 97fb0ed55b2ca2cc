package io.avatarl.spark.table;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.rollout.Groups;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The values of the rollout table's columns that are known before rewards ({@link
 * RolloutColumns#BEFORE_REWARDS}), of any entry of some groups. Not for several threads.
 */
public final class RolloutValues {
  private final TrainingConfig config;
  private final Tokenizer tokenizer;
  private final RolloutOrigin origin;
  private final Groups groups;
  // Groups are numbered through the run, so that a number alone names one: context numbers for each
  // window, however many groups a curriculum's stage makes of it.
  private final long firstGroup;
  private int[] ranks = new int[0];

  // Texts of the group and of the row that were asked about last: their entries come together.
  private int group = -1;
  private int[] state;
  private String stateText;
  private int row = -1;
  private String prompt;
  private String continuation;

  public RolloutValues(
      TrainingConfig config, Tokenizer tokenizer, RolloutOrigin origin, Groups groups) {
    this.config = config;
    this.tokenizer = tokenizer;
    this.origin = origin;
    this.groups = groups;
    this.firstGroup =
        ((origin.step() - 1) * config.windowsPerStep() + config.firstWindow(origin.shard()))
            * config.model().context();
  }

  /** Entries of the groups. */
  public int entries() {
    return groups.count() * groups.actionsPerGroup();
  }

  /** Entries of one row of tokens. */
  public int entriesPerRow() {
    return groups.groupsPerRow() * groups.actionsPerGroup();
  }

  /** Whether a column has the same value in all entries of a continuation. */
  public boolean isOfWholeRow(String column) {
    return groups.rowsPerContext() > 1 && RolloutColumns.OF_CONTINUATION.contains(column);
  }

  /**
   * A value of a column's Java type, {@code int[]} for an array.
   *
   * @param column of {@link RolloutColumns#BEFORE_REWARDS}
   */
  public Object get(String column, int entry) {
    int g = entry / groups.actionsPerGroup();
    return switch (column) {
      case "step" -> origin.step();
      case "shard" -> origin.shard();
      case "group_id" -> groupId(g);
      case "position" -> groups.stateLength(g) - 1;
      case "context" -> stateText(g);
      case "context_tokens" -> state(g);
      case "gold" -> tokenizer.decode(groups.gold(g));
      case "gold_token" -> groups.gold(g);
      case "action" -> tokenizer.decode(action(entry));
      case "action_tokens" -> new int[] {action(entry)};
      case "rank" -> rank(entry);
      case "logprob" -> (double) groups.logProbs()[entry];
      case "probability" -> Math.exp(groups.logProbs()[entry]);
      case "is_gold" -> action(entry) == groups.gold(g);
      case "policy_version" -> origin.policyVersion();
      case "exploration" -> config.rollout().exploration().name().toLowerCase(Locale.ROOT);
      case "stage" -> origin.stage();
      case "weight" -> (double) groups.weights()[entry];
      case "prompt" -> groups.rowsPerContext() > 1 ? prompt(g) : stateText(g);
      case "continuation" ->
          groups.rowsPerContext() > 1 ? continuation(g) : tokenizer.decode(action(entry));
      default -> throw new IllegalArgumentException(column);
    };
  }

  private long groupId(int g) {
    int perRow = groups.groupsPerRow();
    int context = g / perRow / groups.rowsPerContext();
    return firstGroup + (long) context * config.model().context() + g % perRow;
  }

  private int[] state(int g) {
    if (g != group) {
      int end = groups.lastTokenIndex(g) + 1;
      state = Arrays.copyOfRange(groups.tokens(), end - groups.stateLength(g), end);
      stateText = null;
      group = g;
    }
    return state;
  }

  private String stateText(int g) {
    int[] tokens = state(g);
    if (stateText == null) {
      stateText = tokenizer.decode(tokens);
    }
    return stateText;
  }

  private String prompt(int g) {
    decodeRow(g);
    return prompt;
  }

  private String continuation(int g) {
    decodeRow(g);
    return continuation;
  }

  private void decodeRow(int g) {
    int perRow = groups.groupsPerRow();
    if (g / perRow != row) {
      row = g / perRow;
      int from = row * groups.context();
      prompt =
          tokenizer.decode(Arrays.copyOfRange(groups.tokens(), from, from + groups.first() + 1));
      continuation =
          tokenizer.decode(Arrays.copyOfRange(groups.actions(), row * perRow, (row + 1) * perRow));
    }
  }

  private int action(int entry) {
    int k = groups.actionsPerGroup();
    return groups.action(entry / k, entry % k);
  }

  /** Of an entry that repeats an action to fill up its group: as that action's. */
  private int rank(int entry) {
    if (ranks.length == 0) {
      ranks = new int[entries()];
      groups.forEachCompared(
          (from, stride, count) -> {
            int[] order = ScoredGroups.ranked(groups, from, stride, count);
            Map<Integer, Integer> rankOf = new HashMap<>();
            for (int i = 0; i < order.length; i++) {
              ranks[order[i]] = i + 1;
              rankOf.put(action(order[i]), i + 1);
            }
            for (int i = from; i < from + count * stride; i += stride) {
              ranks[i] = ranks[i] == 0 ? rankOf.get(action(i)) : ranks[i];
            }
          });
    }
    return ranks[entry];
  }
}
