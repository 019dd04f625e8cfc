"""Scripts: what the tasks of a job do with its cache, in stages of steps; both runners read them from one file.

A step is one task: `{"language": "Rust", "write": [[key, value], …], …}`. It reads first and writes last; `python_runner.py`
and `runner/src/script.rs` say what else there is. A value is `[hexadecimal digits, times]`.
"""

import json
from pathlib import Path
from typing import Any

Step = dict[str, Any]
Value = list

# Names that some layer between a task and its storage might change: percent signs, separators of other systems, what URLs,
# XML and shells give a meaning, letters beyond ASCII in one form and the other, dots.
NAMES = (
    "plain", " a", "a b", "a+b", "a%2Fb", "a%b", "a&b=c", "a'b", "a;b", "a:b", "a,b", "a*b?", '"q"', "<a>|", "[x]{y}", "^`~",
    "@$!", "A", "é", "e\u0301", "日本語", "😀", "...", ".a", "a.b", "(1)", "CON",
)  # fmt: skip

# Azure takes it for a slash.
BACKSLASH = "a\\b"


def text(of: str) -> Value:
    return [of.encode().hex(), 1]


def all_bytes() -> Value:
    return [bytes(range(256)).hex(), 1]


def large() -> Value:
    """More than one part of an upload in both SDKs, and not a whole number of them."""
    return [bytes(range(251)).hex(), 80_001]


def step(language: str, **does: Any) -> Step:
    return {"language": language, **does}


def entries(names: tuple[str, ...], by: str) -> list:
    """One entry for each name at three depths, with a value that says where it is and who wrote it, and three values that
    are no text."""
    written = [[group + name, text(f"{by}: {group}{name}")] for group in ("", "group/", "group/in ner/") for name in names]
    return [*written, ["bytes/none", text("")], ["bytes/all", all_bytes()], ["bytes/large", large()]]


def of_group(group: str, written: list) -> list:
    """The entries directly in a group, as its items."""
    start = f"{group}/" if group else ""
    inside = [[key.removeprefix(start), value] for key, value in written if key.startswith(start)]
    return sorted([key, value] for key, value in inside if "/" not in key)


def save(path: Path, stages: list[list[Step]]) -> Path:
    path.write_text(json.dumps({"stages": stages}))
    return path
