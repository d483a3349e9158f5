"""A certificate for 127.0.0.1 by an authority of its own, made once a process: the simulated server speaks TLS."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@cache
def made(host: str = "127.0.0.1") -> tuple[str, str, str]:
    """Return the authority, the certificate of a host and its key, as PEM."""
    now = datetime.now(UTC)  # noqa: TID251 - a server has a clock of its own
    begin, end = now - timedelta(days=1), now + timedelta(days=30)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated authority")])
    root = (
        x509.CertificateBuilder().subject_name(root_name).issuer_name(root_name).public_key(root_key.public_key())
        .serial_number(1).not_valid_before(begin).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    try:
        named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        named = x509.DNSName(host)
    leaf = (
        x509.CertificateBuilder().subject_name(name).issuer_name(root_name).public_key(key.public_key())
        .serial_number(2).not_valid_before(begin).not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return root.public_bytes(pem).decode(), leaf.public_bytes(pem).decode(), private.decode()


@cache
def certificate(host: str = "127.0.0.1") -> tuple[str, ssl.SSLContext]:
    """Return the authority as PEM, and what a server presents."""
    authority, leaf, key = made(host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # the library reads keys from files only
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_text(leaf + key, encoding="ascii")
        path.chmod(0o600)
        context.load_cert_chain(path)
    return authority, context
