"""Runs an exported GGUF file by llama.cpp (xllamacpp) and prints, as JSON, the five most probable tokens after each prompt.

Arguments: model.gguf, a JSON file with a list of {"text": ..., "tokens": [...]}. Prints a list of
[{"evaluated": N, "by_text": [[id, log-probability] * 5], "first": [[id, log-probability] * 5], "made": [...]}]: of how many tokens
the text is, the most probable tokens after the text and after the tokens, and 30 tokens greedily made.
"""

import json
import pathlib
import sys

import xllamacpp as xlc

file, prompts = sys.argv[1:]
params = xlc.CommonParams()
params.model.path = file
params.n_ctx = 64
params.n_parallel = 1
params.n_gpu_layers = 0
params.cpuparams.n_threads = 1
params.warmup = False
params.fit_params = False
params.cache_type_k = xlc.ggml_type.GGML_TYPE_F32
params.cache_type_v = xlc.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xlc.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xlc.Server(params)
found = []
for prompt in json.loads(pathlib.Path(prompts).read_text(encoding="utf-8")):
    def ask(what, tokens):
        return server.handle_completions(
            {
                "prompt": what,
                "n_predict": tokens,
                "temperature": 0,
                "n_probs": 5,
                "return_tokens": True,
                "cache_prompt": False,
            }
        )

    def top(token):
        return [[t["id"], t["logprob"]] for t in token["top_logprobs"]]

    by_text = ask(prompt["text"], 1)
    made = ask(prompt["tokens"], 30)["choices"][0]["logprobs"]["content"]
    found.append(
        {
            "evaluated": by_text["usage"]["prompt_tokens"],
            "by_text": top(by_text["choices"][0]["logprobs"]["content"][0]),
            "first": top(made[0]),
            "made": [t["id"] for t in made],
        }
    )
print("RESULT " + json.dumps(found))
