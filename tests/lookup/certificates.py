"""A certificate authority for the tests."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates; ``client`` trusts them, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("Tests", self._key, (), days=1, ca=True)
        self.pem = _pem(self.certificate)
        self.client = ssl.create_default_context(cadata=self.pem)
        self._made: dict[tuple[tuple[str, ...], int], tuple[Path, Path]] = {}

    def files(self, names: Sequence[str], *, days: int = 1) -> tuple[Path, Path]:
        """Return the paths of a certificate for these names and of its key. With negative ``days`` it has expired."""
        wanted = tuple(names), days
        if wanted not in self._made:
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = self._sign(names[0], key, names, days=days, ca=False)
            stem = self._folder / str(len(self._made))
            paths = stem.with_suffix(".crt"), stem.with_suffix(".key")
            paths[0].write_text(_pem(certificate))
            paths[1].write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            self._made[wanted] = paths
        return self._made[wanted]

    def server(self, names: Sequence[str], *, days: int = 1) -> ssl.SSLContext:
        """Return a TLS context for a server with these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files(names, days=days))
        return context

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, names: Sequence[str], *, days: int, ca: bool
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * _DAY)
            .not_valid_after(now + days * _DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
            )
        if ca:
            usage = x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
