"""The profile production as it is started: what runs, what it shows, and traffic through all of it."""

import json
import re
import stat

import httpx
import psutil
import pytest
from tests.stack.production import SEED, SERVERS, Person, Production
from tests.stack.running import photo_stack

from photo_stack.errors import CommandRefused

MOVED = {
    "uploads sealed": ("object_storage", "upload"),
    "uploads verified": ("object_storage", "download"),
    "uploads looked for": ("object_storage", "head"),
    "sealed uploads removed": ("object_storage", "delete"),
    "links to images": ("cdn", "token"),
    "log records": ("log_service", "send"),
}


def test_every_server_runs_and_the_state_says_which_profile(production: Production) -> None:
    document = production.document
    assert (document["profile"], document["storage"]) == ("production", "swift")
    assert {name: document["components"][name]["state"] for name in SERVERS} == dict.fromkeys(SERVERS, "running")
    assert production.command("status").returncode == 0


def test_secrets_are_in_files_of_the_owner_and_in_no_command_line_state_or_log(production: Production) -> None:
    folder = production.data / "secrets"
    files = list(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    logs = [path.read_text() for path in (production.data / "logs").iterdir()]
    commands = [" ".join(process.cmdline()) for process in psutil.process_iter() if process.is_running()]
    shown = "\n".join([json.dumps(production.document), *logs, *commands])
    assert len(files) == 9
    assert [file.name for file in files if file.read_text() in shown] == []


def test_photos_are_not_public_where_they_are_kept(production: Production, person: Person) -> None:
    upload = person.presign()
    person.send(upload).raise_for_status()
    person.confirm(upload).raise_for_status()
    kept = upload["upload_url"].partition("?")[0]
    assert httpx.get(kept).status_code == 401
    assert person.send(upload).status_code == 201  # the URL still writes, but not what is sealed
    link = person.image(upload["photo_id"]).headers["Location"]
    assert httpx.get(link).content == upload["content"]
    assert httpx.get(link.partition("?")[0]).status_code == 403
    del production


def test_traffic_is_answered_as_it_should_be_and_moves_every_external_services_metrics(production: Production) -> None:
    def counted() -> dict[str, float]:
        name = "photo_api_external_operation_duration_seconds_count"
        return {
            what: production.total(name, service=service, operation=operation)
            for what, (service, operation) in MOVED.items()
        }

    before = counted()
    done = production.command("load", "--rps", "20", "--duration", "8s", "--users", "6", "--seed", SEED, "--json")
    result = json.loads(done.stdout)
    assert result["totals"]["problems"] == 0, (result["totals"], result["samples"])
    operations = result["operations"]
    assert operations["upload_put"]["status"].keys() == {"201"}
    assert operations["image_view"]["status"].keys() == {"302"}
    assert operations["image_view_cdn"]["status"].get("200") == operations["image_view"]["status"]["302"]
    after = counted()
    assert {what for what in MOVED if after[what] <= before[what]} == set()


@pytest.mark.parametrize(
    ("name", "faults", "seconds", "said"),
    [
        ("haproxy", {"reset": True}, 9, "'haproxy' cannot be told faults; these can: cdn-api, cdn-edge"),
        ("redis", {"status": 500}, 9, "redis: not faults: status"),
        ("redis", {"reset": True}, 0, "--seconds 0: must be"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    production: Production, name: str, faults: dict[str, object], seconds: float, said: str
) -> None:
    with pytest.raises(CommandRefused, match=re.escape(said)):
        production.fault(name, seconds=seconds, **faults)
    assert production.document["faults"] == {}


@pytest.mark.parametrize("arguments", [(), ("--clear", "--reset")])
def test_a_fault_needs_to_say_what_or_to_clear(arguments: tuple[str, ...]) -> None:
    assert photo_stack("fault", "redis", *arguments).returncode == 2
