"""Loads exported models with Hugging Face's transformers and computes their logits.

Arguments, once or several times: a folder with `text`, `tokens.json` (windows of equal length) and `model/`. Writes `logits`
(float32, little-endian) into it. Fails where the tokenizer makes other tokens of the text, or another text of the tokens.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

for folder in map(pathlib.Path, sys.argv[1:]):
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    windows = json.loads((folder / "tokens.json").read_text())
    text = (folder / "text").read_text(encoding="utf-8")
    tokens = [token for window in windows for token in window]
    ids = tokenizer(text)["input_ids"]
    # The last word was cut off, and a part of it may be other tokens.
    assert ids[:980] == tokens[:980] and len(tokens) == 1000, (ids[:50], tokens[:50])
    assert tokenizer.decode(tokens) == text
    with torch.no_grad():
        logits = model(torch.tensor(windows)).logits
    (folder / "logits").write_bytes(logits.numpy().astype("<f4").tobytes())
    made = model.generate(torch.tensor(windows[:1])[:, :5], max_new_tokens=9, do_sample=False)
    assert made.shape[1] == 14, made.shape
    print(type(model).__name__, type(tokenizer).__name__)
