"""Advantages as the original project (github.com/tokenbender/avataRL) computes them, for LadderTest.

    python ladder_values.py            writes ../resources/ladder.json
    python ladder_values.py --check    compares, and exits with 1 where something differs

Each function is the original's formula, read from the commit it names, in plain Python and float64; nothing here
knows the project's own classes. The bigram table is Witten-Bell, as the project's is (the original adds one to each
count), and is asked for the token after the state.
"""

import json
import math
import random
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "resources" / "ladder.json"
VOCABULARY = 9
STATES = 40
SAMPLES = 4


def witten_bell(text):
    """P(token | last token), as a function of the last token."""
    def level(counts, lower):
        total, kinds = sum(counts), sum(1 for c in counts if c)
        return [(c + kinds * p) / (total + kinds) for c, p in zip(counts, lower)] if total else lower

    unigram = level([text.count(v) for v in range(VOCABULARY)], [1 / VOCABULARY] * VOCABULARY)
    pairs = list(zip(text, text[1:]))
    return [level([pairs.count((h, v)) for v in range(VOCABULARY)], unigram) for h in range(VOCABULARY)]


def standardised(rewards, minimum=0.1):
    """R - R.mean(), over max(R.std(), MIN_VARIANCE); torch's std divides by n - 1."""
    mean = sum(rewards) / len(rewards)
    std = math.sqrt(sum((r - mean) ** 2 for r in rewards) / (len(rewards) - 1))
    return [(r - mean) / max(std, minimum) for r in rewards]


def may_29(actions, gold, bigram):
    """c750b5f, gpt2/grpo_guided_exhaustive_fixed_v2.py, compute_rewards; K samples, 29 May 2025."""
    return standardised([(1.0 if a == gold else 0.0) + 0.1 * math.log(bigram[a] + 1e-10) / 10 for a in actions])


def june_3_noon(gold, bigram):
    """1d3eee9, train.py, compute_exhaustive_rewards; every character, 3 June 2025, 13:54."""
    return standardised([(2.0 if a == gold else 0.0) + 0.1 * math.log(bigram[a] + 1e-10) / 10
                         for a in range(VOCABULARY)])


def june_3_night(policy, gold, bigram):
    """8aa36e8, train.py, compute_exhaustive_rewards with confidence scaling; 3 June 2025, 21:57."""
    rewards = [-math.log(bigram[a]) * 3.0 + min(max(math.log(policy[a]) - math.log(bigram[a]), -1.0), 2.0)
               for a in range(VOCABULARY)]
    rewards[gold] += 5.0 * 3.0
    rewards[gold] *= min(max(1.0 + 0.5 * min(max(policy[gold], 0.0), 1.0), 1.0), 2.0)
    mean = sum(rewards) / len(rewards)
    return standardised([r - mean for r in rewards])


def compute():
    rng = random.Random("ladder")
    text = [min(VOCABULARY - 1, int(rng.expovariate(0.4))) for _ in range(300)]
    table = witten_bell(text)
    window = [text[i % len(text)] for i in range(STATES + 1)]
    states = []
    for last, gold in zip(window, window[1:]):
        weights = [math.exp(rng.gauss(0, 2)) for _ in range(VOCABULARY)]
        policy = [w / sum(weights) for w in weights]
        actions = rng.choices(range(VOCABULARY), policy, k=SAMPLES)
        states.append({
            "policy": policy,
            "actions": actions,
            "may_29": may_29(actions, gold, table[last]),
            "june_3_noon": june_3_noon(gold, table[last]),
            "june_3_night": june_3_night(policy, gold, table[last]),
        })
    return {"vocabulary": VOCABULARY, "text": text, "window": window, "states": states}


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


if __name__ == "__main__":
    written = json.dumps(rounded(compute())) + "\n"
    if "--check" in sys.argv:
        sys.exit(OUT.read_text(encoding="utf-8") != written)
    OUT.write_text(written, encoding="utf-8")
