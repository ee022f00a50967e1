"""Makes password hashes with libraries that have nothing to do with the relay: bcrypt, argon2-cffi, passlib and hashlib.

Reads `{kind: password}` from standard input, and prints `{kind: hash}`.
"""

import base64
import hashlib
import json
import os
import sys

import argon2
import bcrypt
from passlib.hash import pbkdf2_sha256, pbkdf2_sha512, scrypt, sha256_crypt, sha512_crypt


def b64(data):
    return base64.b64encode(data).decode()


def unpadded(data):
    return b64(data).rstrip("=")


def bcrypt_of(prefix):
    return lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt(5, prefix=prefix)).decode()


def argon2_of(kind):
    return argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1, type=kind).hash


def pbkdf2_phc(password):
    salt = os.urandom(16)
    hash = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 2000, 48)
    return "$pbkdf2-sha512$i=2000,l=48$%s$%s" % (unpadded(salt), unpadded(hash))


def scrypt_phc(password):
    salt = os.urandom(16)
    hash = hashlib.scrypt(password.encode(), salt=salt, n=1 << 6, r=4, p=2, dklen=64)
    return "$scrypt$ln=6,r=4,p=2$%s$%s" % (unpadded(salt), unpadded(hash))


def mosquitto(password):
    salt = os.urandom(64)
    return "$7$1000$%s$%s" % (b64(salt), b64(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 1000)))


KINDS = {
    "argon2id": argon2_of(argon2.Type.ID),
    "argon2i": argon2_of(argon2.Type.I),
    "argon2d": argon2_of(argon2.Type.D),
    "bcrypt-2a": bcrypt_of(b"2a"),
    "bcrypt-2b": bcrypt_of(b"2b"),
    "bcrypt-2y": lambda password: bcrypt_of(b"2b")(password).replace("$2b$", "$2y$"),
    "scrypt": scrypt.using(rounds=5).hash,
    "scrypt-phc": scrypt_phc,
    "pbkdf2-sha256": pbkdf2_sha256.using(rounds=1000).hash,
    "pbkdf2-sha512": pbkdf2_sha512.using(rounds=1000).hash,
    "pbkdf2-phc": pbkdf2_phc,
    "sha256-crypt": sha256_crypt.using(rounds=1000).hash,
    "sha512-crypt": sha512_crypt.using(rounds=5000).hash,
    "mosquitto": mosquitto,
}

wanted = json.load(sys.stdin)
print(json.dumps({kind: KINDS[kind](password) for kind, password in wanted.items()}))
