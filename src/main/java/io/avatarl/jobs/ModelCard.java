package io.avatarl.jobs;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.Parameters;
import io.avatarl.train.Runs;
import io.avatarl.train.Summary;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The {@code README.md} of an exported model, in the form of Hugging Face's model cards: what it
 * is, how to load it, how it was trained, and its scores. The user must state the licence.
 */
final class ModelCard {
  private ModelCard() {}

  /**
   * The facts in a card.
   *
   * @param model of the checkpoint
   * @param figures by name, in order
   */
  record Facts(
      String name,
      ModelExport.Format format,
      TrainingConfig config,
      GptConfig model,
      Tokenizer tokenizer,
      Parameters parameters,
      CheckpointFolder checkpoint,
      Map<String, String> figures) {}

  /**
   * The scores of a checkpoint: all of the summary if it is the run's last one, else those of the
   * last evaluation before it.
   */
  static Map<String, String> figures(Storage storage, String run, CheckpointFolder checkpoint) {
    Map<String, String> figures = new LinkedHashMap<>();
    Optional<Summary> summary =
        Runs.summary(storage, run).filter(s -> s.steps() == checkpoint.step());
    if (summary.isPresent()) {
      Summary s = summary.get();
      figures.put("cross-entropy, nats per token", number(s.valCe()));
      figures.put("bits per character", number(s.valBitsPerCharacter()));
      figures.put("perplexity", number(s.valPerplexity()));
      figures.put("top-1 accuracy", number(s.valAccuracy()));
      figures.put("expected calibration error", number(s.valCalibrationError()));
      figures.put("tokens scored", filled("%,d", s.valPositions()));
      s.baselines()
          .forEach(
              (name, scores) ->
                  figures.put(
                      name + " table on the same text, nats per token", number(scores.ce())));
    } else {
      var evaluation = checkpoint.content(storage).path("evaluation");
      if (evaluation.path("val_ce").isNumber()) {
        figures.put(
            "cross-entropy, nats per token, at step " + evaluation.path("step").asText(),
            number(evaluation.path("val_ce").asDouble()));
      }
    }
    return figures;
  }

  private static String filled(String template, Object... values) {
    return String.format(Locale.ROOT, template, values);
  }

  private static String number(double value) {
    return filled("%.4f", value);
  }

  static String of(Facts facts) {
    return String.join("\n\n", head(facts), usage(facts), training(facts), scores(facts), end());
  }

  private static String head(Facts facts) {
    GptConfig m = facts.model;
    String kind = facts.tokenizer instanceof BpeTokenizer ? "byte-level BPE tokens" : "characters";
    return filled(
        """
        ---
        library_name: %s
        pipeline_tag: text-generation
        tags:
        - reinforcement-learning
        - avatarl
        ---

        # %s

        A language model of %,d parameters, trained by avatarl on Spark with reinforcement learning alone, %s.
        %d layers, %d heads, width %d, context %d; vocabulary of %,d %s.""",
        facts.format == ModelExport.Format.HF ? "transformers" : "llama.cpp",
        facts.name,
        facts.parameters.layout().count(),
        facts.config.init().isWarm()
            ? "beginning with the weights of " + ModelExport.name(facts.config.init().place())
            : "from random weights: no cross-entropy loss was minimised",
        m.layers(),
        m.heads(),
        m.width(),
        m.context(),
        facts.tokenizer.vocabularySize(),
        kind);
  }

  private static String usage(Facts facts) {
    String limits =
        filled(
            """
        The context is %d tokens; nothing was trained for positions beyond. The vocabulary has no token for the end of a text, so
        say how many tokens you want.%s""",
            facts.model.context(),
            facts.tokenizer instanceof BpeTokenizer
                ? ""
                : " A prompt may hold the vocabulary's characters only.");
    String code =
        facts.format == ModelExport.Format.HF
            ? """
              ```python
              from transformers import AutoModelForCausalLM, AutoTokenizer

              model = AutoModelForCausalLM.from_pretrained("%1$s")
              tokenizer = AutoTokenizer.from_pretrained("%1$s")
              prompt = tokenizer("%2$s", return_tensors="pt")
              print(tokenizer.decode(model.generate(**prompt, max_new_tokens=%3$d, do_sample=True)[0]))
              ```"""
            : """
              ```
              llama-completion -m model.gguf --ctx-size %4$d -n %3$d -p "%2$s"
              ```""";
    return "## How to load it\n\n"
        + filled(
            code,
            facts.name,
            escaped(facts.tokenizer.defaultPrompt()),
            facts.model.context() / 2,
            facts.model.context())
        + "\n\n"
        + limits;
  }

  private static String escaped(String prompt) {
    return prompt.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  private static String training(Facts facts) {
    TrainingConfig c = facts.config;
    RolloutConfig r = c.rollout();
    String rewards =
        c.reward().weights().entrySet().stream()
            .filter(entry -> entry.getValue() != 0)
            .map(entry -> entry.getValue() + " × " + entry.getKey())
            .collect(Collectors.joining(" + "));
    String actions =
        r.exploration() == RolloutConfig.Exploration.SAMPLED
            ? r.samples() + " sampled actions"
            : spelling(r.exploration()) + " actions";
    return filled(
        """
        ## How it was trained

        | | |
        |---|---|
        | preset | `%s`, seed %d |
        | corpus | %s, %.0f %% of it held out |
        | updates | %,d in %,d steps, each of %d windows |
        | estimator | %s over %s in each state |
        | reward | %s |
        | optimizer | %s, learning rate %s, %s |
        | weights (SHA-256) | `%s` |""",
        c.preset(),
        c.seed(),
        ModelExport.name(c.corpus().path().isEmpty() ? c.corpus().table() : c.corpus().path()),
        100 * c.corpus().validationFraction(),
        facts.checkpoint.step() * c.learner().updatesPerStep(),
        facts.checkpoint.step(),
        r.windowsPerUpdate(),
        spelling(c.advantage().estimator()),
        actions,
        rewards,
        spelling(c.learner().optimizer().kind()),
        c.learner().optimizer().learningRate(),
        spelling(c.learner().optimizer().schedule()),
        facts.parameters.sha256());
  }

  private static String spelling(Enum<?> constant) {
    return ConfigReader.spelling(constant.name());
  }

  private static String scores(Facts facts) {
    String rows =
        facts.figures.entrySet().stream()
            .map(figure -> "| " + figure.getKey() + " | " + figure.getValue() + " |")
            .collect(Collectors.joining("\n"));
    return "## Figures\n\n"
        + (rows.isEmpty()
            ? "It was not evaluated."
            : "On the held-out part of the corpus:\n\n| | |\n|---|---|\n" + rows);
  }

  private static String end() {
    return """
        ## Licence

        Not stated. It is for whoever publishes this model to choose one that the corpus's own licence allows.
        """;
  }
}
