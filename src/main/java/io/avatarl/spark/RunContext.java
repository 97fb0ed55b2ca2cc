package io.avatarl.spark;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.reward.Rewards;
import java.io.Serializable;

/**
 * What every task of a run needs and never changes; broadcast once.
 *
 * @param run distinguishes runs in one JVM
 */
record RunContext(String run, TrainingConfig config, Corpus corpus, Rewards rewards)
    implements Serializable {
  int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }
}
