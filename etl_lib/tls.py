"""How a connection to the source is protected: both drivers do the same, or none connects.

The source's secret may say it beside what RDS writes: ``"ssl"`` is one of ``MODES``, ``"ssl_ca"``
the certificates to trust: their PEM text, an s3:// address, or a file. Without ``ssl``, a host of
RDS's is verified, as is any with ``ssl_ca``; another one is encrypted, and this machine is neither.
Nothing falls back to plain text. https://dev.mysql.com/doc/refman/8.0/en/connection-options.html
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from etl_lib import zone
from etl_lib.errors import BadInput, SourceError

VERIFY, ENCRYPTED, OFF = "verify-full", "encrypted", "off"
# Mode -> what the clients of MySQL, and the bulk reader's address, call it.
MODES = {VERIFY: "VERIFY_IDENTITY", ENCRYPTED: "REQUIRED", OFF: "DISABLED"}
RDS = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")
BUNDLE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"


@dataclass(frozen=True)
class Tls:
    """What is asked of the other side. ``ca``: PEM text; empty: what this machine trusts."""

    mode: str
    ca: str = ""

    def context(self) -> ssl.SSLContext | None:
        """For PyMySQL; None for plain text."""
        return None if self.mode == OFF else _context(self.mode, self.ca)

    @contextmanager
    def options(self) -> Iterator[str]:
        """What the bulk reader's address says of it. It reads certificates from a file only."""
        mode = f"?ssl-mode={MODES[self.mode]}"
        if self.mode == OFF:
            yield mode
            return
        mode += "&prefer_socket=false"  # to this machine it would go on over a file, in plain text
        if not self.ca:
            yield mode
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ca.pem"
            path.write_text(self.ca, encoding="ascii")
            yield f"{mode}&ssl-ca={quote(str(path), safe='')}"


def of(host: str, mode: str, ca: str) -> Tls:
    """What ``ssl`` and ``ssl_ca`` of a secret ask for. Raises SourceError before anything is
    connected to."""
    if not (isinstance(mode, str) and isinstance(ca, str)):
        raise SourceError(f"source {host}: ssl and ssl_ca in its secret are to be texts")
    chosen = mode or _default(host, ca)
    if chosen not in MODES:
        raise SourceError(f"source {host}: ssl = {mode!r} is not one of {', '.join(MODES)}")
    if chosen != VERIFY:
        if ca:
            raise SourceError(f'source {host}: ssl_ca is for ssl = "{VERIFY}", not {chosen!r}')
        return Tls(chosen)
    # A proxy of RDS's has a certificate that every machine trusts.
    if not ca and _rds(host) and ".proxy-" not in host:
        raise SourceError(
            f"source {host}: its certificate is to be verified, and ssl_ca is missing. Load "
            f"{BUNDLE}, put it into S3, and its s3:// address into the secret as ssl_ca."
        )
    tls = Tls(VERIFY, _certificates(host, ca))
    tls.context()
    return tls


def refusal(reason: str) -> str:
    """What to do about an error of a connection, where it tells of TLS; else empty."""
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return ". Its certificate is not what ssl_ca and its name vouch for: nothing was read"
    if "secure" in reason and "transport" in reason:
        return f'. It wants TLS: ssl = "{VERIFY}" and ssl_ca in the secret'
    return ""


def no_tls(mode: str) -> str:
    return f'it offers no TLS, and ssl = "{mode}": nothing was sent'


def _default(host: str, ca: str) -> str:
    if ca or _rds(host):
        return VERIFY
    return OFF if _here(host) else ENCRYPTED


def _rds(host: str) -> bool:
    """However it is spelled: to a resolver, case and a full stop at the end are nothing."""
    return host.lower().rstrip(".").endswith(RDS)


def _here(host: str) -> bool:
    """This machine, and not a name that begins like it: 127.example.org is anybody's."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _certificates(host: str, ca: str) -> str:
    if not ca or "-----BEGIN " in ca:
        return ca
    try:
        return zone.read_text(ca) if ca.startswith("s3://") else Path(ca).read_text("ascii")
    except (OSError, ValueError, BadInput) as error:
        raise SourceError(f"source {host}: ssl_ca = {ca!r} cannot be read: {error}") from None


@lru_cache(maxsize=8)  # the machine's own certificates take 20 ms to read
def _context(mode: str, ca: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise SourceError(f"ssl_ca holds no certificates in PEM: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if mode == ENCRYPTED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
