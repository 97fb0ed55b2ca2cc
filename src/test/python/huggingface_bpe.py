"""Encodes a text with Hugging Face's own tokenizers, and trains their BPE on it.

Arguments: tokenizer.json, text, file for the tokens, file for a JSON array of the merges ("a b").
"""

import json
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

tokenizer_json, text_file, tokens_file, merges_file = sys.argv[1:]
with open(text_file, encoding="utf-8", newline="") as f:
    text = f.read()
tokenizer = Tokenizer.from_file(tokenizer_json)
tokens = tokenizer.encode(text).ids
assert tokenizer.decode(tokens) == text
with open(tokens_file, "w") as f:
    json.dump(tokens, f)

own = Tokenizer(models.BPE())
own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
own.decoder = decoders.ByteLevel()
own.train_from_iterator(
    [text],
    trainers.BpeTrainer(
        vocab_size=tokenizer.get_vocab_size(),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    ),
)
merges = json.loads(own.to_str())["model"]["merges"]
with open(merges_file, "w") as f:
    json.dump([m if isinstance(m, str) else " ".join(m) for m in merges], f)
