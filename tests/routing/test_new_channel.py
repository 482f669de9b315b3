"""CONTRIBUTING.md's example of a channel, put into a copy of the sources as its one file: everything else follows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROOF = """
from dataclasses import replace
from photo_monitoring.configuration.file import parse
from photo_monitoring.routing import checks
from photo_monitoring.routing.alertmanager import document
from photo_monitoring.routing.example import example_channels, render_settings_example
from photo_monitoring.configuration.settings import Settings

(webex,) = [one for one in example_channels() if one.name == "webex"]
settings = replace(Settings(), channels=example_channels(), configured=True)
assert checks.routing_problems(settings)[1] == [], checks.routing_problems(settings)[1]
heard = checks.expected_receivers({"alertname": "SlowLogin", "severity": "warning"}, settings)
assert heard[-2:] == ["webex", "webhook"], heard
(receiver,) = [one for one in document(settings)["receivers"] if one["name"] == "webex"]
assert "/etc/alertmanager/secrets/webex_token" in str(receiver), receiver
assert 'url = "https://webexapis.com/v1/messages"' in render_settings_example()
print("routed")
"""


def test_a_channel_is_one_file(tmp_path: Path) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## Add a channel\n")[1]
    code = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert code is not None
    for package in ("photo_metrics", "photo_monitoring"):
        shutil.copytree(ROOT / "src" / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "photo_monitoring" / "routing" / "channels" / "webex.py"
    file.write_text(code.group(1), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROOF], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "routed\n"), done.stderr
    strict = subprocess.run(
        [str(Path(sys.executable).with_name("ruff")), "check", "--config", str(ROOT / "pyproject.toml"), str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert strict.returncode == 0, strict.stdout
