"""A real OpenStack Swift on plain directories, in one process: what NHN Cloud Object Storage is, on a loopback port.

Run as ``python -m photo_stack.providers.swift_server --data DIR --port PORT``; the password is ``SWIFT_PASSWORD`` in
the environment, or in ``--password-file`` (mode 0600). Proxy, account, container and object server are Swift's own
(pypi.org/project/swift), one replica on one device below ``DIR``; the three behind the proxy listen on ports of their
own choice. It is ready when ``GET /healthcheck`` answers 200, and ends at SIGTERM. There is no child to outlive it.

It understands tempauth (``/auth/v1.0``), Temp URLs and S3 (key ``account:user``, secret: the password).

Policy: objects are on disk when a PUT is answered, and are there again after a restart, also after SIGKILL; tokens are
kept in memory, and a restart ends them. What needs Swift's daemons (expiry, replication) does not happen.
"""

import argparse
import base64
import os
import re
import secrets
import signal
import socket
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from photo_stack.errors import StackError

PASSWORD_VARIABLE: Final = "SWIFT_PASSWORD"  # noqa: S105 - the variable's name
PROXY: Final = "proxy"
BACKENDS: Final = ("account", "container", "object")
_PIPELINE: Final = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl s3api tempauth copy slo dlo"
    " versioned_writes symlink proxy-server"
)
_PASSWORD: Final = re.compile(r"[!-$&-~]{8,128}")  # no %: it begins a reference in Swift's configuration
_USER: Final = re.compile(r"[^\s:]{1,128}:[^\s:]{1,128}")
_DEVICE: Final = "disk"
_PATIENCE: Final = "conn_timeout = 10\nnode_timeout = 30\ncontainer_update_timeout = 30\n"
"""Without Swift's updater, what a busy container server did not take in time would be missing in listings for ever."""
_MAX_CLIENTS: Final = 1_024
_CLIENT_TIMEOUT_SECONDS: Final = 60.0


def password_of(environment: Mapping[str, str], file: Path | None) -> str:
    """The password, from the file where there is one.

    Raises:
        StackError: there is none, the file is readable by others, or it has characters Swift's configuration cannot.
    """
    if file is None:
        password = environment.get(PASSWORD_VARIABLE, "")
        source = PASSWORD_VARIABLE
    else:
        source = f"--password-file {file}"
        try:
            if file.stat().st_mode & 0o077:
                raise StackError(f"{source}: others may read it; chmod 600 {file}")
            password = file.read_text().strip()
        except OSError as error:
            raise StackError(f"{source}: {error.strerror}") from error
    if not _PASSWORD.fullmatch(password):
        raise StackError(f"{source}: needs 8 to 128 printable ASCII characters, none of them a space or %")
    return password


def write_configuration(
    directory: Path, ports: Mapping[str, int], *, user: str, password: str, region: str, token_seconds: int
) -> Path:
    """Write Swift's files below ``directory``; the directory they are in. ``ports`` are those of each server.

    They hold the password, so that only this user may read them. Raises `StackError` for a ``user`` without an account.
    """
    if not _USER.fullmatch(user):
        raise StackError("--user: must be account:user")
    etc = directory / "etc"
    devices = directory / "devices"
    etc.mkdir(parents=True, exist_ok=True, mode=0o700)
    (devices / _DEVICE).mkdir(parents=True, exist_ok=True)
    # Where an object lies depends on this suffix: it is made once.
    if not (etc / "swift.conf").exists():
        _write(etc / "swift.conf", f"[swift-hash]\nswift_hash_path_suffix = {secrets.token_hex(16)}\n")
    common = f"swift_dir = {etc}\nlog_level = ERROR\nlog_custom_handlers = {__package__}.swift_cache.log_to_stderr\n"
    for server in BACKENDS:
        text = (
            f"[DEFAULT]\n{common}devices = {devices}\nmount_check = false\nfallocate_reserve = 0\nworkers = 0\n"
            f"bind_ip = 127.0.0.1\nbind_port = {ports[server]}\n"
            f"[pipeline:main]\npipeline = {server}-server\n[app:{server}-server]\nuse = egg:swift#{server}\n{_PATIENCE}"
        )
        _write(etc / f"{server}.conf", text)
    _write(etc / "proxy.conf", _proxy(common, ports[PROXY], user, password, region, token_seconds))
    return etc


