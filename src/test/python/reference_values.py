#!/usr/bin/env python3
"""Reference values for the Java tests, computed with PyTorch straight from the formulas.

    python reference_values.py            writes ../resources/pytorch/
    python reference_values.py --check    recomputes, compares with what is stored, exits 1 on a difference

Everything is computed in double precision, so a stored result is the true value up to its printed digits.
Parameters, logits, gradients given to the optimizer and probabilities of the calibration are exact in float32: an
implementation in float32 starts from the same numbers and differs by its own rounding alone. Group weights, rewards,
old log-probabilities and the reference distribution are doubles.
Inputs come from Python's own `random.Random`, not from PyTorch's generator, and are all stored: a reader needs no
generator at all. A tensor is {"shape": [...], "values": [...]}, row-major.
"""

import argparse
import json
import math
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

OUT = Path(__file__).resolve().parent.parent / "resources" / "pytorch"
MAX_BYTES = 300_000
RELATIVE_TOLERANCE = 1e-5
ABSOLUTE_TOLERANCE = 1e-12  # for values that are zero but for rounding

torch.set_default_dtype(torch.float64)


# ---------------------------------------------------------------------------------------------- inputs and tensors

def normal(rng, *shape, mean=0.0, std=1.0):
    """Normal numbers rounded to float32, held as float64."""
    values = [rng.gauss(mean, std) for _ in range(math.prod(shape))]
    return torch.tensor(values).reshape(shape).float().double()


def single(tensor):
    """Marks a tensor to be written with the nine digits that round-trip float32."""
    return tensor.detach().float()


# ------------------------------------------------------------------------------------------------------------- GPT

GPT = {"vocabulary": 11, "context": 8, "layers": 2, "heads": 2, "width": 16}
BATCH = 3
RMS_EPSILON = 1e-6
LAYER_NORM_EPSILON = 1e-5

GPT_VARIANTS = {
    "gpt_avatarl": {"norm": "rms", "positions": "rotary", "qk_norm": True, "activation": "relu2",
                    "tied": True, "bias": False},
    "gpt_gpt2": {"norm": "layer", "positions": "learned", "qk_norm": False, "activation": "gelu",
                 "tied": False, "bias": True},
    "gpt_mixed": {"norm": "rms", "positions": "learned", "qk_norm": True, "activation": "gelu",
                  "tied": True, "bias": False},
    "gpt_shift": {"norm": "rms", "positions": "rotary", "qk_norm": True, "activation": "relu2",
                  "tied": True, "bias": False, "token_shift": True},
}


def gpt_parameters(rng, c):
    """All parameters by name, in the order of the forward pass; weights are [out, in]."""
    v, t, d = c["vocabulary"], c["context"], c["width"]
    p = {"transformer.wte.weight": normal(rng, v, d, std=0.3)}
    if c["positions"] == "learned":
        p["transformer.wpe.weight"] = normal(rng, t, d, std=0.3)

    def norm(name):
        if c["norm"] == "layer":
            p[name + ".weight"] = normal(rng, d, mean=1.0, std=0.3)
            p[name + ".bias"] = normal(rng, d, std=0.3)

    def linear(name, rows, columns):
        p[name + ".weight"] = normal(rng, rows, columns, std=0.3)
        if c["bias"]:
            p[name + ".bias"] = normal(rng, rows, std=0.3)

    def shift(name):
        if c.get("token_shift"):
            p[name + ".shift"] = normal(rng, d, std=0.5)

    shift("transformer")
    for i in range(c["layers"]):
        block = f"transformer.h.{i}"
        norm(block + ".ln_1")
        shift(block + ".attn")
        linear(block + ".attn.c_attn", 3 * d, d)
        linear(block + ".attn.c_proj", d, d)
        norm(block + ".ln_2")
        shift(block + ".mlp")
        linear(block + ".mlp.c_fc", 4 * d, d)
        linear(block + ".mlp.c_proj", d, 4 * d)
    norm("transformer.ln_f")
    if not c["tied"]:
        p["lm_head.weight"] = normal(rng, v, d, std=0.3)
    return p


