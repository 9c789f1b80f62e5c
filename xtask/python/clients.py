"""Drives a running `strongroom dev` as KMS would, signed by botocore; shares no code with it.

usage: clients.py DIR/dev.json

Prints one line for each failed check and a count at the end; ends with status 1 if any failed.
"""

import base64
import datetime
import hashlib
import http.client
import json
import os
import ssl
import sys
import urllib.parse
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.credentials

PRINCIPAL = "arn:aws:iam::123456789012:role/clients"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HEALTH_METADATA = {"kmsRequestId": "clients", "kmsOperation": "KmsHealthCheck"}


def b64(raw):
    return base64.b64encode(raw).decode("ascii")


def unb64(text):
    return base64.b64decode(text, validate=True)


def flipped(text):
    """Base64 text with the lowest bit of its first byte flipped."""
    raw = bytearray(unb64(text))
    raw[0] ^= 1
    return b64(bytes(raw))


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.content_type = response.getheader("Content-Type")
        self.raw = response.read()

    @property
    def json(self):
        return json.loads(self.raw)


class Proxy:
    """One key store of one proxy, over one kept-alive connection."""

    def __init__(self, contract):
        self.contract = contract
        self.host = urllib.parse.urlsplit(contract["endpoint"])
        self.tls = ssl.create_default_context(cafile=contract["ca_certificate"])
        self.connection = None

    def send(self, method, path, body, headers):
        """Sends over the kept connection; a new one if the server closed it. A server may answer
        and close before it has read the whole body, so a broken send is no verdict yet."""
        for fresh in (False, True):
            if self.connection is None or fresh:
                self.connection = http.client.HTTPSConnection(
                    self.host.hostname, self.host.port, context=self.tls, timeout=10
                )
            try:
                self.connection.request(method, path, body=body, headers=headers)
            except (ConnectionError, ssl.SSLError):
                pass
            try:
                return Answer(self.connection.getresponse())
            except (ConnectionError, ssl.SSLError, http.client.HTTPException):
                self.connection.close()
                if fresh:
                    raise
        raise AssertionError("unreachable")

    def call(
        self,
        operation,
        message,
        key=None,
        method="POST",
        prefix=None,
        access_key_id=None,
        secret=None,
        service="kms-xks-proxy",
        shift=0,
        signed=True,
        sent_instead=None,
    ):
        """One request, signed as of `shift` seconds from now; `message` may be raw bytes."""
        base = self.contract["uri_path"] if prefix is None else prefix + "/kms/xks/v1"
        key = self.contract["external_key_id"] if key is None else key
        path = base + ("/health" if operation == "health" else f"/keys/{key}/{operation}")
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        request = botocore.awsrequest.AWSRequest(
            method=method,
            url=self.contract["endpoint"] + path,
            data=body,
            headers={"Content-Type": "application/json"},
        )
        if signed:
            credentials = botocore.credentials.Credentials(
                access_key_id or self.contract["access_key_id"],
                secret or self.contract["secret_access_key"],
            )
            signer = botocore.auth.SigV4Auth(credentials, service, self.contract["region"])
            moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift)
            with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: moment):
                signer.add_auth(request)
        headers = dict(request.headers.items())
        return self.send(method, path, body if sent_instead is None else sent_instead, headers)


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, name, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name} {detail}", file=sys.stderr)

    def answered(self, name, answer, status=200):
        """Status and content type; returns the JSON object."""
        got = (answer.status, answer.content_type)
        self.that(name, got == (status, "application/json"), f"{got} {answer.raw[:300]!r}")
        try:
            return answer.json
        except ValueError:
            self.that(name + ": JSON", False, repr(answer.raw[:300]))
            return {}

    def refused(self, name, answer, status, error):
        body = self.answered(name, answer, status)
        self.that(name + ": errorName", body.get("errorName") == error, str(body))
        message = body.get("errorMessage", "")
        printable = all(" " <= character <= "~" for character in message)
        self.that(name + ": errorMessage", len(message) < 512 and printable, repr(message))


def metadata(operation, **more):
    return {
        "awsPrincipalArn": PRINCIPAL,
        "kmsKeyArn": KEY_ARN,
        "kmsOperation": operation,
        "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
    } | more


