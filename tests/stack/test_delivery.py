"""Real faults of a running stack arrive on every channel: a killed instance, a burst of errors, slow images.

Once in Korean with one Alertmanager and Prometheus, once in English with a pair of which one of each dies meanwhile.
"""

import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image
from tests.stack.running import PORTS, Stack, clean_environment, free_base_port, started
from tests.support.channels import SECRETS, Providers, providers
from tests.support.ports import wait_until
from tests.support.slow_file import slow_to_open

from photo_stack.layout import Ports

pytestmark = pytest.mark.timeout(300)  # a stack is started, broken three times and mended

SCALE = "10"
FAULTS = ("ServiceDown", "HighErrorRate", "SlowImageAccess")
# Few requests are enough here; and slow images are critical from two seconds on, since five would be the storage's
# own alert, which speaks for them.
THRESHOLDS = """
[alerts.HighErrorRate.request-errors]
warning = { minimum = 10 }
critical = { minimum = 10 }

[alerts.SlowImageAccess.image-time]
warning = { threshold = 1.0, minimum = 5 }
critical = { threshold = 2.0, minimum = 5 }
"""
SLOW_SECONDS = 4.5
VIEWERS = 4
GUESSERS, PAUSE_SECONDS = 6, 0.4
ENVIRONMENT = clean_environment(
    PHOTO_API_PASSWORD_HASH_QUEUE="1",
    PHOTO_API_ARGON2_ITERATIONS="8",
    PHOTO_API_RATE_LIMIT_AUTH_PER_MINUTE="1000000",
    PHOTO_API_RATE_LIMIT_IMAGE_PER_MINUTE="1000000",
)
"""One password is hashed, slowly, and one waits: of logins that come together, the others are answered 503."""

CHANNELS = ("slack", "pagerduty", "opsgenie", "webhook", "dooray", "email")
LOGIN = {"email": "mina@example.com", "password": "a long enough one"}


@dataclass(frozen=True)
class Wired:
    """A stack, and the providers that its alerts reach."""

    lang: str
    stack: Stack
    providers: Providers

    def messages(self, channel: str) -> list[str]:
        """What a channel received, oldest first, as text."""
        if channel == "email":
            return [f"{mail['subject']}\n{mail.as_string()}" for mail in list(self.providers.mail.messages)]
        return [f"{one.path} {one.body}" for one in list(getattr(self.providers, channel).messages)]

    def arrived(self, fault: str) -> list[str]:
        """The channels that heard of a critical fault."""
        word = {"ko": "심각", "en": "CRITICAL"}[self.lang]
        mark = re.compile(
            rf"\[{word}[^\]]*\] {fault}|'severity': 'critical'.*{fault}|{fault}.*'severity': 'critical'", re.DOTALL
        )
        return [channel for channel in CHANNELS if any(map(mark.search, self.messages(channel)))]

    def told(self, status: str) -> list[str]:
        """Webhooks about the dead instance's critical alert."""
        return [
            message.body["status"]
            for message in self.providers.webhook.messages
            if any(
                alert["labels"].get("alertname") == "ServiceDown"
                and alert["labels"].get("severity") == "critical"
                and alert["status"] == status
                for alert in message.body["alerts"]
            )
        ]


@contextmanager
def wired(folder: Path, lang: str, *options: str) -> Iterator[Wired]:
    """A stack with every channel at local providers; links lead to its own console."""
    base = free_base_port(PORTS)
    console = f"http://127.0.0.1:{Ports.counted_from(base, 2, pair='--ha-monitoring' in options).console}"
    with providers(folder / "providers", lang, console=console, more=THRESHOLDS) as found:
        arguments = ("--time-scale", SCALE, "--config", str(found.config), *options)
        with started(folder / "stack", *arguments, env=ENVIRONMENT, base_port=base) as stack:
            yield Wired(lang, stack, found)


def photographed(stack: Stack, client: httpx.Client) -> tuple[str, Path]:
    """The path of an image that the client, signed in now, may see; and the file in which the store keeps it."""
    client.post("/auth/register", json=LOGIN | {"username": "mina"}).raise_for_status()
    tokens = client.post("/auth/login", json=LOGIN).raise_for_status().json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    album = client.post("/albums/", json={"name": "Jeju"}).raise_for_status().json()["id"]
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(picture, "JPEG")
    files = {"file": ("sea.jpg", picture.getvalue(), "image/jpeg")}
    photo = client.post("/photos/", data={"album_id": album}, files=files).raise_for_status().json()["id"]
    (file,) = [path for path in (stack.data / "photo-api" / "objects" / "sealed").glob("*/*") if path.is_file()]
    return f"/photos/{photo}/image", file


