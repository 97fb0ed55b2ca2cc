"""Runs a notebook from top to bottom and keeps the result: execute_notebook.py NOTEBOOK FOLDER [SECONDS [PLOTS]].

Writes FOLDER/NAME.ipynb with all outputs and each plot as FOLDER/plot-N.png; fails where a cell does or where there are fewer than PLOTS
(default 3) plots.
Needs nbclient, ipykernel and what the notebook imports. At most SECONDS (default 150) per cell.
"""

import base64
import pathlib
import sys

import nbclient
import nbformat

source, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 150
wanted = int(sys.argv[4]) if len(sys.argv) > 4 else 3
notebook = nbformat.read(source, as_version=4)
client = nbclient.NotebookClient(
    notebook, timeout=seconds, kernel_name="python3", resources={"metadata": {"path": str(source.parent)}}
)
folder.mkdir(parents=True, exist_ok=True)
try:
    client.execute()
finally:
    nbformat.write(notebook, folder / source.name)
plots = [
    output.data["image/png"]
    for cell in notebook.cells
    if cell.cell_type == "code"
    for output in cell.outputs
    if "image/png" in output.get("data", {})
]
for number, plot in enumerate(plots, 1):
    (folder / f"plot-{number}.png").write_bytes(base64.b64decode(plot))
texts = [output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
print("".join(texts))
print(f"{len(plots)} plots")
sys.exit(0 if len(plots) >= wanted else f"fewer than {wanted} plots")
