"""The yardstick of jobs/bench.sh: the same GPT (its default form) in PyTorch, on the CPU in float32 or on a GPU.

Takes turns with the other benchmarks: a line with a number of seconds on standard input starts a lap; the answer is one
line of JSON. A lap repeats: `train` - forward, backward, clipping by the global norm and AdamW on one minibatch of
cross-entropy; `generate` - continuations, one token at a time, with a key-value cache. `logits` runs no lap: it reads
the weights of a model.safetensors and prints the logits of some tokens, for a test that the model is the same.
"""

import argparse
import json
import struct

import torch
import torch.nn.functional as F
from laps import serve
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=False)
        self.c_fc = nn.Linear(width, 4 * width, bias=False)
        self.m_proj = nn.Linear(4 * width, width, bias=False)

    def forward(self, x, cos, sin, past):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(rms(x)).split(width, dim=2)
        )
        q, k = rotate(rms(q), cos, sin), rotate(rms(k), cos, sin)
        if past is not None:
            k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
        x = x + self.c_proj(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.m_proj(F.relu(self.c_fc(rms(x))).square()), (k, v)


class Gpt(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        for p in self.parameters():
            nn.init.normal_(p, std=0.02)
        half = width // heads // 2
        angles = torch.outer(torch.arange(context), 10_000.0 ** (-torch.arange(half) / half)).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, tokens, past=None):
        start = 0 if past is None else past[0][0].shape[2]
        end = start + tokens.shape[1]
        x = self.wte(tokens)
        presents = []
        for i, block in enumerate(self.h):
            x, present = block(x, self.cos[start:end], self.sin[start:end], None if past is None else past[i])
            presents.append(present)
        return rms(x) @ self.wte.weight.T, presents


def rms(x):
    return F.rms_norm(x, (x.shape[-1],), eps=1e-6)


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-b, a), -1) * sin


def training(args, model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    forward = torch.compile(model) if args.compile else model

    half = torch.autocast(args.device, torch.bfloat16, enabled=args.precision == "bfloat16")

    def once():
        tokens = torch.randint(args.vocabulary, (args.rows, args.context + 1)).to(args.device)
        with half:
            logits, _ = forward(tokens[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for a GPU; a training loop logs it
        return args.rows * args.context

    return once


def generation(args, model):
    prompt = args.context - args.horizon + 1

    @torch.inference_mode()
    def once():
        logits, past = model(torch.randint(args.vocabulary, (args.rows // args.samples, prompt)))
        logits = logits[:, -1].repeat_interleave(args.samples, 0)
        past = [tuple(t.repeat_interleave(args.samples, 0) for t in layer) for layer in past]
        for step in range(args.horizon):
            log_probs = logits.log_softmax(-1)
            tokens = torch.multinomial(log_probs.exp(), 1)
            log_probs.gather(1, tokens)  # the importance ratio needs it
            if step + 1 < args.horizon:
                logits, past = model(tokens, past)
                logits = logits[:, -1]
        return args.rows * args.horizon

    return once


def load(model, path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(length)), bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            for ours, theirs in (("transformer.", ""), ("mlp.c_proj", "m_proj"), (".attn.", "."), (".mlp.", ".")):
                name = name.replace(ours, theirs)
            start, end = entry["data_offsets"]
            tensors[name] = torch.frombuffer(data[start:end], dtype=torch.float32).reshape(entry["shape"])
    tensors.update(cos=model.cos, sin=model.sin)
    model.load_state_dict(tensors)


@torch.inference_mode()
def logits(args, model):
    load(model, args.weights)
    tokens = (torch.arange(args.rows * args.context) * 7 % args.vocabulary).reshape(args.rows, args.context)
    whole, _ = model(tokens)
    first, past = model(tokens[:, :2])
    steps = [first]
    for t in range(2, args.context):
        step, past = model(tokens[:, t:t + 1], past)
        steps.append(step)
    print(json.dumps({"whole": whole.flatten().tolist(), "cached": torch.cat(steps, 1).flatten().tolist()}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "generate", "logits"])
    for name in ("vocabulary", "context", "layers", "heads", "width", "rows", "threads"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--horizon", type=int, default=1)
    parser.add_argument("--weights")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "tf32", "bfloat16"], default="float32")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = args.precision != "float32"
    model = Gpt(args.vocabulary, args.context, args.layers, args.heads, args.width).to(args.device)
    if args.what == "logits":
        return logits(args, model)
    once = (training if args.what == "train" else generation)(args, model)
    once()
    serve(once)


if __name__ == "__main__":
    main()