def rms_norm(x):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + RMS_EPSILON)


def rotate(x):
    """Rotary positions, half-split: dimension i turns with dimension i + hd/2. x is [B, H, T, hd]."""
    t, half = x.shape[-2], x.shape[-1] // 2
    inverse_frequency = 10000.0 ** (-2.0 * torch.arange(half) / x.shape[-1])
    angle = torch.arange(t)[:, None] * inverse_frequency[None, :]
    cos, sin = torch.cos(angle), torch.sin(angle)
    x1, x2 = x[..., :half], x[..., half:]
    return torch.cat([x1 * cos - x2 * sin, x2 * cos + x1 * sin], -1)


def gpt_logits(c, p, tokens):
    b, t = tokens.shape
    d, heads = c["width"], c["heads"]
    hd = d // heads

    def norm(x, name):
        if c["norm"] == "rms":
            return rms_norm(x)
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred * centred).mean(-1, keepdim=True)
        return centred / torch.sqrt(variance + LAYER_NORM_EPSILON) * p[name + ".weight"] + p[name + ".bias"]

    def linear(x, name):
        y = x @ p[name + ".weight"].T
        return y + p[name + ".bias"] if c["bias"] else y

    def shifted(x, name):
        if not c.get("token_shift"):
            return x
        before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
        return x + before * p[name + ".shift"]

    def activation(x):
        if c["activation"] == "relu2":
            return torch.relu(x) ** 2
        return 0.5 * x * (1.0 + torch.erf(x / math.sqrt(2.0)))

    def attention(x, name):
        x = shifted(x, name)
        q, k, v = (y.reshape(b, t, heads, hd).transpose(1, 2)
                   for y in linear(x, name + ".c_attn").split(d, -1))
        if c["qk_norm"]:
            q, k = rms_norm(q), rms_norm(k)
        if c["positions"] == "rotary":
            q, k = rotate(q), rotate(k)
        scores = q @ k.transpose(-1, -2) / math.sqrt(hd)
        future = torch.ones(t, t, dtype=torch.bool).triu(1)
        y = torch.softmax(scores.masked_fill(future, -math.inf), -1) @ v
        return linear(y.transpose(1, 2).reshape(b, t, d), name + ".c_proj")

    x = p["transformer.wte.weight"][tokens]
    if c["positions"] == "learned":
        x = x + p["transformer.wpe.weight"][:t]
    x = shifted(x, "transformer")
    for i in range(c["layers"]):
        block = f"transformer.h.{i}"
        x = x + attention(norm(x, block + ".ln_1"), block + ".attn")
        y = shifted(norm(x, block + ".ln_2"), block + ".mlp")
        x = x + linear(activation(linear(y, block + ".mlp.c_fc")), block + ".mlp.c_proj")
    head = p["transformer.wte.weight"] if c["tied"] else p["lm_head.weight"]
    return norm(x, "transformer.ln_f") @ head.T


def gpt(name):
    rng = random.Random(name)
    config = {**GPT, **GPT_VARIANTS[name], "rms_epsilon": RMS_EPSILON, "layer_norm_epsilon": LAYER_NORM_EPSILON}
    parameters = gpt_parameters(rng, config)
    b, t, v = BATCH, config["context"], config["vocabulary"]
    tokens = torch.tensor([[rng.randrange(v) for _ in range(t)] for _ in range(b)])
    loss_weights = normal(rng, b, t, v)
    for tensor in parameters.values():
        tensor.requires_grad_()
    logits = gpt_logits(config, parameters, tokens)
    loss = (logits * loss_weights).sum() / (b * t)
    loss.backward()
    return {
        "config": config,
        "tokens": tokens,
        "loss_weights": single(loss_weights),
        "loss": loss,
        "logits": single(logits),
        "parameters": {n: single(x) for n, x in parameters.items()},
        "gradients": {n: single(x.grad) for n, x in parameters.items()},
    }


