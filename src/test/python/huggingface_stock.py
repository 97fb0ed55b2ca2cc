"""Makes small models of Hugging Face's transformers with random weights and saves them, with their logits.

Arguments: a folder, which gets `gpt2/` (a stock GPT-2: tied, gelu_new, saved without its output layer, a BPE tokenizer with
<|endoftext|>) and `apertus/` (relu2, untied), each with `model/`, `tokens.json` and `logits` (float32); and a text.
"""

import json
import pathlib
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    ApertusConfig,
    ApertusForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

out = pathlib.Path(sys.argv[1])
text = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
END = "<|endoftext|>"

bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
bpe.train_from_iterator(
    [text],
    trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    ),
)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=END, eos_token=END)
tokens = tokenizer(END + text)["input_ids"][:512]
windows = [tokens[i : i + 32] for i in range(0, 512, 32)]

gpt2 = GPT2LMHeadModel(
    GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=32,
        n_embd=24,
        n_layer=2,
        n_head=3,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
)
apertus = ApertusForCausalLM(
    ApertusConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=3,
        hidden_act="relu2",
        max_position_embeddings=32,
        rms_norm_eps=1e-6,
        initializer_range=0.2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
)
for name, model in {"gpt2": gpt2, "apertus": apertus}.items():
    folder = out / name
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters() if name == "gpt2" else []:
            parameter += 0.05 * torch.randn_like(parameter)
        logits = model(torch.tensor(windows)).logits
    (model.transformer if name == "gpt2" else model).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    (folder / "tokens.json").write_text(json.dumps(windows))
    (folder / "logits").write_bytes(logits.numpy().astype("<f4").tobytes())
