package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The documentation names what there is: pages, sections, commands and their options. */
class DocsTest {
  private static final int README_BYTES = 8_192;
  private static final Pattern LINK = Pattern.compile("\\[[^]]*]\\(([^)\\s]+)\\)");
  private static final Pattern COMMAND = Pattern.compile("jobs/(\\w+)\\.sh");
  private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]*");

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    for (String folder : List.of("docs", "jobs", "notebooks")) {
      try (Stream<Path> files = Files.walk(Path.of(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
      }
    }
    try (Stream<Path> files = Files.list(Path.of(""))) {
      files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
    }
    return pages;
  }

  private static Set<String> found(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(MatchResult::group).collect(Collectors.toSet());
  }

  @Test
  void theReadmeIsOnePage() throws IOException {
    long bytes = Files.size(Path.of("README.md"));
    assertTrue(bytes <= README_BYTES, "README.md has " + bytes + " bytes");
  }

  @Test
  void everyRelativeLinkLeadsSomewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    int relative = 0;
    for (Path page : pages()) {
      for (MatchResult link : LINK.matcher(Files.readString(page)).results().toList()) {
        String target = link.group(1);
        if (target.matches("\\w+:.*")) {
          continue;
        }
        relative++;
        String[] parts = target.split("#", 2);
        Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        if (!Files.exists(file) || parts.length == 2 && !sections(file).contains(parts[1])) {
          broken.add(page + ": " + target);
        }
      }
    }
    assertTrue(relative > 30, "links: " + relative);
    assertEquals(List.of(), broken);
  }

  /** The anchors that GitHub gives a page's headings. */
  private static Set<String> sections(Path page) throws IOException {
    return Files.readString(page)
        .lines()
        .filter(line -> line.startsWith("#"))
        .map(line -> line.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT))
        .map(line -> line.replaceAll("[^\\w -]", "").replace(' ', '-'))
        .collect(Collectors.toSet());
  }

  @Test
  void everyCommandOnAPageIsThere() throws IOException {
    for (Path page : pages()) {
      for (String command : found(COMMAND, Files.readString(page))) {
        assertTrue(Files.isExecutable(Path.of(command)), page + ": " + command);
      }
    }
  }

  /** The lines of the code blocks that begin with a command of the folder. */
  @Test
  void everyOptionOnAPageIsOneOfItsCommand() throws Exception {
    Set<String> sparks = sparkOptions();
    int options = 0;
    for (Path page : pages()) {
      for (String line : Files.readString(page).replace("\\\n", " ").lines().toList()) {
        if (!line.matches("(\\w+=\\S+ )*jobs/\\w+\\.sh .*") || line.startsWith("jobs/standalone")) {
          continue;
        }
        String command = found(COMMAND, line).iterator().next();
        Set<String> taken = parser(command).getCommandSpec().optionsMap().keySet();
        for (String option : found(OPTION, line.replaceFirst(" # .*", ""))) {
          assertTrue(
              taken.contains(option) || sparks.contains(option), page + ": " + command + option);
          options++;
        }
      }
    }
    assertTrue(options > 40, "options: " + options);
  }

  /** The lists of commands leave no option out. */
  @Test
  void theListsOfCommandsAreWhole() throws Exception {
    Map<String, Set<String>> listed = new TreeMap<>();
    for (String page : List.of("docs/commands.md", "CONTRIBUTING.md")) {
      Files.readString(Path.of(page))
          .lines()
          .filter(line -> line.matches("jobs/\\w+\\.sh +(\\[|RUN|PRESET|SLOTS).*"))
          .forEach(line -> listed.put(found(COMMAND, line).iterator().next(), found(OPTION, line)));
    }
    Map<String, Set<String>> there = new TreeMap<>();
    try (Stream<Path> scripts = Files.list(Path.of("jobs"))) {
      for (Path script : scripts.filter(file -> file.toString().endsWith(".sh")).toList()) {
        if (Files.readString(script).contains("\nrun_job ")) {
          there.put(
              script.toString(),
              parser(script.toString()).getCommandSpec().options().stream()
                  .filter(option -> !option.hidden() && !option.usageHelp())
                  .map(CommandLine.Model.OptionSpec::longestName)
                  .filter(name -> !name.equals("--version"))
                  .collect(Collectors.toCollection(TreeSet::new)));
        }
      }
    }
    assertTrue(there.size() >= 11, there.toString());
    listed.replaceAll((command, options) -> new TreeSet<>(options));
    assertEquals(there.toString().replace("}, ", "},\n"), listed.toString().replace("}, ", "},\n"));
  }

  @Test
  void everyPageOfTheManualOpensWithWhatItIsFor() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("docs"))) {
      for (Path page : files.filter(file -> file.toString().endsWith(".md")).toList()) {
        List<String> lines = Files.readString(page).lines().toList();
        assertTrue(lines.get(0).startsWith("# "), page.toString());
        assertTrue(lines.get(2).matches("\\p{Lu}.*"), page + " opens with: " + lines.get(2));
      }
    }
  }

  @Test
  void theDocumentationNamesNoMachine() throws IOException {
    for (Path page : pages()) {
      String text = Files.readString(page);
      assertFalse(text.contains("/root/") || text.contains("file:///home"), page.toString());
    }
  }

  /** What jobs/lib.sh passes on to spark-submit. */
  private static Set<String> sparkOptions() throws IOException {
    String lib = Files.readString(Path.of("jobs/lib.sh"));
    int start = lib.indexOf("--master | --deploy-mode");
    assertTrue(start > 0);
    return found(OPTION, lib.substring(start, lib.indexOf(')', start)));
  }

  /** The parser of the class that a script runs. */
  private static CommandLine parser(String script) throws Exception {
    String run = "\nrun_job ";
    String text = Files.readString(Path.of(script));
    assertTrue(text.contains(run), script);
    String main = text.substring(text.indexOf(run) + run.length()).split("\\s")[0];
    Constructor<?> constructor = Class.forName(main).getDeclaredConstructors()[0];
    constructor.setAccessible(true);
    Object[] streams = new PrintStream[constructor.getParameterCount()];
    Arrays.fill(streams, System.out);
    return new CommandLine(constructor.newInstance(streams));
  }
}
