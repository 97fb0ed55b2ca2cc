package io.avatarl.corpus;

import java.util.List;

/**
 * A corpus and where it came from.
 *
 * @param path where to find it again, from any working directory; empty if it is searched for
 * @param generated whether it is the generated play
 * @param warnings one line each, for the user
 */
public record LoadedCorpus(Corpus corpus, String path, boolean generated, List<String> warnings) {}
