#!/usr/bin/env bash
# install-pytorch.sh [FOLDER]: puts the PyTorch that the job's jar needs into FOLDER/torch (default: /opt/avatarl/torch),
# whose lib/ is what PYTORCH_LIBRARY_PATH names. An init script of a Databricks cluster, and a step of the Kubernetes image.
# Where Python has that version for CUDA already, a link to it is enough; elsewhere pip installs it (3 GB with CUDA's own
# libraries). AVATARL_PYTHON names another Python, AVATARL_PIP_OPTIONS adds options for pip.
set -euo pipefail

version=2.7.1
target="${1:-/opt/avatarl}"

fail() {
  printf 'install-pytorch.sh: %s\n' "$*" >&2
  exit 1
}

python="${AVATARL_PYTHON:-/databricks/python/bin/python}"
[[ -x "$python" ]] || python="$(command -v python3)" || fail "no Python was found; name one in AVATARL_PYTHON"

# The folder of Python's own torch, if it is that version for CUDA. (Importing it would take seconds.)
own="$("$python" -c '
import importlib.util, pathlib, sys
spec = importlib.util.find_spec("torch")
if spec and spec.origin:
    folder = pathlib.Path(spec.origin).parent
    version = "__version__ = \x27" + sys.argv[1]
    if version in (folder / "version.py").read_text() and (folder / "lib" / "libtorch_cuda.so").exists():
        print(folder)
' "$version")" || own=""

mkdir -p "$target"
if [[ -n "$own" ]]; then
  ln -sfn "$own" "$target/torch"
  echo "install-pytorch.sh: PyTorch $version is in $own"
elif grep -qs "__version__ = '$version" "$target/torch/version.py"; then
  echo "install-pytorch.sh: PyTorch $version is in $target/torch"
else
  echo "install-pytorch.sh: installing PyTorch $version into $target ..."
  rm -rf "$target/torch"
  # shellcheck disable=SC2086
  "$python" -m pip install --quiet --no-cache-dir --target "$target" ${AVATARL_PIP_OPTIONS:-} "torch==$version"
fi
[[ -f "$target/torch/lib/libtorch.so" ]] || fail "$target/torch/lib has no libtorch.so"
