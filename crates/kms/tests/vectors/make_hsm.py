"""Makes ciphertext-v1-hsm.json: golden ciphertext blobs of keys in AWS CloudHSM key stores, written down
from docs/architecture.md alone.

Needs the package `cryptography`. What is in the file already never changes: whatever a release
encrypted, every later one decrypts.
"""

import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def fields(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def vector(name, arn, context, plaintext, iv_length):
    seed = hashlib.sha256(name.encode()).digest()
    backing_key_id = hashlib.sha256(seed + b"id").digest()
    key = hashlib.sha256(seed + b"key").digest()
    iv = hashlib.sha256(seed + b"iv").digest()[:iv_length]
    header = bytes([1, 3]) + backing_key_id + struct.pack(">H", len(arn)) + arn.encode()
    check = hashlib.sha256(b"strongroom kms ciphertext header v1" + header).digest()[:4]
    pairs = sorted((key.encode(), value.encode()) for key, value in context.items())
    digest = hashlib.sha256(
        fields(b"strongroom kms encryption context v1", *[text for pair in pairs for text in pair])
    ).digest()
    aad = fields(b"strongroom kms ciphertext v1", b"hsm", header, digest)
    sealed = AESGCM(key).encrypt(iv, plaintext, aad)
    ciphertext, tag = sealed[:-16], sealed[-16:]
    blob = header + check + bytes([len(iv)]) + iv + tag + ciphertext
    return {
        "name": name,
        "key_arn": arn,
        "backing_key_id": backing_key_id.hex(),
        "key": key.hex(),
        "context": context,
        "plaintext": plaintext.hex(),
        "aad": aad.hex(),
        "iv": iv.hex(),
        "tag": tag.hex(),
        "ciphertext": ciphertext.hex(),
        "blob": blob.hex(),
    }


ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CHINA = "arn:aws-cn:kms:cn-north-1:444455556666:key/0987dcba-09fe-87dc-65ba-ab0987654321"

json.dump(
    [
        vector("AWS_CLOUDHSM, no context", ARN, {}, b"hello", 12),
        vector("AWS_CLOUDHSM, context to be sorted", CHINA, {"b": "1", "a": "2", "\u00e4": "\U0001d11e"}, b"\x00", 12),
        vector("AWS_CLOUDHSM, IV of 16 bytes", ARN, {"tenant": "blue"}, b"a data key of thirty-two bytes..", 16),
    ],
    sys.stdout,
    indent=1,
)
print()