# ------------------------------------------------------------------------------------------------------ advantages

STD_FLOOR = 1e-8
MEAN_FLOOR = 1e-30  # a gold token of probability 1e-9 still gets its whole MaxRL advantage


def advantages_of(weights, rewards, sampled):
    """Advantages of one group; mean = sum(w r), std = sqrt(sum(w (r - mean)^2)). Equal rewards: exactly 0."""
    w, r = torch.tensor(weights), torch.tensor(rewards)
    k = len(rewards)
    mean = (w * r).sum()
    centred = r - mean
    std = torch.sqrt((w * centred * centred).sum())
    zero = torch.zeros(k)
    equal = len(set(rewards)) == 1
    result = {
        "mean": mean,
        "std": std,
        "grpo": centred / std if std > STD_FLOOR and not equal else zero,
        "dr_grpo": centred if not equal else zero,
        "maxrl": centred / mean if mean > MEAN_FLOOR and not equal else zero,
    }
    if sampled:
        bessel = std * math.sqrt(k / (k - 1)) if k > 1 else torch.tensor(0.0)
        result["grpo_sampled"] = centred / bessel if bessel > STD_FLOOR and not equal else zero
    # No stored group may hang on the exact floor of the standard deviation.
    assert std < 1e-12 or std > 10 * STD_FLOOR
    return result


