"""Makes ciphertext-v1.json: golden ciphertext blobs, written down from docs/architecture.md alone.

Needs the package `cryptography`. What is in the file already never changes: whatever a release
encrypted, every later one decrypts.
"""

import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def aes(key, block):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def xaes(key, nonce, aad, plaintext):
    """XAES-256-GCM (C2SP): ciphertext and tag."""
    k1 = int.from_bytes(aes(key, bytes(16)), "big")
    k1 = (k1 << 1) ^ (0x87 if k1 >> 127 else 0)
    k1 = (k1 % (1 << 128)).to_bytes(16, "big")
    blocks = [b"\x00" + bytes([n]) + b"X\x00" + nonce[:12] for n in (1, 2)]
    derived = b"".join(aes(key, bytes(a ^ b for a, b in zip(block, k1))) for block in blocks)
    return AESGCM(derived).encrypt(nonce[12:], plaintext, aad)


def fields(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def vector(name, arn, material, context, plaintext, proxy=None):
    seed = hashlib.sha256(name.encode()).digest()
    material_id = hashlib.sha256(seed + b"id").digest()
    nonce = hashlib.sha256(seed + b"nonce").digest()[:24]
    origin = 1 if proxy is None else 2
    header = bytes([1, origin]) + material_id + struct.pack(">H", len(arn)) + arn.encode()
    check = hashlib.sha256(b"strongroom kms ciphertext header v1" + header).digest()[:4]
    pairs = sorted((key.encode(), value.encode()) for key, value in context.items())
    digest = hashlib.sha256(
        fields(b"strongroom kms encryption context v1", *[text for pair in pairs for text in pair])
    ).digest()
    aad = {
        layer: fields(b"strongroom kms ciphertext v1", layer.encode(), header, digest)
        for layer in ("inner", "outer")
    }
    inner = nonce + xaes(material, nonce, aad["inner"], plaintext)
    out = {
        "name": name,
        "key_arn": arn,
        "material_id": material_id.hex(),
        "material": material.hex(),
        "nonce": nonce.hex(),
        "context": context,
        "plaintext": plaintext.hex(),
        "inner": inner.hex(),
    }
    if proxy is None:
        blob = header + check + inner
    else:
        metadata, iv, external_key = proxy
        sealed = AESGCM(external_key).encrypt(iv, inner, aad["outer"])
        ciphertext, tag = sealed[:-16], sealed[-16:]
        blob = header + check
        blob += bytes([len(metadata)]) + metadata + bytes([len(iv)]) + iv + tag + ciphertext
        out |= {
            "outer_aad": aad["outer"].hex(),
            "metadata": metadata.hex(),
            "iv": iv.hex(),
            "tag": tag.hex(),
            "ciphertext": ciphertext.hex(),
        }
    out["blob"] = blob.hex()
    return out


ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CHINA = "arn:aws-cn:kms:cn-north-1:444455556666:key/0987dcba-09fe-87dc-65ba-ab0987654321"
MATERIAL = bytes(range(32))
EXTERNAL = bytes(range(32, 64))

json.dump(
    [
        vector("AWS_KMS, no context", ARN, MATERIAL, {}, b"hello"),
        vector("AWS_KMS, one byte", CHINA, MATERIAL, {"a": "b"}, b"\x00"),
        vector(
            "AWS_KMS, context to be sorted",
            ARN,
            MATERIAL,
            {"b": "1", "a": "2", "\u00e4": "\U0001d11e", "ab": "", "aa": "b"},
            b"a data key of thirty-two bytes..",
        ),
        vector("EXTERNAL_KEY_STORE, IV of 12 bytes", ARN, MATERIAL, {"tenant": "blue"}, b"hello",
               (b"\x01" + bytes(range(16)), bytes(range(12)), EXTERNAL)),
        vector("EXTERNAL_KEY_STORE, IV of 16 bytes, no metadata", CHINA, MATERIAL, {}, b"\xff" * 64,
               (b"", bytes(range(16)), EXTERNAL)),
    ],
    sys.stdout,
    indent=1,
)
print()
