# A GPT's forward pass, and its backward pass written out, as TorchScript: a typed subset of Python that PyTorch's own
# interpreter runs, in the form that PyTorch stores (`torch.name` is the operator aten::name). It has no parameters and records no
# gradients. Shapes: B windows of T tokens, N = B·T, width D, H heads of width W, vocabulary V.
#
# `saved` is a stack: a backward function pops what its forward function pushed, in reverse order.
# `gradients` holds dL/dw by the parameter's name; the suffix _d is the gradient of the variable without it.
# `tables`: causal mask [T, T]; cosines and sines [T, 2, H, W] of the rotary angles; the factor of queries and keys without
# rotation. All but the mask include W^-1/4, so that scores are q·k / √W.
#
# With `bfloat16`, matrix products round their operands and results to it, forward and backward. Everything else is float32:
# weights, gradients and their sums, norms, scores from the mask on, and the product that makes logits, whose errors would be errors
# of log-probabilities.

class Gpt(Module):
  __parameters__ = []
  __buffers__ = []
  layers : int
  heads : int
  headWidth : int
  rms : bool
  rotary : bool
  relu2 : bool
  gelu : str
  qkNorm : bool
  tokenShift : bool
  bias : bool
  bfloat16 : bool
  output : str

  # Logits [B, T - first, V] of tokens [B, T] that follow `start` others, whose keys and values are in `cache` (a pair per
  # layer, then with tokenShift the last token's inputs of attention and MLP per layer, and its embedding; empty: there are none and
  # these are not kept). `first`: place of the first token whose logits are asked for.
  # `keep`: for the backward pass. `recompute`: of each block only the input, from which the backward pass computes the rest anew.
  def forward(self: __torch__.Gpt, tokens: Tensor, weights: Dict[str, Tensor], tables: List[Tensor], cache: List[Tensor], start: int, first: int, saved: List[Tensor], keep: bool, recompute: bool) -> Tensor:
    B = torch.size(tokens, 0)
    T = torch.size(tokens, 1)
    ids = torch.reshape(tokens, [-1])
    x = torch.embedding(weights["transformer.wte.weight"], ids) # [N, D]
    if not self.rotary:
      places = torch.slice(weights["transformer.wpe.weight"], 0, start, start + T)
      x = torch.view(torch.add(torch.view(x, [B, T, -1]), places), [B * T, -1])
    if keep:
      saved.append(ids)
      if self.tokenShift:
        saved.append(x)
    x = (self).shifted(x, B, T, weights, "transformer", cache, 4 * self.layers)
    whole = keep
    if recompute:
      whole = False
    for layer in range(self.layers):
      h = "transformer.h." + str(layer) + "."
      if recompute:
        saved.append(x)
      y, active = (self).block(x, B, T, weights, h, tables, cache, 2 * layer, start, saved, whole)
      x = (self).residual(y, active, weights, h + "mlp.c_proj")
    if first > 0:
      x = torch.reshape(torch.slice(torch.view(x, [B, T, -1]), 1, first, T), [B * (T - first), -1])
    last = (self).norm(x, weights, "transformer.ln_f", saved, keep)
    if keep:
      saved.append(last)
    return torch.view(torch.mm(last, torch.t(weights[self.output])), [B, T - first, -1])

  # A transformer block but for its last step: x [N, D] with attention added, and what mlp.c_proj multiplies [N, 4D].
  def block(self: __torch__.Gpt, x: Tensor, B: int, T: int, weights: Dict[str, Tensor], h: str, tables: List[Tensor], cache: List[Tensor], slot: int, start: int, saved: List[Tensor], keep: bool) -> Tuple[Tensor, Tensor]:
    n = (self).norm(x, weights, h + "ln_1", saved, keep)
    a = (self).shifted(n, B, T, weights, h + "attn", cache, 2 * self.layers + slot)
    qkv = (self).linear(a, weights, h + "attn.c_attn") # [N, 3D]
    mixed = (self).attention(qkv, B, T, tables, cache, slot, start, saved, keep)
    y = (self).residual(x, mixed, weights, h + "attn.c_proj")
    m = (self).norm(y, weights, h + "ln_2", saved, keep)
    a = (self).shifted(m, B, T, weights, h + "mlp", cache, 2 * self.layers + slot + 1)
    hidden = (self).linear(a, weights, h + "mlp.c_fc") # [N, 4D]
    if self.relu2:
      hidden = torch.relu_(hidden)
      active = torch.mul(hidden, hidden)
    else:
      active = torch.gelu(hidden, approximate=self.gelu)
    if keep:
      saved.extend([n, mixed, m, hidden, active])
    return (y, active)

  # From x_d of a block's result to that of its input.
  def block_backward(self: __torch__.Gpt, x_d: Tensor, B: int, T: int, weights: Dict[str, Tensor], gradients: Dict[str, Tensor], h: str, tables: List[Tensor], saved: List[Tensor]) -> Tensor:
    active = saved.pop()
    hidden = saved.pop()
    m = saved.pop()
    mixed = saved.pop()
    n = saved.pop()
    active_d = (self).linear_backward(x_d, active, 1, weights, gradients, h + "mlp.c_proj")
    none = annotate(List[Tensor], [])
    a = (self).shifted(m, B, T, weights, h + "mlp", none, 0)
    if self.relu2:
      half_d = torch.mul_(active_d, hidden) # relu(x)² has the slope 2·relu(x)
      m_d = (self).linear_backward(half_d, a, 2, weights, gradients, h + "mlp.c_fc")
    else:
      m_d = (self).linear_backward(torch.gelu_backward(active_d, hidden, approximate=self.gelu), a, 1, weights, gradients, h + "mlp.c_fc")
    m_d = (self).shifted_backward(m_d, m, B, T, weights, gradients, h + "mlp")
    x_d = (self).norm_backward(x_d, m_d, m, weights, gradients, h + "ln_2", saved)
    mixed_d = (self).linear_backward(x_d, mixed, 1, weights, gradients, h + "attn.c_proj")
    qkv_d = (self).attention_backward(mixed_d, B, T, tables, saved)
    a = (self).shifted(n, B, T, weights, h + "attn", none, 0)
    n_d = (self).linear_backward(qkv_d, a, 1, weights, gradients, h + "attn.c_attn")
    n_d = (self).shifted_backward(n_d, n, B, T, weights, gradients, h + "attn")
    x_d = (self).norm_backward(x_d, n_d, n, weights, gradients, h + "ln_1", saved)
    return x_d

  # dL/dw for every parameter w, from dL/dlogits [B, T - first, V].
  def backward(self: __torch__.Gpt, logits_d: Tensor, weights: Dict[str, Tensor], tables: List[Tensor], saved: List[Tensor], recompute: bool) -> Dict[str, Tensor]:
    gradients = annotate(Dict[str, Tensor], {})
    B = torch.size(logits_d, 0)
    T = torch.size(saved[0], 0) // B
    first = T - torch.size(logits_d, 1)
    z_d = torch.reshape(logits_d, [B * (T - first), -1])
    last = saved.pop()
    gradients[self.output] = torch.mm(torch.t(z_d), last)
    last_d = torch.mm(z_d, weights[self.output])
    x_d = (self).norm_backward(torch.zeros_like(last_d), last_d, last, weights, gradients, "transformer.ln_f", saved)
    if first > 0:
      x_d = torch.view(torch.constant_pad_nd(torch.view(x_d, [B, T - first, -1]), [0, 0, first, 0]), [B * T, -1])
    for i in range(self.layers):
      h = "transformer.h." + str(self.layers - 1 - i) + "."
      if recompute:
        inside = annotate(List[Tensor], [])
        _3, _4 = (self).block(saved.pop(), B, T, weights, h, tables, annotate(List[Tensor], []), 0, 0, inside, True)
        x_d = (self).block_backward(x_d, B, T, weights, gradients, h, tables, inside)
      else:
        x_d = (self).block_backward(x_d, B, T, weights, gradients, h, tables, saved)
    if self.tokenShift:
      x_d = (self).shifted_backward(x_d, saved.pop(), B, T, weights, gradients, "transformer")
    ids = saved.pop()
    if not self.rotary:
      places_d = torch.zeros_like(weights["transformer.wpe.weight"])
      gradients["transformer.wpe.weight"] = places_d
      _0 = torch.copy_(torch.slice(places_d, 0, 0, T), torch.sum(torch.view(x_d, [B, T, -1]), [0]))
    embedding = "transformer.wte.weight"
    if self.output != embedding:
      gradients[embedding] = torch.zeros_like(weights[embedding])
    if ops.prim.is_cuda(x_d): # where index_add_ adds up in the order in which threads come
      _1 = torch.add_(gradients[embedding], torch.embedding_dense_backward(x_d, ids, torch.size(gradients[embedding], 0), -1, False))
    else:
      _2 = torch.index_add_(gradients[embedding], 0, ids, x_d)
    return gradients

  # With tokenShift x_t + s ⊙ x_(t-1), s [D]; before a window's first token there is 0. The one before the first of x is in the cache,
  # which gets the last of x. Else x itself.
  def shifted(self: __torch__.Gpt, x: Tensor, B: int, T: int, weights: Dict[str, Tensor], name: str, cache: List[Tensor], slot: int) -> Tensor:
    y = x
    if self.tokenShift:
      rows = torch.view(x, [B, T, -1])
      earlier = torch.slice(rows, 1, 0, T - 1)
      if torch.len(cache) > 0:
        before = torch.cat([cache[slot], earlier], 1)
        _0 = torch.copy_(cache[slot], torch.slice(rows, 1, T - 1, T))
      else:
        before = torch.constant_pad_nd(earlier, [0, 0, 1, 0])
      y = torch.view(torch.addcmul(rows, before, weights[name + ".shift"]), [B * T, -1])
    return y

  # From y_d of what `shifted` gives for x; destroys y_d.
  def shifted_backward(self: __torch__.Gpt, y_d: Tensor, x: Tensor, B: int, T: int, weights: Dict[str, Tensor], gradients: Dict[str, Tensor], name: str) -> Tensor:
    if self.tokenShift:
      rows_d = torch.view(y_d, [B, T, -1])
      later_d = torch.slice(rows_d, 1, 1, T)
      gradients[name + ".shift"] = torch.sum(torch.mul(later_d, torch.slice(torch.view(x, [B, T, -1]), 1, 0, T - 1)), [0, 1])
      moved_d = torch.mul(later_d, weights[name + ".shift"])
      _0 = torch.add_(torch.slice(rows_d, 1, 0, T - 1), moved_d)
    return y_d

  # y = x Wᵀ + b
  def linear(self: __torch__.Gpt, x: Tensor, weights: Dict[str, Tensor], name: str) -> Tensor:
    w = torch.t(weights[name + ".weight"])
    if self.bias:
      y = (self).added(weights[name + ".bias"], x, w)
    else:
      y = (self).product(x, w)
    return y

  # x + (y Wᵀ + b)
  def residual(self: __torch__.Gpt, x: Tensor, y: Tensor, weights: Dict[str, Tensor], name: str) -> Tensor:
    sum = (self).added(x, y, torch.t(weights[name + ".weight"]))
    if self.bias:
      sum = torch.add_(sum, weights[name + ".bias"])
    return sum

  # From y_d / factor; returns x_d.
  def linear_backward(self: __torch__.Gpt, y_d: Tensor, x: Tensor, factor: int, weights: Dict[str, Tensor], gradients: Dict[str, Tensor], name: str) -> Tensor:
    w = weights[name + ".weight"]
    if self.bias:
      gradients[name + ".bias"] = torch.mul_(torch.sum(y_d, [0]), factor)
    gradients[name + ".weight"] = (self).multiple(torch.t(y_d), x, factor, w)
    return (self).multiple(y_d, w, factor, x)

  # a b, of matrices or of stacks of them.
  def product(self: __torch__.Gpt, a: Tensor, b: Tensor) -> Tensor:
    if self.bfloat16:
      c = torch.to(torch.matmul(torch.to(a, 15), torch.to(b, 15)), 6) # 15: bfloat16, 6: float32
    else:
      c = torch.matmul(a, b)
    return c

  # c + a b
  def added(self: __torch__.Gpt, c: Tensor, a: Tensor, b: Tensor) -> Tensor:
    if self.bfloat16:
      sum = torch.add_((self).product(a, b), c)
    else:
      if torch.dim(a) == 2:
        sum = torch.addmm(c, a, b)
      else:
        sum = torch.baddbmm(c, a, b)
    return sum

  # factor · a b, of matrices; `like` has its shape.
  def multiple(self: __torch__.Gpt, a: Tensor, b: Tensor, factor: int, like: Tensor) -> Tensor:
    if self.bfloat16:
      c = torch.mul_((self).product(a, b), factor)
    else:
      c = torch.addmm(like, a, b, beta=0, alpha=factor)
    return c

  # RMSNorm, y = x / √(mean x² + ε) (Zhang and Sennrich 2019, without gain), or LayerNorm.
  def norm(self: __torch__.Gpt, x: Tensor, weights: Dict[str, Tensor], name: str, saved: List[Tensor], keep: bool) -> Tensor:
    if self.rms:
      y, r = (self).rms_norm(x)
      if keep:
        saved.append(r)
    else:
      y, mean, r = torch.native_layer_norm(x, [torch.size(x, 1)], weights[name + ".weight"], weights[name + ".bias"], 1.0e-5)
      if keep:
        saved.extend([x, mean, r])
    return y

  # Adds the gradient that comes through the norm to x_d. Destroys y_d.
  def norm_backward(self: __torch__.Gpt, x_d: Tensor, y_d: Tensor, y: Tensor, weights: Dict[str, Tensor], gradients: Dict[str, Tensor], name: str, saved: List[Tensor]) -> Tensor:
    r = saved.pop()
    if self.rms:
      sum = torch.addcmul_(x_d, (self).projected(y_d, y), r)
    else:
      mean = saved.pop()
      x = saved.pop()
      more, w_d, b_d = torch.native_layer_norm_backward(y_d, x, [torch.size(x, 1)], mean, r, weights[name + ".weight"], weights[name + ".bias"], [True, True, True])
      gradients[name + ".weight"] = w_d
      gradients[name + ".bias"] = b_d
      sum = torch.add_(x_d, more)
    return sum

  # y = r x, r = 1 / √(mean x² + ε), over the last dimension.
  def rms_norm(self: __torch__.Gpt, x: Tensor) -> Tuple[Tensor, Tensor]:
    r = torch.rsqrt_(torch.add_(torch.mean(torch.mul(x, x), [-1], True), 1.0e-6))
    return (torch.mul(x, r), r)

  # y_d − y mean(y_d y), which times r is the x_d of rms_norm. In place of y_d.
  def projected(self: __torch__.Gpt, y_d: Tensor, y: Tensor) -> Tensor:
    return torch.addcmul_(y_d, y, torch.mean(torch.mul(y_d, y), [-1], True), value=-1)

  # Causal attention of queries, keys and values [N, 3D]: [N, D].
  def attention(self: __torch__.Gpt, qkv: Tensor, B: int, T: int, tables: List[Tensor], cache: List[Tensor], slot: int, start: int, saved: List[Tensor], keep: bool) -> Tensor:
    H = self.heads
    W = self.headWidth
    parts = torch.view(qkv, [B, T, 3, H, W])
    qk = torch.slice(parts, 2, 0, 2)
    if self.qkNorm:
      qk, r = (self).rms_norm(qk)
      if keep:
        saved.extend([qk, r])
    if self.rotary:
      # Halves (x1, x2) become (x1 cos − x2 sin, x2 cos + x1 sin) (Su et al. 2021); the table has the minus.
      cos = torch.slice(tables[1], 0, start, start + T)
      sin = torch.slice(tables[2], 0, start, start + T)
      qk = torch.addcmul_(torch.mul(qk, cos), torch.roll(qk, [W // 2], [-1]), sin)
    else:
      qk = torch.mul(qk, tables[3])
    heads = torch.contiguous(torch.permute(qk, [2, 0, 3, 1, 4]))
    q = torch.view(torch.select(heads, 0, 0), [B * H, T, W])
    k = torch.view(torch.select(heads, 0, 1), [B * H, T, W])
    v = torch.reshape(torch.permute(torch.select(parts, 2, 2), [0, 2, 1, 3]), [B * H, T, W])
    if torch.len(cache) > 0:
      _0 = torch.copy_(torch.slice(cache[slot], 1, start, start + T), k)
      _1 = torch.copy_(torch.slice(cache[slot + 1], 1, start, start + T), v)
      k = torch.slice(cache[slot], 1, 0, start + T)
      v = torch.slice(cache[slot + 1], 1, 0, start + T)
    mask = torch.slice(torch.slice(tables[0], 0, start, start + T), 1, 0, start + T)
    p = torch.softmax((self).added(mask, q, torch.transpose(k, 1, 2)), -1) # [B·H, T, start + T]
    mixed = torch.view((self).product(p, v), [B, H, T, W])
    if keep:
      saved.extend([q, k, v, p])
    return torch.reshape(torch.permute(mixed, [0, 2, 1, 3]), [B * T, H * W])

  def attention_backward(self: __torch__.Gpt, mixed_d: Tensor, B: int, T: int, tables: List[Tensor], saved: List[Tensor]) -> Tensor:
    H = self.heads
    W = self.headWidth
    p = saved.pop()
    v = saved.pop()
    k = saved.pop()
    q = saved.pop()
    m_d = torch.reshape(torch.permute(torch.view(mixed_d, [B, T, H, W]), [0, 2, 1, 3]), [B * H, T, W])
    v_d = (self).product(torch.transpose(p, 1, 2), m_d)
    scores_d = torch._softmax_backward_data((self).product(m_d, torch.transpose(v, 1, 2)), p, -1, 6) # 6: float32
    q_d = (self).product(scores_d, k)
    k_d = (self).product(torch.transpose(scores_d, 1, 2), q)
    heads_d = torch.view(torch.stack([q_d, k_d, v_d]), [3, B, H, T, W])
    qkv_d = torch.contiguous(torch.permute(heads_d, [1, 3, 0, 2, 4])) # [B, T, 3, H, W]
    qk_d = torch.slice(qkv_d, 2, 0, 2)
    if self.rotary:
      cos = torch.slice(tables[1], 0, 0, T)
      sin = torch.slice(tables[2], 0, 0, T)
      turned_d = torch.add_(torch.roll(torch.mul(qk_d, sin), [W // 2], [-1]), torch.mul(qk_d, cos))
    else:
      turned_d = torch.mul(qk_d, tables[3])
    if self.qkNorm:
      r = saved.pop()
      qk = saved.pop()
      turned_d = torch.mul_((self).projected(turned_d, qk), r)
    _0 = torch.copy_(qk_d, turned_d)
    return torch.view(qkv_d, [B * T, 3 * H * W])
