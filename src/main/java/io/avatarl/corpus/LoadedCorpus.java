package io.avatarl.corpus;

import java.util.List;

/**
 * A corpus and where it came from.
 *
 * @param path where it is found again, from any working directory; empty where it is looked for
 * @param generated whether it is the generated play
 * @param warnings one line each, for the user's eyes
 */
public record LoadedCorpus(Corpus corpus, String path, boolean generated, List<String> warnings) {}
