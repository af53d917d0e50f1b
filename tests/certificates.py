"""Throwaway certificate authorities, and what they vouch for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Authority:
    """Signs certificates, and is trusted by its own."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    def issue(self, stem: Path, host: str = "localhost", until: datetime = NOW + YEAR) -> None:
        """Write ``stem``.pem and ``stem``.key for a server that is called ``host``."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        made = _builder(host, self.certificate.subject, key, until)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        stem.with_suffix(".pem").write_text(_pem(made.sign(self.key, hashes.SHA256())))
        stem.with_suffix(".key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def authority(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    own = _builder(name, _name(name), key, NOW + YEAR)
    own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Authority(own.sign(key, hashes.SHA256()), key)


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - YEAR)
        .not_valid_after(until)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
