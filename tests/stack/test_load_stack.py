"""The load on the whole stack: its target found by stack.json, an instance killed under it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from tests.stack.running import Stack
from tests.support.ports import wait_until


def images_served(stack: Stack, name: str) -> float:
    """How many images an instance has answered."""
    port = stack.document["components"][name]["metrics_port"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text.splitlines()
    image = 'handler="/photos/{photo_id}/image"'
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("http_requests_total{") and image in line
    )


def test_an_instance_killed_under_load_fails_no_get_and_no_broken_body_stays_broken(stack: Stack) -> None:
    before = images_served(stack, "api-1")
    command = (str(Path(sys.executable).with_name("photo-stack")), "load", "--data", str(stack.data), "--json")
    process = subprocess.Popen(
        [*command, "--rps", "40", "--duration", "1h", "--seed", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        wait_until(lambda: images_served(stack, "api-1") >= before + 20, "images from api-1", 60)
        assert stack.command("kill", "api-1").returncode == 0
        survivor = images_served(stack, "api-2")
        wait_until(lambda: images_served(stack, "api-2") >= survivor + 60, "images from api-2", 60)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    result = json.loads(output)
    totals = result["totals"]
    assert totals["failed_gets"] == 0, (totals, result["samples"], errors)
    assert (totals["lost_bodies"], totals["corrupt_bodies"]) == (0, 0)
    assert result["operations"]["image_view"]["status"]["200"] >= 60
