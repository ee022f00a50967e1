"""Makes keys, and tokens signed with them, with PyJWT: what an issuer of tokens would use that has nothing to do with us.

Reads JSON from standard input:

  {"keys": {"name": "RSA" | "P-256" | "P-384" | "P-521" | "Ed25519" | {"secret": "text"}, ...},
   "tokens": [{"key": "name", "algorithm": "RS256", "claims": {...}, "headers": {...}}, ...]}

and prints {"keys": {"name": {"pem": "...", "jwk": {...}}, ...}, "tokens": ["...", ...]}, public keys only. With
"by_hand": true a token is put together without PyJWT, which refuses to sign with HMAC and a public key.
"""

import base64
import hashlib
import hmac
import json
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm


class Key:
    def __init__(self, kind):
        if isinstance(kind, dict):
            self.private = kind["secret"]
            self.shown = {"jwk": HMACAlgorithm.to_jwk(self.private, as_dict=True)}
            return
        self.private, algorithm = {
            "RSA": lambda: (rsa.generate_private_key(65537, 2048), RSAAlgorithm),
            "P-256": lambda: (ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
            "P-384": lambda: (ec.generate_private_key(ec.SECP384R1()), ECAlgorithm),
            "P-521": lambda: (ec.generate_private_key(ec.SECP521R1()), ECAlgorithm),
            "Ed25519": lambda: (ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
        }[kind]()
        public = self.private.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.shown = {"pem": pem.decode(), "jwk": algorithm.to_jwk(public, as_dict=True)}


def by_hand(key, token):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    header = {"typ": "JWT", "alg": token["algorithm"], **token.get("headers", {})}
    message = part(json.dumps(header).encode()) + b"." + part(json.dumps(token["claims"]).encode())
    signature = hmac.new(key.shown["pem"].encode(), message, hashlib.sha256).digest()
    return (message + b"." + part(signature)).decode()


def main():
    wanted = json.load(sys.stdin)
    keys = {name: Key(kind) for name, kind in wanted["keys"].items()}
    tokens = []
    for token in wanted["tokens"]:
        key = keys.get(token.get("key"))
        if token.get("by_hand"):
            tokens.append(by_hand(key, token))
        else:
            private = key.private if key else None
            tokens.append(jwt.encode(token["claims"], private, token["algorithm"], token.get("headers")))
    json.dump({"keys": {name: key.shown for name, key in keys.items()}, "tokens": tokens}, sys.stdout)


if __name__ == "__main__":
    main()
