"""The one place that talks to mail servers: commands of `ports.mail` over imaplib and smtplib.

`imap.py` reads a mailbox, `smtp.py` hands one mail over and knows from where on it may have been taken, `transport.py`
logs in, keeps sessions for the next command and says what became of one.
"""

from __future__ import annotations

from gateway.mail.transport import MailTransport

__all__ = ["MailTransport"]
