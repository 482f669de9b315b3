"""A real SMTP server (aiosmtpd) with STARTTLS and sign-in, and the certificate that it shows."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.support.ports import free_port, wait_until

USER = "photo-alerts@example.com"
PASSWORD = "sEcReTmAiLpAsSwOrD"


@dataclass
class Mailbox:
    """Mail that was taken; `refusal`, where set, is what each recipient is refused with."""

    port: int
    ca_file: Path
    messages: list[EmailMessage] = field(default_factory=list)
    refusal: str | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusal:
            return self.refusal
        if not session.authenticated or not session.ssl:
            return "530 5.7.0 Sign in first, over TLS"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content
        assert isinstance(content, bytes)
        message: Any = message_from_bytes(content, policy=policy.default)
        self.messages.append(message)
        return "250 OK"

    def wait(self, matches: Callable[[EmailMessage], bool]) -> EmailMessage:
        """Wait for a mail that matches."""
        wait_until(lambda: any(map(matches, self.messages)), "a mail", 20)
        return next(filter(matches, self.messages))


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "mail.crt", folder / "mail.key"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", *request.split(), *names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


@contextmanager
def mail_server(folder: Path) -> Iterator[Mailbox]:
    """Serve on a free port until the block ends."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    mailbox = Mailbox(free_port(), certificate)
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        tls_context=context,
        require_starttls=True,
        auth_required=False,
        auth_exclude_mechanism=["LOGIN"],
        authenticator=_authenticate,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
