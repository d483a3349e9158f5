"""Starts a private Dovecot: one mailbox in a folder of its own, free ports, TLS by an authority of the tests.

It runs without privileges (as nobody, where the tests run as root), listens on loopback, and is ended by its id. Mail
is handed over to a small SMTP server of the tests, which delivers into the Maildir that Dovecot serves: Debian installs
one mail server at a time, and Request Tracker's is nullmailer, which takes no mail.
"""

from __future__ import annotations

import contextlib
import getpass
import grp
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from connectors.email.sim_lines import Lines
from connectors.email.sim_smtp import SmtpSession
from connectors.email.sim_store import Sent
from connectors.email.sim_tls import certificate, made
from connectors.email.simulator import Listener

ADDRESS = "support@desk.example"
PASSWORD = "a-real-password-0123"
BINARY = Path("/usr/sbin/dovecot")
IMAP = Path("/usr/lib/dovecot/imap")
_NUMBERS = itertools.count(1)

CONFIG = """\
protocols = imap
listen = 127.0.0.1
base_dir = {state}/run
state_dir = {state}/run
log_path = {state}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
ssl = yes
ssl_cert = <{state}/cert.pem
ssl_key = <{state}/key.pem
disable_plaintext_auth = yes
login_trusted_networks =
auth_mechanisms = plain login
mail_location = maildir:{state}/mail
passdb {{
  driver = passwd-file
  args = {state}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={state}/home
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service anvil {{
  chroot =
}}
service auth {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def missing() -> str:
    """Return why a real Dovecot cannot be started here, or an empty string."""
    absent = [str(path) for path in (BINARY, IMAP) if not path.exists()]
    return f"Dovecot is not installed (no {', '.join(absent)}): tests/desks/install.sh" if absent else ""


class DovecotServer:
    """One running Dovecot with a mailbox, and the SMTP server beside it; `with` starts and stops both."""

    def __init__(self) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.imap, self.imaps = _free_port(), _free_port()
        self.authority, self._context = certificate()
        self.sent: list[Sent] = []
        self._smtp = Listener(self._serve)
        self._process: subprocess.Popen[bytes] | None = None
        root = os.geteuid() == 0
        self._user = "nobody" if root else getpass.getuser()
        entry = pwd.getpwnam(self._user)
        self._ids = (entry.pw_uid, entry.pw_gid)
        self._group = grp.getgrgid(entry.pw_gid).gr_name

    @property
    def smtp_url(self) -> str:
        """Where mail is sent."""
        return f"smtps://127.0.0.1:{self._smtp.port}"

    def start(self) -> Self:
        """Write the configuration and serve."""
        _, cert, key = made("127.0.0.1")
        config = CONFIG.format(state=self.state, user=self._user, group=self._group, imap=self.imap, imaps=self.imaps)
        files = {"cert.pem": cert, "key.pem": key, "users": f"support:{{PLAIN}}{PASSWORD}\n", "dovecot.conf": config}
        for name, text in files.items():
            (self.state / name).write_text(text, encoding="ascii")
        sent = ("mail/.Sent", "mail/.Sent/cur", "mail/.Sent/new", "mail/.Sent/tmp")
        for name in ("home", "mail", "mail/cur", "mail/new", "mail/tmp", *sent):
            (self.state / name).mkdir()
        for path in (self.state, *self.state.rglob("*")):
            os.chown(path, *self._ids)
        return self.serve()

    def serve(self) -> Self:
        """Serve what is there: the second half of the start, and again after a stop."""
        who = {"user": self._user, "group": self._group, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process = subprocess.Popen(  # type: ignore[call-overload]
            [str(BINARY), "-F", "-c", str(self.state / "dovecot.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **who,
        )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.imaps), 1):
                self._smtp.listen()
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        log = self.state / "dovecot.log"
        raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log'}")

    def stop(self) -> None:
        """End the server that was started here, with its workers."""
        self._smtp.close()
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
                return

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.state, ignore_errors=True)

    def deliver(self, raw: bytes, *, days: int = 0, folder: str = "", flagged: bool = False) -> None:
        """Let a mail arrive, as a delivery agent does: written beside, then moved in (Maildir); `days` ago."""
        at = int(time.time()) - days * 86_400
        name = f"{at}.{os.getpid()}_{next(_NUMBERS)}.test"
        home = self.state / "mail" / folder
        path = home / "tmp" / name
        path.write_bytes(raw.replace(b"\r\n", b"\n"))
        os.chown(path, *self._ids)
        # Dovecot takes the time of the file for the time of arrival
        os.utime(path, (at, at))
        path.rename(home / "cur" / f"{name}:2,F" if flagged else home / "new" / name)

    def renumber(self) -> None:
        """Let Dovecot count all mails anew under another UIDVALIDITY: its own list of them is lost."""
        self.stop()
        for path in (self.state / "mail").glob("dovecot*"):
            path.unlink()
        time.sleep(1.1)
        self.serve()

    def _serve(self, sock: socket.socket) -> None:
        lines = Lines(sock, self._context, secure=True)
        with contextlib.suppress(OSError, ValueError):
            SmtpSession(
                lines,
                prove=lambda user, password, _: (user, password) == ("support", PASSWORD),
                take=self._take,
                refuses=lambda _: "",
                starttls=False,
                size=50_000_000,
            ).run()
        lines.close()

    def _take(self, sent: Sent) -> str:
        self.sent.append(sent)
        if any(each.lower() == ADDRESS for each in sent.recipients):
            self.deliver(sent.raw)
        return "250 2.0.0 queued"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
