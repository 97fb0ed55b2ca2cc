"""Reads a checkpoint as any Python program would; prints what it found as JSON.

    python read_checkpoint.py RUN/checkpoints/step-NNNNNN

Needs nothing but safetensors, not even NumPy.
"""

import hashlib
import json
import pathlib
import sys

from safetensors import deserialize


def main(folder):
    tensors = deserialize((folder / "model.safetensors").read_bytes())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    found = {
        name: {
            "shape": list(tensor["shape"]),
            "dtype": tensor["dtype"],
            "sha256": hashlib.sha256(tensor["data"]).hexdigest(),
        }
        for name, tensor in tensors
    }
    json.dump({"config": config, "vocabulary": sorted(vocabulary, key=vocabulary.get), "tensors": found}, sys.stdout)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
