"""Makes a certificate authority and a certificate of it for `localhost` and 127.0.0.1.

Usage: make_certificates.py FOLDER

Writes ca.pem, certificate.pem and key.pem into the folder, and other_ca.pem, which has signed nothing.
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, extension, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def main():
    folder = pathlib.Path(sys.argv[1])
    for file in ("other_ca.pem", "ca.pem"):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = certificate(file, ca_key, file, ca_key, None, True)
        (folder / file).write_bytes(ca.public_bytes(PEM))
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    leaf = certificate("localhost", key, "ca.pem", ca_key, names, False)
    (folder / "certificate.pem").write_bytes(leaf.public_bytes(PEM))
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)


if __name__ == "__main__":
    main()