def advantages():
    rng = random.Random("advantages")

    def policy(k, scale=1.5):
        return torch.softmax(normal(rng, k, std=scale), 0).tolist()

    def one_hot(k, gold, value=1.0):
        return [value if a == gold else 0.0 for a in range(k)]

    def with_gold(k, gold, p):
        return [p if a == gold else (1.0 - p) / (k - 1) for a in range(k)]

    shaped = [round(rng.uniform(-1.0, 2.0), 3) for _ in range(6)]
    groups = [
        ("policy_weights_gold_token", False, policy(7), one_hot(7, 3)),
        ("policy_weights_gold_token_rare", False, with_gold(7, 2, 1e-6), one_hot(7, 2)),
        ("policy_weights_gold_token_very_rare", False, with_gold(7, 2, 1e-9), one_hot(7, 2)),
        ("policy_weights_gold_token_below_both_floors", False, with_gold(7, 2, 1e-32), one_hot(7, 2)),
        ("policy_weights_gold_token_near_certain", False, with_gold(7, 5, 0.999), one_hot(7, 5)),
        ("policy_weights_shaped_rewards", False, policy(6), shaped),
        ("policy_weights_scaled_reward", False, policy(7), one_hot(7, 0, 1.5)),
        ("policy_weights_negative_mean", False, policy(5), [-0.5, -1.0, 0.25, -0.75, -0.125]),
        ("policy_weights_all_zero", False, policy(7), [0.0] * 7),
        ("policy_weights_all_equal", False, policy(65, 3.0), [0.7] * 65),
        ("uniform_weights_gold_token", False, [1.0 / 7] * 7, one_hot(7, 6)),
        ("uniform_weights_shaped_rewards", False, [1.0 / 6] * 6, shaped),
        ("sampled_one_hit", True, [0.125] * 8, one_hot(8, 4)),
        ("sampled_three_hits", True, [0.125] * 8, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        ("sampled_shaped_rewards", True, [1.0 / 6] * 6, shaped),
        ("sampled_two_entries", True, [0.5, 0.5], [0.25, 1.0]),
        ("sampled_all_zero", True, [0.25] * 4, [0.0] * 4),
        ("sampled_all_equal", True, [0.25] * 4, [1.0] * 4),
        ("sampled_all_equal_inexact", True, [1.0 / 3] * 3, [0.1] * 3),
        ("sampled_one_entry_hit", True, [1.0], [1.0]),
        ("sampled_one_entry_miss", True, [1.0], [0.0]),
    ]
    return {
        "std_floor": STD_FLOOR,
        "mean_floor": MEAN_FLOOR,
        "groups": [{"name": n, "sampled": s, "weights": torch.tensor(w), "rewards": torch.tensor(r),
                    **advantages_of(w, r, s)} for n, s, w, r in groups],
    }


# ----------------------------------------------------------------------------------------------------- policy loss

STATES, ACTIONS, SAMPLES = 5, 7, 4

FREE_BITS = 0.5  # nats per state

# name, on-policy, clip low, clip high (None: no clipping), entropy coefficient, KL coefficient, KL estimator, free bits
POLICY_CASES = [
    ("on_policy", True, 0.2, 0.2, 0.0, 0.0, "full", 0.0),
    ("unclipped", False, None, None, 0.0, 0.0, "full", 0.0),
    ("clip", False, 0.2, 0.2, 0.0, 0.0, "full", 0.0),
    ("clip_asymmetric", False, 0.2, 0.28, 0.0, 0.0, "full", 0.0),
    ("entropy", True, 0.2, 0.2, 0.1, 0.0, "full", 0.0),
    ("kl", True, 0.2, 0.2, 0.0, 0.3, "full", 0.0),
    ("all", False, 0.2, 0.28, 0.1, 0.3, "full", 0.0),
    ("kl_sampled", True, 0.2, 0.2, 0.0, 0.3, "sampled", 0.0),
    ("kl_free_bits", False, 0.2, 0.2, 0.0, 0.3, "full", FREE_BITS),
    ("all_sampled_free_bits", False, 0.2, 0.28, 0.1, 0.3, "sampled", FREE_BITS),
]


def policy_terms(logits, group, old, reference, low, high, entropy_coefficient, kl_coefficient, estimator="full",
                 free_bits=0.0):
    """The loss and its terms; every term is a mean over states.

    The KL term is exact ("full") or the estimate k3 = r - 1 - log r, r = reference / policy, over the group's actions
    ("sampled"); of each state's KL the loss counts max(KL, free bits).
    """
    logp = torch.log_softmax(logits, -1)
    w, a = group["weights"], group["advantages"]
    taken = logp.gather(-1, group["actions"])
    ratio = torch.exp(taken - group["old_logprobs"])
    if low is None:
        gain, clipped = ratio * a, torch.zeros_like(ratio, dtype=torch.bool)
    else:
        gain = torch.minimum(ratio * a, ratio.clamp(1 - low, 1 + high) * a)
        clipped = ((a > 0) & (ratio > 1 + high)) | ((a < 0) & (ratio < 1 - low))
        distance = torch.minimum((ratio - 1 - high).abs(), (ratio - 1 + low).abs())
        assert distance.min() > 1e-3, "a ratio lies on the clip boundary, where the gradient jumps"
    surrogate = -(w * gain).sum(-1).mean()
    entropy = -(logp.exp() * logp).sum(-1).mean()
    if estimator == "full":
        kl = (logp.exp() * (logp - torch.log(reference))).sum(-1)
    else:
        log_ratio = torch.log(reference).gather(-1, group["actions"]) - taken
        kl = (w * (torch.exp(log_ratio) - 1 - log_ratio)).sum(-1)
    if free_bits > 0:  # the term is free in some state and not in another, and no state is on the edge
        assert kl.min() < free_bits < kl.max() and (kl - free_bits).abs().min() > 1e-2, kl
    return {
        "loss": surrogate - entropy_coefficient * entropy + kl_coefficient * kl.clamp(min=free_bits).mean(),
        "surrogate": surrogate,
        "entropy": entropy,
        "kl_reference": kl.mean(),
        "clip_fraction": (w * clipped).sum(-1).mean(),
        "approx_kl": (w * (group["old_logprobs"] - taken)).sum(-1).mean(),
        "exact_kl": (old.exp() * (old - logp)).sum(-1).mean(),
        "ratio": ratio,
    }


def policy_loss():
    rng = random.Random("policy_loss/0")
    old_logits = normal(rng, STATES, ACTIONS)
    new_logits = (old_logits + normal(rng, STATES, ACTIONS, std=0.6)).float().double()
    old = torch.log_softmax(old_logits, -1)
    reference = torch.softmax(normal(rng, STATES, ACTIONS), -1)
    advantage = normal(rng, STATES, ACTIONS)  # of every action: one action drawn twice has one advantage
    every = torch.arange(ACTIONS).expand(STATES, ACTIONS)
    drawn = torch.tensor([rng.choices(range(ACTIONS), weights=row, k=SAMPLES) for row in old.exp().tolist()])
    groups = {name: {"actions": actions, "weights": weights, "old_logprobs": old.gather(-1, actions),
                     "advantages": advantage.gather(-1, actions)}
              for name, actions, weights in [
                  ("exhaustive", every, old.exp()),
                  ("sampled", drawn, torch.full((STATES, SAMPLES), 1.0 / SAMPLES))]}
    assert any(len(set(row)) < SAMPLES for row in drawn.tolist()), "no action was drawn twice"

    cases = []
    for exploration, group in groups.items():
        for name, on_policy, low, high, entropy_coefficient, kl_coefficient, estimator, free_bits in POLICY_CASES:
            z = (old_logits if on_policy else new_logits).clone().requires_grad_()
            terms = policy_terms(z, group, old, reference, low, high, entropy_coefficient, kl_coefficient, estimator,
                                 free_bits)
            terms["loss"].backward()
            ratio, positive = terms["ratio"], group["advantages"] > 0
            if name == "clip":  # both sides clip, and the wider upper range of the next case frees some entry
                assert (positive & (ratio > 1.2)).any() and (~positive & (ratio < 0.8)).any()
                assert (positive & (ratio > 1.2) & (ratio < 1.28)).any()
                assert 0.1 < terms["clip_fraction"] < 0.9
            cases.append({"name": name, "exploration": exploration, "on_policy": on_policy,
                          "clip_low": low, "clip_high": high,
                          "entropy_coefficient": entropy_coefficient, "kl_coefficient": kl_coefficient,
                          "kl_estimator": estimator, "free_bits": free_bits,
                          **terms, "gradient": z.grad})

    # Exhaustive MaxRL with exact-match reward, weights = policy, ratio 1: the gradient of the cross-entropy.
    gold = torch.tensor([rng.randrange(ACTIONS) for _ in range(STATES)])
    rewards = torch.nn.functional.one_hot(gold, ACTIONS).double()
    mean = (old.exp() * rewards).sum(-1, keepdim=True)
    maxrl_group = {**groups["exhaustive"], "advantages": (rewards - mean) / mean}
    z = old_logits.clone().requires_grad_()
    maxrl_loss = policy_terms(z, maxrl_group, old, reference, 0.2, 0.2, 0.0, 0.0)["loss"]
    maxrl_loss.backward()
    y = old_logits.clone().requires_grad_()
    cross_entropy = torch.nn.functional.cross_entropy(y, gold)
    cross_entropy.backward()
    assert (z.grad - y.grad).abs().max() < 1e-14

    return {
        "logits": single(new_logits),
        "old_logits": single(old_logits),
        "old_logprobs": old,
        "reference": reference,
        "groups": groups,
        "cases": cases,
        "maxrl_is_cross_entropy": {
            "gold": gold, "rewards": rewards, "advantages": maxrl_group["advantages"],
            "maxrl_loss": maxrl_loss, "maxrl_gradient": z.grad,
            "cross_entropy": cross_entropy, "cross_entropy_gradient": y.grad,
        },
    }


# ------------------------------------------------------------------------------------------------------- optimizer

def adamw():
    """torch.optim.AdamW and clip_grad_norm_, with and without clipping, on the same gradients."""
    rng = random.Random("adamw")
    betas, epsilon, decay, max_norm = (0.9, 0.95), 1e-8, 0.1, 1.0
    rates = [2e-3, 5e-3, 1e-2, 7e-3, 3e-3, 1e-3]
    scales = [1.0, 0.1, 3.0, 0.05, 1.0, 0.2]  # so that clipping acts on some steps and not on others
    initial = {"decayed_matrix": normal(rng, 3, 4, std=0.5), "plain_vector": normal(rng, 5, std=0.5),
               "decayed_second": normal(rng, 2, 3, std=0.5)}
    weight_decay = {"decayed_matrix": decay, "plain_vector": 0.0, "decayed_second": decay}
    gradients = [{n: normal(rng, *x.shape, std=s) for n, x in initial.items()} for s in scales]
    for g in gradients:
        g["plain_vector"][0] = 0.0  # never moves: not decayed
        g["decayed_matrix"][0, 0] = 0.0  # moves by decay alone
        g["plain_vector"][1] = (g["plain_vector"][1] * 1e-8).float().double()  # of the size of epsilon

    def train(clip):
        params = {n: x.clone().requires_grad_() for n, x in initial.items()}
        optimizer = torch.optim.AdamW(
            [{"params": [p], "weight_decay": weight_decay[n]} for n, p in params.items()],
            lr=rates[0], betas=betas, eps=epsilon)
        steps = []
        for rate, gradient in zip(rates, gradients):
            for n, p in params.items():
                p.grad = gradient[n].clone()
            norm = None
            if clip:
                norm = torch.nn.utils.clip_grad_norm_(params.values(), max_norm)
            for param_group in optimizer.param_groups:
                param_group["lr"] = rate
            optimizer.step()
            step = {"norm_before_clipping": norm,
                    "clipped_gradients": {n: p.grad.clone() for n, p in params.items()}} if clip else {}
            step["parameters"] = {n: p.detach().clone() for n, p in params.items()}
            step["first_moments"] = {n: optimizer.state[p]["exp_avg"].clone() for n, p in params.items()}
            step["second_moments"] = {n: optimizer.state[p]["exp_avg_sq"].clone() for n, p in params.items()}
            steps.append(step)
        return steps

    clipped = train(True)
    norms = [float(s["norm_before_clipping"]) for s in clipped]
    assert min(norms) < 0.9 * max_norm and max(norms) > 1.1 * max_norm
    return {
        "beta1": betas[0], "beta2": betas[1], "epsilon": epsilon, "weight_decay": weight_decay,
        "max_norm": max_norm, "learning_rates": torch.tensor(rates),
        "initial": {n: single(x) for n, x in initial.items()},
        "gradients": [{n: single(x) for n, x in g.items()} for g in gradients],
        "unclipped_steps": train(False),
        "clipped_steps": clipped,
    }


# ------------------------------------------------------------------------------------------------------- schedules

def learning_rate(kind, update, peak, floor, warmup, total):
    if update < warmup:
        return peak * (update + 1) / warmup
    progress = min(1.0, (update - warmup) / max(1, total - warmup))
    if kind == "cosine":
        return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))
    if kind == "linear":
        return floor + (peak - floor) * (1.0 - progress)
    return peak


