# A learner's update as TorchScript, in the form that PyTorch stores (see gpt.py): everything that an update reads and writes stays on
# its device. `weights`, `gradient` and the moments are flat, float32 [P]; parameters are ranges of them.

class Optimizer(Module):
  __parameters__ = []
  __buffers__ = []

  # Copies tensor by tensor, also between devices.
  def copy(self: __torch__.Optimizer, targets: List[Tensor], sources: List[Tensor]) -> int:
    for i in range(torch.len(targets)):
      _0 = torch.copy_(targets[i], sources[i])
    return torch.len(targets)

  # x + y, in place of x.
  def add(self: __torch__.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    return torch.add_(x, y)

  # f x, in place of x.
  def scale(self: __torch__.Optimizer, x: Tensor, f: float) -> Tensor:
    return torch.mul_(x, f)

  # The Euclidean norm, summed in float64. `block` numbers at a time, since PyTorch converts them in a copy.
  def norm(self: __torch__.Optimizer, x: Tensor, block: int) -> Tensor:
    norms = annotate(List[Tensor], [])
    for i in range((torch.size(x, 0) + block - 1) // block):
      norms.append(torch.linalg_vector_norm(torch.slice(x, 0, i * block, (i + 1) * block), 2, dtype=7)) # 7: float64
    return torch.linalg_vector_norm(torch.stack(norms), 2)

  # Finite if and only if all of x is (but for sums above 3e38).
  def sum(self: __torch__.Optimizer, x: Tensor) -> Tensor:
    return torch.sum(x)

  # AdamW's formula, as in AdamW.java, in one pass of PyTorch's own kernel over the ranges [from, to), ... with the same decay.
  # `update`: float32 [], on the device.
  def adamw(self: __torch__.Optimizer, weights: Tensor, gradient: Tensor, first: Tensor, second: Tensor, update: Tensor, ranges: List[int], rate: float, beta1: float, beta2: float, decay: float, epsilon: float) -> int:
    w = annotate(List[Tensor], [])
    g = annotate(List[Tensor], [])
    m = annotate(List[Tensor], [])
    v = annotate(List[Tensor], [])
    t = annotate(List[Tensor], [])
    for i in range(torch.len(ranges) // 2):
      start = ranges[2 * i]
      end = ranges[2 * i + 1]
      w.append(torch.slice(weights, 0, start, end))
      g.append(torch.slice(gradient, 0, start, end))
      m.append(torch.slice(first, 0, start, end))
      v.append(torch.slice(second, 0, start, end))
      t.append(update)
    torch._fused_adamw_(w, g, m, v, annotate(List[Tensor], []), t, lr=rate, beta1=beta1, beta2=beta2, weight_decay=decay, eps=epsilon, amsgrad=False, maximize=False)
    return torch.len(w)

  # Muon's formula, as in Muon.java, for the matrix [rows, columns] that begins at `start`: m <- mu m + g, W <- keep W - step O(g + mu m).
  def muon(self: __torch__.Optimizer, weights: Tensor, gradient: Tensor, momentum: Tensor, start: int, rows: int, columns: int, mu: float, iterations: int, keep: float, step: float) -> Tensor:
    end = start + rows * columns
    g = torch.slice(gradient, 0, start, end)
    m = torch.add_(torch.mul_(torch.slice(momentum, 0, start, end), mu), g)
    direction = torch.add(torch.mul(m, mu), g)
    x = (self).orthogonal(torch.view(direction, [rows, columns]), iterations)
    w = torch.view(torch.slice(weights, 0, start, end), [rows, columns])
    return torch.sub_(torch.mul_(w, keep), torch.mul(x, step))

  # About U Vᵀ for x = U S Vᵀ: x <- p(x xᵀ) x with p(G) = 3.4445 - 4.7750 G + 2.0315 G² (Jordan et al. 2024). All factors commute,
  # so a matrix of more than two squares is multiplied once, by the product of all p(G), with G <- p(G) G p(G).
  def orthogonal(self: __torch__.Optimizer, matrix: Tensor, iterations: int) -> Tensor:
    tall = torch.gt(torch.size(matrix, 0), torch.size(matrix, 1))
    x = matrix
    if tall:
      x = torch.t(matrix)
    x = torch.div(x, torch.add(torch.linalg_vector_norm(x, 2), 1.0e-7))
    if torch.gt(torch.size(x, 1), 2 * torch.size(x, 0)):
      square = torch.mm(x, torch.t(x))
      product = square
      for i in range(iterations):
        p = (self).quintic(square)
        _0 = torch.add_(torch.diagonal(p), 3.4445)
        if i == 0:
          product = p
        else:
          product = torch.mm(p, product)
        if torch.lt(i + 1, iterations):
          square = torch.mm(torch.mm(p, square), p)
      x = torch.mm(product, x)
    else:
      for i in range(iterations):
        factor = (self).quintic(torch.mm(x, torch.t(x)))
        x = torch.addmm(x, factor, x, beta=3.4445)
    if tall:
      x = torch.t(x)
    return x

  # p(G) without its constant.
  def quintic(self: __torch__.Optimizer, square: Tensor) -> Tensor:
    return torch.addmm(square, square, square, beta=-4.775, alpha=2.0315)
