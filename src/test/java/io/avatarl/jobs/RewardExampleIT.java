package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.PythonVenv;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The class in docs/rewards.md, compiled against the job's jar and passed as a user would. */
class RewardExampleIT {
  private static final int MINUTES = 5;
  private static final Pattern EXAMPLE =
      Pattern.compile("```java\\n(package com\\.example;.*?)```", Pattern.DOTALL);

  private static final String PRESET =
      """
      steps = 2
      model { layers = 1, heads = 1, width = 8, context = 32 }
      rollout { exploration = sampled, horizon = 16, samples = 2, shards = 2, windowsPerUpdate = 2 }
      learner.updatesPerStep = 1
      advantage.estimator = grpo
      evaluation { every = 0, windows = 8 }
      sample { count = 1, tokens = 5 }
      reward.weights.exact = 0
      reward.custom.sql {
        sql = \"""
          regexp_count(concat(substring_index(prompt, '\\n', -1), continuation), '(?m)^.{2,9}\\n')
            / greatest(1, regexp_count(concat(substring_index(prompt, '\\n', -1), continuation), '(?m)^.+\\n'))
          \"""
      }
      reward.custom.java { class = com.example.LineLength, params { shortest = 2, longest = 9 } }
      """;

  @TempDir static Path folder;
  private static Path jar;

  @BeforeAll
  static void compile() throws IOException {
    Matcher example = EXAMPLE.matcher(Files.readString(Path.of("docs/rewards.md")));
    assertTrue(example.find());
    assertTrue(example.group(1).lines().count() <= 30, "a short one");
    Path source = Files.writeString(folder.resolve("LineLength.java"), example.group(1));
    Path classes = Files.createDirectory(folder.resolve("classes"));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assertEquals(
        0,
        compiler.run(
            null,
            null,
            null,
            "-cp",
            jobJar().toString(),
            "-d",
            classes.toString(),
            source.toString()));
    jar = folder.resolve("line-length.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        Files.copy(file, out);
        out.closeEntry();
      }
    }
  }

  private static Path jobJar() throws IOException {
    try (DirectoryStream<Path> jars =
        Files.newDirectoryStream(JobJarIT.BUILD, "avatarl-spark-*-job.jar")) {
      return jars.iterator().next();
    }
  }

  private static CommandResult job(String name, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("jobs", name).toAbsolutePath().toString());
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("AVATARL_SPARK", System.getProperty("avatarl.spark"));
    Process process = builder.start();
    assertTrue(PythonVenv.ends(process, MINUTES, TimeUnit.MINUTES));
    return new CommandResult(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  @Test
  void trainsFromAJarOfItsOwn() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    Path preset = Files.writeString(folder.resolve("lines.conf"), PRESET);
    String run = folder.resolve("run").toString();
    CommandResult trained =
        job(
            "train.sh",
            "--jars",
            jar.toString(),
            "--preset",
            preset.toString(),
            "--corpus",
            corpus.toString(),
            "--out",
            run);
    assertEquals(0, trained.code(), trained.err());
    // The class and the expression of the preset line-length say the same.
    CommandResult compared =
        job(
            "rollouts.sh",
            run,
            "--json",
            "--sql",
            "SELECT count(*) AS n, sum(CAST(abs(reward_components['java'] - reward_components['sql']) > 1e-6 AS INT))"
                + " AS different FROM rollouts");
    assertEquals("{\"n\":128,\"different\":0}\n", compared.out(), compared.err());
    CommandResult missing =
        job(
            "train.sh",
            "--preset",
            preset.toString(),
            "--corpus",
            corpus.toString(),
            "--out",
            folder.resolve("missing").toString());
    assertEquals(2, missing.code(), missing.err());
    assertThat(missing.err()).contains("com.example.LineLength is not on the class path");
  }
}
