"""Check that no file of the tree names a place that exists on one machine only.

A path of the machine where something was written helps nobody else, and breaks what reads it. Prints `file:line: text`
for each hit and exits with 1. Looks at what git has or would take; binary files are left out.
"""

# ruff: noqa: S607 - git is found in PATH
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# The brackets keep this file from finding itself.
MACHINE_PLACES = re.compile(r"(?<![\w.-])/wor[k]/|\.\./share[d]\b|(?<![\w-])\.librar[y]\b")


def main() -> int:
    """Check the tree around the current directory; return the exit status."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if listed.returncode != 0:
        sys.stderr.write(f"check_tree: git could not list the files: {listed.stderr.strip()}\n")
        return 1
    hits = [hit for name in listed.stdout.split("\0") if name for hit in hits_in(Path(name))]
    for hit in hits:
        sys.stderr.write(f"{hit}\n")
    if hits:
        sys.stderr.write("check_tree: name no path of a machine; use one relative to the repository, or a setting\n")
    return 1 if hits else 0


def hits_in(path: Path) -> list[str]:
    """Return `file:line: text` for each line of a text file that names such a place."""
    if not path.is_file() or path.is_symlink():
        return []
    content = path.read_bytes()
    if b"\0" in content:
        return []
    lines = content.decode(errors="replace").splitlines()
    return [
        f"{path}:{number}: {line.strip()[:160]}" for number, line in enumerate(lines, 1) if MACHINE_PLACES.search(line)
    ]


if __name__ == "__main__":
    sys.exit(main())
