"""The contents of ``stack.json``, which ``photo-stack status --json`` prints as well."""

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from photo_stack.configuration import write_atomically
from photo_stack.process import ManagedProcess
from photo_stack.profile import Profile
from photo_stack.state import FORMAT_VERSION

if TYPE_CHECKING:
    from photo_stack.supervisor import Supervisor


def stack_document(supervisor: "Supervisor") -> dict[str, Any]:
    """State, URLs by purpose (``api`` is the load balancer), files, and every component."""
    layout, processes = supervisor.settings.layout, supervisor.processes
    urls = {"api": processes["haproxy"].component.url}
    urls |= {name: process.component.url for name, process in processes.items() if name != "haproxy"}
    urls["haproxy-metrics"] = processes["haproxy"].component.ready_url
    return {
        "version": FORMAT_VERSION,
        "state": supervisor.state,
        "written_at": _timestamp(datetime.now(UTC)),
        "data": str(layout.data),
        "supervisor": {
            "pid": os.getpid(),
            "started_at": _timestamp(supervisor.started_at),
            "log_file": str(layout.log_file("supervisor")),
            "restart": supervisor.settings.restart,
        },
        "profile": str(supervisor.settings.profile),
        "storage": str(supervisor.settings.storage)
        if supervisor.settings.profile is Profile.PRODUCTION
        else "filesystem",
        "urls": urls,
        "alerts_file": str(layout.alerts_file),
        "control_socket": str(layout.control_socket),
        "faults": {
            name: {**fault.told, "until": _timestamp(fault.until)} for name, fault in supervisor.faults.current.items()
        },
        "components": {name: _component(process) for name, process in processes.items()},
    }


def _component(process: ManagedProcess) -> dict[str, Any]:
    component = process.component
    return {
        "state": str(process.state),
        "since": _timestamp(process.since),
        "pid": process.pid,
        "port": component.port,
        "metrics_port": component.metrics_port,
        "url": component.url,
        "ready_url": component.ready_url,
        "purpose": component.purpose,
        "log_file": str(component.log_file),
        "exit": process.exit_words or None,
        "restarts": process.restarts,
    }


def write_document(supervisor: "Supervisor") -> None:
    """Replace ``stack.json`` atomically."""
    text = json.dumps(stack_document(supervisor), indent=2, ensure_ascii=False)
    write_atomically(supervisor.settings.layout.state_file, text + "\n")


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