def _proxy(common: str, port: int, user: str, password: str, region: str, token_seconds: int) -> str:
    account, name = (_base64(part) for part in user.split(":"))
    options = {
        "cache": f"paste.filter_factory = {__package__}.swift_cache:filter_factory",
        "s3api": f"use = egg:swift#s3api\nlocation = {region}\ns3_acl = false\nauth_pipeline_check = false",
        "tempauth": f"use = egg:swift#tempauth\ntoken_life = {token_seconds}\n"
        f"user64_{account}_{name} = {password} .admin",
    }
    filters = [name for name in _PIPELINE.split() if name != "proxy-server"]
    sections = [f"[filter:{name}]\n{options.get(name, f'use = egg:swift#{name}')}\n" for name in filters]
    return (
        f"[DEFAULT]\n{common}workers = 0\nbind_ip = 127.0.0.1\nbind_port = {port}\n"
        f"[pipeline:main]\npipeline = {_PIPELINE}\n"
        f"[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n{_PATIENCE}"
        # One disk: a server that is slow once must not be left alone for a minute.
        "error_suppression_limit = 1000000\n" + "".join(sections)
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


def _write(file: Path, text: str) -> None:
    file.touch(0o600)
    file.chmod(0o600)
    file.write_text(text)


def serve(etc: Path, listening: Mapping[str, socket.socket]) -> None:
    """Serve from the configuration in ``etc`` on those sockets until SIGTERM or SIGINT."""
    with warnings.catch_warnings(action="ignore"):  # Swift and eventlet deprecate themselves; nothing to do here
        import eventlet  # noqa: PLC0415 - only this process, which was made for it, is to be changed by importing Swift
        import eventlet.wsgi  # noqa: PLC0415 - as above
        from swift.common import utils, wsgi  # noqa: PLC0415 - as above
        from swift.common.ring import RingBuilder  # noqa: PLC0415 - as above

    utils.monkey_patch()
    os.environ["TZ"] = "UTC+0"
    time.tzset()
    for server in BACKENDS:
        builder = RingBuilder(4, 1, 1)  # 2^4 partitions, one replica, no pause between changes
        place = {"ip": "127.0.0.1", "port": listening[server].getsockname()[1], "device": _DEVICE, "weight": 1}
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "meta": ""} | place)
        builder.rebalance()
        builder.get_ring().save(str(etc / f"{server}.ring.gz"))

    # The hub's poll() goes on after a signal (PEP 475), until its next timer: it must have something to read.
    ended, signalled = socket.socketpair()
    signalled.settimeout(0)
    signal.set_wakeup_fd(signalled.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _noted)
    for server in (*BACKENDS, PROXY):
        file = str(etc / f"{server}.conf")
        # Not `wsgi.run_server`, which takes a new event loop, and so wants a process of its own.
        _, logger, name = wsgi._initrp(file, f"{server}-server")
        thread = eventlet.spawn(
            eventlet.wsgi.server,
            eventlet.greenio.GreenSocket(listening[server]),
            wsgi.loadapp(file, global_conf={"log_name": name}),
            logger,
            custom_pool=eventlet.GreenPool(_MAX_CLIENTS),
            protocol=wsgi.SwiftHttpProtocol,
            log_output=False,
            capitalize_response_headers=False,  # S3 clients read "ETag"
            socket_timeout=_CLIENT_TIMEOUT_SECONDS,
        )
        thread.link(_died, server)
    eventlet.greenio.GreenSocket(ended).recv(1)
    signal.set_wakeup_fd(-1)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Beside the byte for the hub there is nothing to do."""


def _died(_thread: object, server: str) -> None:
    _say(f"the {server} server ended by itself")
    os._exit(1)


def _say(text: str) -> None:
    sys.stderr.write(f"swift: {text}\n")
    sys.stderr.flush()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=4_096)
    # Its connections inherit it. Swift writes heads and bodies apart: each would wait 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 ended as asked, 1 cannot serve; one line says why."""
    parser = argparse.ArgumentParser(prog="photo_stack.providers.swift_server", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="everything is below this directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0: the kernel's choice")
    parser.add_argument("--user", default="photos:photo-api", help="account:user (default: %(default)s)")
    parser.add_argument("--password-file", type=Path, help=f"default: the variable {PASSWORD_VARIABLE}")
    parser.add_argument("--region", default="KR1", help="of S3 signatures (default: %(default)s)")
    parser.add_argument("--token-seconds", type=int, default=3_600, help="life time of tokens (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        password = password_of(os.environ, chosen.password_file)
        listening = {server: _listen("127.0.0.1", 0) for server in BACKENDS}
        listening[PROXY] = _listen(chosen.host, chosen.port)
        etc = write_configuration(
            chosen.data.absolute(),
            {server: sock.getsockname()[1] for server, sock in listening.items()},
            user=chosen.user,
            password=password,
            region=chosen.region,
            token_seconds=chosen.token_seconds,
        )
    except (StackError, OSError) as error:
        _say(str(error))
        return 1
    serve(etc, listening)
    return 0


if __name__ == "__main__":
    sys.exit(main())