def schedules():
    peak, floor, total = 1e-3, 1e-4, 100
    return {"schedules": [
        {"kind": kind, "peak": peak, "floor": floor, "warmup": warmup, "total": total,
         "learning_rates": torch.tensor([learning_rate(kind, u, peak, floor, warmup, total)
                                         for u in range(total + 1)])}
        for warmup in (10, 0) for kind in ("cosine", "linear", "constant")]}


# ----------------------------------------------------------------------------------------------------- calibration

def calibration():
    """Expected calibration error over top-1 confidence: sum over bins of n_b / N * |accuracy_b - confidence_b|."""
    rng = random.Random("calibration/32")
    count, width, bins = 60, 15, 10
    logits = torch.stack([normal(rng, width, std=0.2 + 5.0 * (i / count) ** 1.5) for i in range(count)])
    probabilities = torch.softmax(logits, -1).float().double()
    probabilities[-1] = torch.eye(width)[3]  # confidence exactly 1 belongs to the last bin
    gold = torch.tensor([rng.choices(range(width), weights=torch.softmax(0.6 * row, 0).tolist())[0]
                         for row in logits])
    confidence, prediction = probabilities.max(-1)
    correct = (prediction == gold).long()
    index = (confidence * bins).floor().clamp(max=bins - 1).long()
    edge = (confidence * bins - (confidence * bins).round()).abs()
    assert edge[:-1].min() > 1e-4, "a confidence lies on the edge of a bin"

    counts = torch.zeros(bins).index_add(0, index, torch.ones(count))
    filled = counts.clamp(min=1.0)
    bin_confidence = torch.zeros(bins).index_add(0, index, confidence) / filled
    bin_accuracy = torch.zeros(bins).index_add(0, index, correct.double()) / filled
    assert (counts > 0).sum() >= 7 and (counts == 0).any() and 0 < correct.sum() < count
    return {
        "bins": bins,
        "probabilities": single(probabilities),
        "gold": gold,
        "confidence": single(confidence),
        "correct": correct,
        "bin_count": counts.long(),
        "bin_confidence": bin_confidence,
        "bin_accuracy": bin_accuracy,
        "expected_calibration_error": (counts / count * (bin_accuracy - bin_confidence).abs()).sum(),
    }