@contextmanager
def again_and_again(times: int, work: Callable[[], object]) -> Iterator[None]:
    """Do something in several threads until the block ends; answers and errors do not matter."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            try:
                work()
            except httpx.HTTPError:
                over.wait(0.2)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def faults(stack: Stack) -> Iterator[None]:
    """An instance is killed, more logins come than can be hashed, and an image is slow to open."""

    def login() -> None:
        httpx.post(f"{stack.url('api')}/auth/login", json=LOGIN | {"password": "wrong password"}, timeout=30)
        time.sleep(PAUSE_SECONDS)

    with ExitStack() as around:
        client = around.enter_context(httpx.Client(base_url=stack.url("api"), timeout=30))
        image, file = photographed(stack, client)
        around.enter_context(slow_to_open(file, SLOW_SECONDS))
        assert stack.command("kill", "api-1").returncode == 0
        with again_and_again(VIEWERS, lambda: client.get(image)), again_and_again(GUESSERS, login):
            yield


def all_arrive(found: Wired) -> None:
    """Every fault reaches every channel."""

    def missing() -> dict[str, list[str]]:
        heard = {fault: found.arrived(fault) for fault in FAULTS}
        return {fault: sorted(set(CHANNELS) - set(channels)) for fault, channels in heard.items() if len(channels) < 6}

    try:
        wait_until(lambda: not missing(), "every fault on every channel", 90)
    except TimeoutError:
        firing: list[Any] = []
        with suppress(httpx.HTTPError):  # of a pair, this one may have been killed
            firing = found.stack.query('ALERTS{alertstate="firing"}')
        pytest.fail(f"missing: {missing()}; firing: {[one['metric'] for one in firing]}")


def all_end(found: Wired) -> None:
    """The instance's alert ends on every channel once it is back."""
    word = {"ko": "해결", "en": "RESOLVED"}[found.lang]
    ends = {
        "slack": f"[{word}] ServiceDown",
        "pagerduty": f"[{word}] ServiceDown",
        "opsgenie": "/close?",
        "webhook": "'status': 'resolved'",
        "dooray": f"[{word}] ServiceDown",
        "email": f"[{word}] ServiceDown",
    }

    def waiting() -> list[str]:
        return [channel for channel, end in ends.items() if not any(end in one for one in found.messages(channel))]

    assert found.stack.command("start", "api-1").returncode == 0
    wait_until(lambda: not waiting() and bool(found.told("resolved")), f"the end on {waiting()}", 60)


def links_work(found: Wired) -> None:
    """What Slack's buttons open is there."""
    shown = next(
        message.body["attachments"][0]
        for message in found.providers.slack.messages
        if "ServiceDown" in str(message.body)
    )
    for link in (action["url"] for action in shown["actions"]):
        answer = httpx.get(link, timeout=10)
        assert answer.status_code == 200, link
        assert urlsplit(link).path.startswith(("/runbooks/", "/dashboards/", "/silences/"))


def nothing_leaked(found: Wired) -> None:
    """No log and no file of the stack has a secret, but Alertmanager's own."""
    files = [path for path in found.stack.data.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    for path in (*files, *found.providers.adapter_logs):
        content = path.read_bytes()
        assert [secret for secret in SECRETS if secret.encode() in content] == [], path


def test_faults_arrive_on_every_channel_in_korean(tmp_path: Path) -> None:
    with wired(tmp_path, "ko") as found:
        with faults(found.stack):
            all_arrive(found)
        links_work(found)
        all_end(found)
        assert found.providers.problems() == []
        assert found.providers.switch.messages
        nothing_leaked(found)


def test_faults_arrive_once_in_english_though_one_of_each_pair_dies(tmp_path: Path) -> None:
    with wired(tmp_path, "en", "--ha-monitoring") as found:
        wait_until(lambda: bool(found.stack.query("min(alertmanager_cluster_members) == 2")), "gossip", 30)
        with faults(found.stack):
            wait_until(lambda: bool(found.told("firing")), "the first message", 60)
            for name in ("prometheus", "alertmanager"):
                assert found.stack.command("kill", name).returncode == 0
            all_arrive(found)
        links_work(found)
        all_end(found)
        assert found.told("firing") == ["firing"]
        assert found.told("resolved") == ["resolved"]
        for channel in ("slack", "dooray"):
            titles = [one for one in found.messages(channel) if "[CRITICAL] ServiceDown" in one]
            assert len(titles) == 1, channel
        assert found.providers.problems() == []
