"""Folds the stacks of `jfr print` on standard input into a flame graph as SVG: this project's frames and the leaf's."""

import html
import re
import sys

WIDTH, ROW, LEAST = 1180, 22, 0.004
# Threads that wait for each other, for a lock or for a socket stand in native code, too.
WAITING = re.compile(r"park|wait|accept|poll|read0|sleep|Signal|Epoll|EPoll|Unsafe_Park|kevent", re.I)
COLOURS = {"model": "#e8a33d", "learner": "#d9643a", "rollout": "#6a9fd4", "reward": "#8bbf6a", "advantage": "#5aa9a0",
           "spark": "#b59bd0", "train": "#c9c2b8", "PyTorch": "#f0c987", "Java": "#dcdcdc"}


def frames(lines):
    """From the outermost to the leaf: Class.method of this project, then what the leaf does."""
    names = [m.group(1) for m in (re.match(r"\s+([\w.$]+)\([^)]*\)?", line) for line in lines) if m]
    if not names or WAITING.search(names[0].rsplit(".", 1)[-1]):
        return None
    own = []
    for name in reversed(names):
        if name.startswith("io.avatarl."):
            room, short = name.split(".")[2], ".".join(name.split(".")[-2:])
            short = re.sub(r"\$\d+|lambda\$|\$\w+\$\d+|\$\d+$", "", short)
            if not own or own[-1] != (room, short):
                own.append((room, short))
    leaf = names[0]
    if leaf.startswith("ai.djl.pytorch.jni.PyTorchLibrary"):
        own.append(("PyTorch", leaf.rsplit(".", 1)[-1]))
    elif not leaf.startswith("io.avatarl."):
        own.append(("Java", ".".join(leaf.split(".")[-2:])))
    return own


def add(node, path):
    node["n"] += 1
    for key in path:
        node = node["of"].setdefault(key, {"n": 0, "of": {}})
        node["n"] += 1


def draw(node, x, width, depth, total, out):
    for (room, name), child in sorted(node["of"].items(), key=lambda item: -item[1]["n"]):
        share = child["n"] / total
        w = WIDTH * share
        if share < LEAST:
            continue
        text = f"{name} {100 * share:.0f} %" if w > 90 else ""
        text = text[: int(w / 6.3)]
        out.append(
            f'<g><title>{html.escape(name)}: {100 * share:.1f} %</title><rect x="{x:.1f}" y="{depth * ROW}" width="{w - 0.5:.1f}"'
            f' height="{ROW - 1}" fill="{COLOURS.get(room, "#dcdcdc")}"/><text x="{x + 3:.1f}" y="{depth * ROW + 15}">'
            f"{html.escape(text)}</text></g>")
        draw(child, x, w, depth + 1, total, out)
        x += w


def depth(node, total):
    return 1 + max((depth(child, total) for child in node["of"].values() if child["n"] / total >= LEAST), default=0)


def main():
    root = {"n": 0, "of": {}}
    stack, inside = [], False
    for line in sys.stdin:
        if "stackTrace = [" in line:
            stack, inside = [], True
        elif inside and line.strip() == "]":
            path = frames(stack)
            if path:
                add(root, path)
            inside = False
        elif inside:
            stack.append(line)
    out = []
    draw(root, 0, WIDTH, 0, root["n"], out)
    height = depth(root, root["n"]) * ROW
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">')
    print(f"<title>{root['n']} samples of threads at work</title>")
    print("\n".join(out))
    print("</svg>")


if __name__ == "__main__":
    main()
