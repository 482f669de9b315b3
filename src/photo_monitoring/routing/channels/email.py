"""E-mail, by an SMTP server: warnings as a digest."""

import asyncio
import ipaddress
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Annotated, Any, ClassVar, Final

from photo_monitoring.criteria import Severity
from photo_monitoring.routing import options, templates
from photo_monitoring.routing.answers import TIMEOUT_SECONDS, without_secrets
from photo_monitoring.routing.channel import Channel, Key, Place, Refused, Secret, Test

_IMPLICIT_TLS_PORT: Final = "465"
_FULL: Final = {422, 452, 552}
"""Status codes of a mailbox that has no room (RFC 5321, RFC 3463 4.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Email(Channel):
    """Warnings, gathered for some hours; repeated once a day."""

    name = "email"
    title = "E-mail"
    integration = "email"
    takes = (Severity.WARNING,)
    quiet_at_night = False
    digest = True
    example: ClassVar[Mapping[str, object]] = {
        "smarthost": "smtp.example.com:587",
        "sender": "photo-alerts@example.com",
        "to": ("photo-team@example.com",),
        "username": "photo-alerts@example.com",
        "password_file": "/etc/photo-monitoring/smtp-password",
    }

    smarthost: Annotated[
        str, Key("The SMTP server; port 465 is TLS from the start, others STARTTLS", options.host_and_port)
    ]
    sender: Annotated[str, Key("From whom", options.mail_address)]
    to: Annotated[tuple[str, ...], Key("To whom: one address or a list", options.mail_addresses)]
    username: Annotated[str | None, Key("With which user to sign in, if at all", options.text)] = None
    password: Annotated[Secret | None, Key("That user's password")] = None
    require_tls: Annotated[bool, Key("Send nothing without TLS", options.boolean)] = True
    ca_file: Annotated[str | None, Key("Whom to trust instead of the system's certificates", options.text)] = None

    def __post_init__(self) -> None:
        """Refuse a user without a password, the other way round, and a password that anybody on the way could read."""
        if (self.username is None) != (self.password is None):
            msg = "username and password_file (or password_env) go together"
            raise ValueError(msg)
        host, port = self._server()
        if self.password is not None and not (self.require_tls or port == _IMPLICIT_TLS_PORT or _is_local(host)):
            msg = "require_tls = false would send the password in the clear: leave it out, or the user"
            raise ValueError(msg)

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """A message in HTML and in plain text."""
        config: dict[str, Any] = {
            "send_resolved": True,
            "to": ", ".join(self.to),
            "from": self.sender,
            "smarthost": self.smarthost,
            "require_tls": self.require_tls,
            "headers": {"Subject": templates.use("photo.title")},
            "html": templates.use("photo.email.html"),
            "text": templates.use("photo.email.text"),
        }
        if self.username:
            password = place.secret_file(self, "password")
            config |= {"auth_username": self.username, "auth_password_file": password}
        if self.ca_file:
            config["tls_config"] = {"ca_file": self.ca_file}
        return {"email_configs": [config]}

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Hand the SMTP server a message, as Alertmanager would."""
        await asyncio.to_thread(self._send, secrets.get("password"), message)

    def _send(self, password: str | None, message: Test) -> None:
        hidden = [password] if password else []

        def said(code: int, text: bytes | str) -> str:
            words = text.decode(errors="replace") if isinstance(text, bytes) else text
            return without_secrets(f"{code} {words}", hidden)

        try:
            with self._connected() as server:
                if self.username and password:
                    server.login(self.username, password)
                mail = EmailMessage()
                mail["Subject"], mail["From"], mail["To"] = message.title, self.sender, ", ".join(self.to)
                mail.set_content(message.text)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            what = "a mailbox is full" if code in _FULL else "it takes no mail for a recipient: check channels.email.to"
            msg = f"{what} ({said(code, text)})"
            raise Refused(msg) from error
        except smtplib.SMTPAuthenticationError as error:
            credentials = "channels.email.username and password_file"
            msg = f"it refuses our credentials ({said(error.smtp_code, error.smtp_error)}): check {credentials}"
            raise Refused(msg) from error
        except smtplib.SMTPNotSupportedError as error:
            msg = "it offers no STARTTLS or no sign-in: check channels.email.smarthost"
            raise Refused(msg) from error
        except smtplib.SMTPResponseException as error:
            what = "a mailbox is full" if error.smtp_code in _FULL else "it refuses the message"
            msg = f"{what} ({said(error.smtp_code, error.smtp_error)})"
            raise Refused(msg) from error
        except UnicodeError as error:
            # Its own text would repeat what it could not encode, the password too.
            msg = "a user or password that is not ASCII cannot be sent: check channels.email.username and password_file"
            raise Refused(msg) from error
        except ssl.SSLError as error:
            msg = "its TLS certificate is not trusted: check channels.email.ca_file, or the port"
            raise Refused(msg) from error
        except TimeoutError as error:
            msg = f"it did not answer within {TIMEOUT_SECONDS:g} s"
            raise Refused(msg) from error
        except (smtplib.SMTPException, OSError) as error:
            reason = getattr(error, "strerror", None) or "it closed the connection without an answer"
            msg = f"no connection: {reason}: check channels.email.smarthost"
            raise Refused(msg) from error

    def _connected(self) -> smtplib.SMTP:
        host, port = self._server()
        context = ssl.create_default_context(cafile=self.ca_file)
        if port == _IMPLICIT_TLS_PORT:
            return smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(host, int(port), timeout=TIMEOUT_SECONDS)
        try:
            if self.require_tls:
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _server(self) -> tuple[str, str]:
        host, _, port = self.smarthost.rpartition(":")
        return host.strip("[]"), port


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


CHANNEL = Email
