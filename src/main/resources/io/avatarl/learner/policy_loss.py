# The value of the policy loss and its gradient with respect to the logits, written out, as TorchScript in the form that PyTorch
# stores (see gpt.py). PolicyLoss.java has the formula and its sources. Shapes: N groups of K entries, vocabulary V.

class PolicyLoss(Module):
  __parameters__ = []
  __buffers__ = []
  entropyBonus : bool
  fullKl : bool

  # `actions` int64 [N, K] and `reference` [N, V] or [N, K]: a list of one tensor, or an empty one. `scale` multiplies the gradient only.
  # Returns dL/dlogits [N, V], and sums over the groups: loss, clip fraction, KL to the old policy, entropy, KL to the reference.
  def value(self: __torch__.PolicyLoss, logits: Tensor, actions: List[Tensor], weights: Tensor, old: Tensor, advantages: Tensor, reference: List[Tensor], lowest: float, highest: float, entropy_weight: float, kl_weight: float, free: float, scale: float) -> List[Tensor]:
    all = torch.log_softmax(logits, -1)
    sampled = torch.gt(torch.len(actions), 0)
    chosen = all
    if sampled:
      chosen = torch.gather(all, 1, actions[0])
    log_ratio = torch.sub(chosen, old)
    ratio = torch.exp(log_ratio)
    plain = torch.mul(ratio, advantages)
    clipped = torch.mul(torch.clamp(ratio, lowest, highest), advantages)
    cut = torch.lt(clipped, plain)
    loss = torch.neg(torch.sum(torch.mul(torch.minimum(plain, clipped), weights)))
    clip_fraction = torch.sum(torch.mul(weights, cut))
    kl = torch.sum((self).k3(ratio, log_ratio, weights))
    entropy = torch.zeros_like(loss)
    reference_kl = torch.zeros_like(loss)
    # With respect to the log-probabilities of the entries: where π stays in the trust region, d(w ρ A)/d log π = w ρ A.
    chosen_d = torch.masked_fill(torch.mul(torch.mul(plain, weights), torch.neg(scale)), cut, 0)
    dense = self.entropyBonus or self.fullKl # terms of every token
    p = all
    if dense:
      p = torch.exp(all)
    f = torch.zeros_like(loss) # [N, V] where there are such terms
    if torch.gt(torch.len(reference), 0):
      if self.fullKl:
        distance = torch.sub(all, reference[0])
        each = torch.sum(torch.mul(p, distance), [1], True)
      else:
        distance = torch.sub(chosen, reference[0])
        log_ratio = torch.neg(distance)
        ratio = torch.exp(log_ratio)
        each = torch.sum((self).k3(ratio, log_ratio, weights), [1], True)
      charged = torch.mul(torch.gt(each, free), kl_weight * scale) # [N, 1]
      if self.fullKl:
        f = torch.mul(distance, charged)
      else:
        chosen_d = torch.sub(chosen_d, torch.mul(torch.mul(torch.sub(ratio, 1), weights), charged))
      reference_kl = torch.sum(each)
      loss = torch.add(loss, torch.mul(torch.sum(torch.clamp_min(each, free)), kl_weight))
    if self.entropyBonus:
      f = torch.add(torch.mul(all, entropy_weight * scale), f)
      entropy = torch.neg(torch.sum(torch.mul(p, all)))
      loss = torch.sub(loss, torch.mul(entropy, entropy_weight))
    chosen_sum = torch.sum(chosen_d, [1], True)
    # dL/dz = d - π Σ d for d with respect to log-probabilities; a mean under π, Σ π f + const, adds π (f - Σ π f).
    if dense:
      mean = torch.sum(torch.mul(p, f), [1], True)
      logits_d = torch.mul(p, torch.sub(torch.sub(f, mean), chosen_sum))
    else: # in place: where the vocabulary is wide, this is the step's largest tensor
      logits_d = torch.mul_(torch.exp_(all), torch.neg(chosen_sum))
    if sampled:
      logits_d = torch.scatter_add_(logits_d, 1, actions[0], chosen_d)
    else:
      logits_d = torch.add_(logits_d, chosen_d)
    return [logits_d, torch.stack([loss, clip_fraction, kl, entropy, reference_kl])]

  # The terms of the estimate k3: w ((r - 1) - log r).
  def k3(self: __torch__.PolicyLoss, ratio: Tensor, log_ratio: Tensor, weights: Tensor) -> Tensor:
    return torch.mul(torch.sub(torch.sub(ratio, 1), log_ratio), weights)
