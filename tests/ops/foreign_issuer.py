"""An authority of certificates and an issuer of tokens, by the packages cryptography and PyJWT. For
the Python of build/verifiers/venv.

    foreign_issuer.py FOLDER      writes town.pem; node, caller, stranger and old .crt and .key;
                                  keys.json; prints tokens by name, as JSON
"""

import datetime
import ipaddress
import json
import os
import sys
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

ISSUER = "https://id.example"
DAY = datetime.timedelta(days=1)


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(name, key, issuer, issuer_key, is_authority=False, age=datetime.timedelta()):
    begin = datetime.datetime.now(datetime.timezone.utc) - DAY - age
    builder = (x509.CertificateBuilder().subject_name(name_of(name)).issuer_name(name_of(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(begin).not_valid_after(begin + 2 * DAY)
               .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), True)
               .add_extension(x509.SubjectAlternativeName(
                   [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False))
    return builder.sign(issuer_key, hashes.SHA256())


def write_pem(folder, name, made, key):
    with open(os.path.join(folder, name + ".crt"), "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(os.path.join(folder, name + ".key"), "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))


def write_certificates(folder):
    town, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own = certificate("Town", town, "Town", town, is_authority=True)
    with open(os.path.join(folder, "town.pem"), "wb") as file:
        file.write(own.public_bytes(serialization.Encoding.PEM))
    for name, authority, signer, age in (
            ("node", "Town", town, 0 * DAY), ("caller", "Town", town, 0 * DAY),
            ("old", "Town", town, 30 * DAY), ("stranger", "Other", other, 0 * DAY)):
        key = rsa.generate_private_key(65537, 2048)
        write_pem(folder, name, certificate(name, key, authority, signer, age=age), key)


def make_tokens(folder):
    by_rsa = rsa.generate_private_key(65537, 2048)
    by_curve = ec.generate_private_key(ec.SECP256R1())
    keys = [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(by_rsa.public_key())) | {"kid": "r"},
            json.loads(jwt.algorithms.ECAlgorithm.to_jwk(by_curve.public_key())) | {"kid": "e"}]
    with open(os.path.join(folder, "keys.json"), "w", encoding="utf-8") as file:
        json.dump({"keys": keys}, file)

    def token(key, algorithm, key_id, **changed):
        claims = {"iss": ISSUER, "aud": "hansa", "sub": "ann@id.example",
                  "exp": int(time.time()) + 600, "realm_access": {"roles": ["desk", "watch"]}}
        return jwt.encode(claims | changed, key, algorithm=algorithm, headers={"kid": key_id})

    return {"rsa": token(by_rsa, "RS256", "r"), "curve": token(by_curve, "ES256", "e"),
            "expired": token(by_rsa, "RS256", "r", exp=int(time.time()) - 600),
            "for_others": token(by_rsa, "RS256", "r", aud="others"),
            "reader": token(by_rsa, "RS256", "r", realm_access={"roles": ["watch"]}),
            "nobody": token(by_rsa, "RS256", "r", realm_access={"roles": ["gardener"]}),
            "unsigned": token(None, "none", "r"),
            "by_secret": token("a secret of thirty-two characters", "HS256", "r"),
            "longer_hash": token(by_rsa, "RS512", "r")}


if __name__ == "__main__":
    write_certificates(sys.argv[1])
    print(json.dumps(make_tokens(sys.argv[1])))
