"""Reads a checkpoint as any Python program would; prints what it found as JSON.

    python read_checkpoint.py RUN/checkpoints/step-NNNNNN
"""

import hashlib
import json
import pathlib
import sys

import numpy
from safetensors.numpy import load_file


def main(folder):
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    found = {
        name: {
            "shape": list(values.shape),
            "sha256": hashlib.sha256(
                numpy.ascontiguousarray(values, dtype="<f4").tobytes()
            ).hexdigest(),
            "dtype": str(values.dtype),
        }
        for name, values in tensors.items()
    }
    json.dump({"config": config, "vocabulary": tokenizer["vocabulary"], "tensors": found}, sys.stdout)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