# ----------------------------------------------------------------------------------------------------- safetensors

SAFETENSORS_METADATA = {"format": "pt"}


def safetensors_content():
    rng = random.Random("safetensors")
    wte = normal(rng, 3, 4).float()
    wte[0, 0], wte[0, 1] = -0.0, 2.0 ** -149  # negative zero and the smallest subnormal number
    return {
        "transformer.wte.weight": wte,
        "transformer.h.0.attn.c_attn.bias": normal(rng, 5).float(),
        "transformer.logit_scale": torch.tensor(0.125, dtype=torch.float32),
    }


def safetensors():
    return {"file": "model.safetensors", "metadata": SAFETENSORS_METADATA, "tensors": safetensors_content()}


# ------------------------------------------------------------------------------------------- writing and comparing

def plain(value):
    """Python numbers, lists and dictionaries; a tensor with a shape becomes {"shape", "values"}."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        if value.dim() == 0 and value.dtype == torch.float64:
            return value.item()  # a computed number, not a tensor
        values = value.reshape(-1).tolist()
        if value.dtype == torch.float32:
            values = [float(f"{x:.9g}") for x in values]
        return {"shape": list(value.shape), "values": values}
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def dumps(value, indent=0):
    """JSON with one key per line and numbers eight to a line."""
    pad, inner = " " * indent, " " * (indent + 1)
    if isinstance(value, dict) and value:
        body = ",\n".join(f"{inner}{json.dumps(k)}: {dumps(v, indent + 1)}" for k, v in value.items())
        return "{\n" + body + "\n" + pad + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + dumps(v, indent + 1) for v in value) + "\n" + pad + "]"
    if isinstance(value, list) and len(value) > 8:
        rows = [", ".join(map(json.dumps, value[i:i + 8])) for i in range(0, len(value), 8)]
        return "[\n" + ",\n".join(inner + row for row in rows) + "\n" + pad + "]"
    return json.dumps(value, allow_nan=False)


def differences(expected, stored, where):
    """The places where two JSON values differ by more than the tolerance."""
    number = (int, float)
    if isinstance(expected, dict) and isinstance(stored, dict):
        for key in sorted(expected.keys() | stored.keys()):
            if key not in expected or key not in stored:
                yield f"{where}.{key}: only in one of the two"
            else:
                yield from differences(expected[key], stored[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(stored, list) and len(expected) == len(stored):
        for i, (e, s) in enumerate(zip(expected, stored)):
            yield from differences(e, s, f"{where}[{i}]")
    elif (isinstance(expected, number) and isinstance(stored, number)
          and not isinstance(expected, bool) and not isinstance(stored, bool)):
        if not math.isclose(expected, stored, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE):
            yield f"{where}: computed {expected}, stored {stored}"
    elif expected != stored or type(expected) is not type(stored):
        yield f"{where}: computed {expected!r}, stored {stored!r}"


def muon():
    """Muon with Nesterov momentum and weight decay on one block's matrices. The orthogonalisation is computed on the singular
    values of torch.linalg.svd, not by the iteration over matrices that is tested."""
    rng = random.Random("muon")
    momentum, decay, iterations = 0.9, 0.1, 5
    rates = [0.02, 0.05, 0.01]
    width = 4
    shapes = {"attn.c_attn": (3 * width, width), "attn.c_proj": (width, width),
              "mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width)}
    initial = {n: normal(rng, *s, std=0.5) for n, s in shapes.items()}
    gradients = [{n: normal(rng, *s, std=0.3) for n, s in shapes.items()} for _ in rates]

    def orthogonal(matrix):
        u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
        s = s / (matrix.norm() + 1e-7)
        for _ in range(iterations):
            s = 3.4445 * s - 4.7750 * s ** 3 + 2.0315 * s ** 5
        return u @ torch.diag(s) @ vh

    params = {n: x.clone() for n, x in initial.items()}
    buffers = {n: torch.zeros_like(x) for n, x in initial.items()}
    steps = []
    for rate, gradient in zip(rates, gradients):
        for n, p in params.items():
            buffers[n] = momentum * buffers[n] + gradient[n]
            direction = gradient[n] + momentum * buffers[n]
            parts = direction.chunk(3) if n == "attn.c_attn" else [direction]
            change = torch.cat([max(1, part.shape[0] / part.shape[1]) ** 0.5 * orthogonal(part) for part in parts])
            params[n] = p * (1 - rate * decay) - rate * change
        steps.append({n: p.clone() for n, p in params.items()})
    return {
        "momentum": momentum, "weight_decay": decay, "iterations": iterations, "learning_rates": torch.tensor(rates),
        "initial": {n: single(x) for n, x in initial.items()},
        "gradients": [{n: single(x) for n, x in g.items()} for g in gradients],
        "steps": steps,
    }


DOCUMENTS = {
    **{name + ".json": (lambda name=name: gpt(name)) for name in GPT_VARIANTS},
    "advantages.json": advantages,
    "policy_loss.json": policy_loss,
    "adamw.json": adamw,
    "muon.json": muon,
    "schedules.json": schedules,
    "calibration.json": calibration,
    "safetensors.json": safetensors,
}


def write():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, compute in DOCUMENTS.items():
        text = dumps(plain(compute())) + "\n"
        if len(text) >= MAX_BYTES:
            raise SystemExit(f"{name} would have {len(text)} bytes, the limit is {MAX_BYTES}")
        (OUT / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text)} bytes")
    save_file(safetensors_content(), OUT / "model.safetensors", metadata=SAFETENSORS_METADATA)


def check():
    found = []
    for name, compute in DOCUMENTS.items():
        path = OUT / name
        if not path.is_file():
            found.append(f"{name}: missing")
            continue
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as e:
            found.append(f"{name}: not JSON ({e})")
            continue
        found.extend(differences(plain(compute()), stored, name))

    expected = safetensors_content()
    path = OUT / "model.safetensors"
    if not path.is_file():
        found.append("model.safetensors: missing")
    else:
        stored = load_file(path)
        if stored.keys() != expected.keys():
            found.append(f"model.safetensors: tensors {sorted(stored)}")
        for name in stored.keys() & expected.keys():
            a, b = stored[name], expected[name]
            if a.shape != b.shape or a.dtype != b.dtype or not torch.equal(
                    a.reshape(-1).view(torch.int32), b.reshape(-1).view(torch.int32)):
                found.append(f"model.safetensors: {name} differs")
    for line in found[:50]:
        print(line)
    if len(found) > 50:
        print(f"... and {len(found) - 50} more")
    print(f"{len(found)} differences" if found else "all stored values agree")
    return 1 if found else 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare with the stored files instead of writing")
    if arguments.parse_args().check:
        sys.exit(check())
    write()
