"""The Amazon S3 Encryption Client for Python, its data keys from a KMS endpoint, its objects in
moto's S3.

usage: s3_encryption_client.py FIXTURES.json
"""

import importlib.metadata
import io
import os

import boto3
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.exceptions import S3EncryptionClientError
from s3_encryption.materials.kms_keyring import KmsKeyring

import other_services
from checks import Checks, fixtures, unknown_alias

BUCKET = "clients"
CONTEXT = {"project": "nile"}


def encryption_client(url, key_id):
    keyring = KmsKeyring(boto3.client("kms"), key_id)
    return S3EncryptionClient(other_services.client("s3", url), S3EncryptionClientConfig(keyring=keyring))


def objects(url, key, checks):
    s3 = encryption_client(url, key["arn"])
    plain = other_services.client("s3", url)
    for size in (0, 1, 1_000_000):
        name = f"{key['name']}, object of {size} bytes"
        body = os.urandom(size)
        s3.put_object(Bucket=BUCKET, Key="object", Body=body, EncryptionContext=CONTEXT)
        back = s3.get_object(Bucket=BUCKET, Key="object", EncryptionContext=CONTEXT)["Body"].read()
        checks.that(name, back == body, f"{len(back)} bytes")
        stored = plain.get_object(Bucket=BUCKET, Key="object")["Body"].read()
        checks.that(f"{name}: encrypted", stored != body and len(stored) == size + 16, len(stored))
    for context in ({}, {"project": "Nile"}):
        checks.refused(
            f"{key['name']}: context {context}",
            "S3EncryptionClientError",
            lambda: s3.get_object(Bucket=BUCKET, Key="object", EncryptionContext=context)["Body"].read(),
        )


def large_object(url, key, checks):
    """In parts, from a stream."""
    s3 = encryption_client(url, key["alias"])
    body = os.urandom(12 << 20)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "large", multipart_chunksize=5 << 20, EncryptionContext=CONTEXT)
    back = s3.get_object(Bucket=BUCKET, Key="large", EncryptionContext=CONTEXT)["Body"].read()
    checks.that(f"{key['name']}: an object in parts", back == body, len(back))


def another_context_at_kms(url, key, checks):
    """The client compares contexts itself; here the stored one is changed with the request's, so
    that KMS has to notice."""
    s3 = encryption_client(url, key["arn"])
    plain = other_services.client("s3", url)
    s3.put_object(Bucket=BUCKET, Key="moved", Body=b"secret", EncryptionContext=CONTEXT)
    stored = plain.get_object(Bucket=BUCKET, Key="moved")
    metadata = {
        name: value.replace("nile", "oder") if "nile" in value else value for name, value in stored["Metadata"].items()
    }
    checks.that(f"{key['name']}: the context is stored", metadata != stored["Metadata"], metadata)
    plain.put_object(Bucket=BUCKET, Key="moved", Body=stored["Body"].read(), Metadata=metadata)
    checks.refused(
        f"{key['name']}: another context at KMS",
        key["wrong_context"],
        lambda: s3.get_object(Bucket=BUCKET, Key="moved", EncryptionContext={"project": "oder"})["Body"].read(),
        S3EncryptionClientError,
    )


def refusals(url, prepared, checks):
    unknown = {"name": "an unknown alias", "key": unknown_alias(prepared["keys"][0]), "error": "NotFoundException"}
    for key in [*prepared["refused"], unknown]:
        s3 = encryption_client(url, key["key"])
        checks.refused(
            key["name"],
            key["error"],
            lambda: s3.put_object(Bucket=BUCKET, Key="refused", Body=b"x"),
            S3EncryptionClientError,
        )


def main():
    prepared = fixtures()
    checks = Checks(f"S3 Encryption Client {importlib.metadata.version('amazon-s3-encryption-client-python')}")
    with other_services.moto() as url:
        other_services.client("s3", url).create_bucket(Bucket=BUCKET)
        for key in prepared["keys"]:
            for part in (objects, large_object, another_context_at_kms):
                checks.section(key["name"], part, url, key, checks)
        checks.section("refusals", refusals, url, prepared, checks)
    checks.finish()


if __name__ == "__main__":
    main()
