package io.avatarl.spark.rollout;

import io.avatarl.evaluation.EvaluationWindow;
import io.avatarl.evaluation.Evaluator;
import io.avatarl.evaluation.Scores;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.TaskValue;
import java.util.List;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.LongAccumulator;

/** Scores the policy on one part of the validation windows. */
final class EvaluationTask implements Function<Integer, Scores> {
  private final TaskValue<RunContext> context;
  private final PolicyBroadcast published;
  private final Coverage coverage;
  private final int parts;
  private final LongAccumulator scored;

  /** Which windows of the validation split are scored. */
  enum Coverage {
    CONSECUTIVE,
    SLIDING,
    SPREAD
  }

  /**
   * @param scored counts windows
   */
  EvaluationTask(
      TaskValue<RunContext> context,
      PolicyBroadcast published,
      Coverage coverage,
      int parts,
      LongAccumulator scored) {
    this.context = context;
    this.published = published;
    this.coverage = coverage;
    this.parts = parts;
    this.scored = scored;
  }

  @Override
  public Scores call(Integer part) {
    RunContext run = context.value();
    int[] tokens = run.corpus().validation();
    List<EvaluationWindow> all = segments(run, tokens.length);
    int from = (int) ((long) all.size() * part / parts);
    int to = (int) ((long) all.size() * (part + 1) / parts);
    try (PolicyReplica replica = PolicyReplica.acquire(run, published)) {
      return Evaluator.score(
          replica.policy(),
          tokens,
          run.corpus().tokenizer().characters(),
          all.subList(from, to),
          run.config().evaluation().batch(),
          scored::add);
    }
  }

  private List<EvaluationWindow> segments(RunContext run, int tokens) {
    int context = run.config().model().context();
    return switch (coverage) {
      case CONSECUTIVE -> EvaluationWindow.consecutive(tokens, context);
      case SLIDING -> EvaluationWindow.sliding(tokens, context);
      case SPREAD -> EvaluationWindow.spread(tokens, context, run.config().evaluation().windows());
    };
  }
}