def encrypt_message(plaintext, aad=None, cdiv=False, **more):
    message = {
        "requestMetadata": metadata("Encrypt"),
        "plaintext": b64(plaintext),
        "encryptionAlgorithm": "AES_GCM",
    }
    if aad is not None:
        message["additionalAuthenticatedData"] = b64(aad)
    if cdiv:
        message["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256"
    return message | more


def decrypt_message(encrypted, aad=None, **more):
    message = {"requestMetadata": metadata("Decrypt"), "encryptionAlgorithm": "AES_GCM"}
    for member in ("ciphertext", "initializationVector", "authenticationTag", "ciphertextMetadata"):
        if member in encrypted:
            message[member] = encrypted[member]
    if aad is not None:
        message["additionalAuthenticatedData"] = b64(aad)
    return message | more


def without(message, member):
    return {name: value for name, value in message.items() if name != member}


def check_health_and_metadata(proxy, checks):
    health = checks.answered("health", proxy.call("health", {"requestMetadata": HEALTH_METADATA}))
    size = health.get("xksProxyFleetSize")
    checks.that("health: fleet size", isinstance(size, int) and size > 0, str(size))
    for member in ("xksProxyVendor", "xksProxyModel", "ekmVendor"):
        checks.that(f"health: {member}", isinstance(health.get(member), str), str(health))
    details = health.get("ekmFleetDetails", [])
    checks.that("health: fleet details", 1 <= len(details) <= 10, str(details))
    for entry in details:
        checks.that("health: entry", entry.get("id") and entry.get("model"), str(entry))
        checks.that("health: ACTIVE", entry.get("healthStatus") == "ACTIVE", str(entry))
    checks.refused("health without metadata", proxy.call("health", {}), 400, "ValidationException")

    message = {"requestMetadata": without(metadata("CreateKey"), "kmsKeyArn")}
    key = checks.answered("metadata", proxy.call("metadata", message))
    checks.that("metadata: keySpec", key.get("keySpec") == "AES_256", str(key))
    usage = key.get("keyUsage", [])
    checks.that("metadata: keyUsage", {"ENCRYPT", "DECRYPT"} <= set(usage) and len(usage) <= 10, str(key))
    checks.that("metadata: keyStatus", key.get("keyStatus") == "ENABLED", str(key))


def check_round_trips(proxy, checks):
    sizes = [(1, None), (32, b""), (32, os.urandom(200)), (4300, os.urandom(8192))]
    for plaintext_size, aad in sizes:
        for cdiv in (False, True):
            name = f"round trip of {plaintext_size} bytes, AAD {None if aad is None else len(aad)}, CDIV {cdiv}"
            plaintext = os.urandom(plaintext_size)
            answer = proxy.call("encrypt", encrypt_message(plaintext, aad, cdiv))
            encrypted = checks.answered(name, answer)
            if answer.status != 200:
                continue
            check_shape(checks, name, encrypted, plaintext, aad, cdiv)
            decrypted = checks.answered(name, proxy.call("decrypt", decrypt_message(encrypted, aad)))
            checks.that(name + ": plaintext", decrypted.get("plaintext") == b64(plaintext))


def check_shape(checks, name, encrypted, plaintext, aad, cdiv):
    parts = {
        member: unb64(encrypted.get(member, ""))
        for member in ("ciphertextMetadata", "initializationVector", "ciphertext", "authenticationTag")
    }
    checks.that(name + ": length", len(parts["ciphertext"]) == len(plaintext))
    checks.that(name + ": changed", len(plaintext) < 8 or parts["ciphertext"] != plaintext)
    checks.that(name + ": IV", len(parts["initializationVector"]) in (12, 16))
    checks.that(name + ": tag", len(parts["authenticationTag"]) == 16)
    checks.that(name + ": metadata", len(parts["ciphertextMetadata"]) <= 20)
    digest = b64(hashlib.sha256((aad or b"") + b"".join(parts.values())).digest())
    got = encrypted.get("ciphertextDataIntegrityValue")
    checks.that(name + ": CDIV", got == (digest if cdiv else None), str(got))


def check_tampering(proxy, checks):
    aad = b"project=nile,department=marketing"
    encrypted = proxy.call("encrypt", encrypt_message(b"Hello World!", aad)).json
    good = decrypt_message(encrypted, aad)
    for member in (
        "ciphertext",
        "initializationVector",
        "authenticationTag",
        "ciphertextMetadata",
        "additionalAuthenticatedData",
    ):
        if member in good:
            bad = good | {member: flipped(good[member])}
            checks.refused(f"flipped {member}", proxy.call("decrypt", bad), 400, "InvalidCiphertextException")
    missing = without(good, "additionalAuthenticatedData")
    checks.refused("decrypt without its AAD", proxy.call("decrypt", missing), 400, "InvalidCiphertextException")


def check_bodies(proxy, checks):
    good = encrypt_message(b"x" * 16)
    bad = {
        "no plaintext": without(good, "plaintext"),
        "no algorithm": without(good, "encryptionAlgorithm"),
        "no metadata": without(good, "requestMetadata"),
        "unknown algorithm": good | {"encryptionAlgorithm": "AES_CBC"},
        "unknown CDIV algorithm": good | {"ciphertextDataIntegrityValueAlgorithm": "MD5"},
        "plaintext that is no Base64": good | {"plaintext": "*"},
        "plaintext of another type": good | {"plaintext": 7},
        "a body that is no JSON": b"{",
        "an empty body": b"",
    }
    for name, message in bad.items():
        checks.refused(name, proxy.call("encrypt", message), 400, "ValidationException")
    decrypt = decrypt_message({"ciphertext": "AA==", "initializationVector": b64(bytes(12)), "authenticationTag": b64(bytes(16))})
    for member, size in (("initializationVector", 13), ("authenticationTag", 15)):
        answer = proxy.call("decrypt", decrypt | {member: b64(bytes(size))})
        checks.that(
            f"{member} of {size} bytes",
            answer.status == 400 and answer.json["errorName"] in ("ValidationException", "InvalidCiphertextException"),
            repr(answer.raw),
        )
    tolerated = {
        "an unknown metadata member": metadata("Encrypt", awsSomethingNew={"deep": [1]}),
        "an unknown operation": metadata("EncryptInAnotherWay"),
        "a principal that is no ARN": metadata("Encrypt", awsPrincipalArn="AWS Internal"),
        "a service principal": metadata("Encrypt", awsPrincipalArn="ebs.amazonaws.com"),
        "an ARN of 2048 characters": metadata("Encrypt", awsPrincipalArn=PRINCIPAL.ljust(2048, "x")),
        "a request id of no form": metadata("Encrypt", kmsRequestId="?"),
    }
    for name, its in tolerated.items():
        checks.answered(name, proxy.call("encrypt", good | {"requestMetadata": its}))
    for name, message in {
        "AAD of 65,536 bytes": encrypt_message(b"x", bytes(65536)),
        "plaintext of 300,000 bytes": encrypt_message(bytes(300_000)),
    }.items():
        checks.refused(name, proxy.call("encrypt", message), 501, "UnsupportedOperationException")


def check_authentication(proxy, checks):
    body = {"requestMetadata": HEALTH_METADATA}
    same = []
    for name, difference in {
        "a wrong secret": {"secret": "A" * 43},
        "an unknown credential": {"access_key_id": "A" * 20},
        "a stale date": {"shift": -6 * 60},
        "a date to come": {"shift": 6 * 60},
        "a scope for another service": {"service": "kms"},
        "another body than signed": {"sent_instead": json.dumps(body | {"x": 1}).encode()},
        "no signature": {"signed": False},
    }.items():
        answer = proxy.call("health", body, **difference)
        checks.refused(name, answer, 401, "AuthenticationFailedException")
        same.append(answer.raw)
    checks.that("a wrong secret and an unknown credential look the same", same[0] == same[1], repr(same[:2]))
    for shift in (-4 * 60, 4 * 60):
        checks.answered(f"a clock {shift} s off", proxy.call("health", body, shift=shift))
    checks.answered("the good credential after all that", proxy.call("health", body))


def check_uris(proxy, checks):
    good = encrypt_message(b"x" * 16)
    checks.refused("an unknown key", proxy.call("encrypt", good, key="no-such-key"), 404, "KeyNotFoundException")
    checks.refused("another prefix", proxy.call("encrypt", good, prefix="/another"), 404, "InvalidUriPathException")
    checks.refused("an unknown operation", proxy.call("sign", good), 404, "InvalidUriPathException")
    for operation in ("health", "metadata", "encrypt", "decrypt"):
        for signed in (True, False):
            answer = proxy.call(operation, b"", method="GET", signed=signed)
            checks.that(f"GET {operation}, signed {signed}", answer.status == 405, str(answer.status))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        contract = json.load(file)["xks"]
    proxy = Proxy(contract)
    checks = Checks()
    check_health_and_metadata(proxy, checks)
    check_round_trips(proxy, checks)
    check_tampering(proxy, checks)
    check_bodies(proxy, checks)
    check_authentication(proxy, checks)
    check_uris(proxy, checks)
    print(f"botocore: {checks.passed} checks passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
