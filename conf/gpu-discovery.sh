#!/usr/bin/env bash
# Tells Spark which GPUs this machine (or container) has, in its format: {"name": "gpu", "addresses": ["0","1"]}. Addresses are
# CUDA's own indices, so GPUs hidden by CUDA_VISIBLE_DEVICES are left out and the others are renumbered.
set -euo pipefail

fail() {
  printf 'gpu-discovery.sh: %s\n' "$*" >&2
  exit 1
}

command -v nvidia-smi >/dev/null || fail "nvidia-smi was not found: this machine has no NVIDIA driver, or PATH lacks it"
indices="$(nvidia-smi --query-gpu=index --format=csv,noheader 2>&1)" || fail "nvidia-smi failed: ${indices%%$'\n'*}"
[[ "$indices" =~ ^[0-9]+($'\n'[0-9]+)*$ ]] || fail "nvidia-smi lists no GPU: ${indices%%$'\n'*}"
count="$(wc -l <<<"$indices")"
if [[ -n "${CUDA_VISIBLE_DEVICES+set}" ]]; then
  [[ -n "$CUDA_VISIBLE_DEVICES" && "$CUDA_VISIBLE_DEVICES" != -1 ]] || fail "CUDA_VISIBLE_DEVICES hides all GPUs"
  IFS=, read -r -a visible <<<"$CUDA_VISIBLE_DEVICES"
  count="${#visible[@]}"
fi
addresses=""
for ((i = 0; i < count; i++)); do
  addresses+="${addresses:+,}\"$i\""
done
printf '{"name": "gpu", "addresses": [%s]}\n' "$addresses"
