package io.avatarl.spark.rollout;

import io.avatarl.config.CurriculumStage;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.RandomStream.Purpose;
import io.avatarl.corpus.Windows;
import io.avatarl.evaluation.EvaluationWindow;
import io.avatarl.model.Distributions;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.rollout.ExplorationInput;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.WindowBatch;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.TaskValue;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.Function;

/** Explores and pays one part of the validation split's windows as training does its own. */
final class HeldOutTask implements Function<Integer, HeldOutRewards> {
  private final TaskValue<RunContext> context;
  private final PolicyBroadcast published;
  private final CurriculumStage stage;
  private final int parts;

  HeldOutTask(
      TaskValue<RunContext> context, PolicyBroadcast published, CurriculumStage stage, int parts) {
    this.context = context;
    this.published = published;
    this.stage = stage;
    this.parts = parts;
  }

  @Override
  public HeldOutRewards call(Integer part) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    int[] text = run.corpus().validation();
    int length = config.model().context();
    List<EvaluationWindow> all =
        EvaluationWindow.spread(text.length, length, config.evaluation().windows());
    int[] offsets =
        all.subList(all.size() * part / parts, all.size() * (part + 1) / parts).stream()
            .mapToInt(EvaluationWindow::start)
            .toArray();
    if (offsets.length == 0) {
      return new HeldOutRewards(0, 0, Map.of());
    }
    WindowBatch rows = WindowBatch.of(offsets.length, Windows.pack(text, length, offsets));
    int atOnce = config.rollout().windowsPerUpdate();
    try (PolicyReplica replica = PolicyReplica.acquire(run, published);
        Distributions distributions =
            replica.policy().distributions(rows.windows(), rows.inputs(), atOnce)) {
      RandomStream random = RandomStream.of(config.seed(), 0, part, Purpose.EXPLORATION);
      Groups groups =
          run.exploration(stage)
              .explore(new ExplorationInput(rows, distributions, replica.policy(), random));
      RolloutOrigin origin = new RolloutOrigin(1, 0, stage.name(), published.version());
      return HeldOutRewards.of(groups, run.score(stage, groups, origin).components());
    }
  }
}
