"""The AWS Encryption SDK for Python: KMS keyrings of the Material Providers Library, several keys
for one message, discovery, the older master key provider, and a stream of 100 MB.

The library tells that KMS refused, not with which exception; so its KMS clients note what they
were answered.

usage: encryption_sdk.py FIXTURES.json
"""

import hashlib
import importlib.metadata
import logging
import os
import tempfile

import aws_encryption_sdk
import boto3
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    CreateAwsKmsDiscoveryKeyringInput,
    CreateAwsKmsKeyringInput,
    CreateMultiKeyringInput,
    DiscoveryFilter,
)
from aws_cryptographic_material_providers.smithygenerated.aws_cryptography_materialproviders.errors import ApiError
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, SerializationError
from aws_encryption_sdk.identifiers import CommitmentPolicy

from checks import Checks, fixtures, unknown_alias

STREAM_BYTES = 100_000_000
CONTEXT = {"project": "nile", "purpose": "test"}
PLAINTEXT = b"not for everybody"

SDK = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
MATERIALS = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


class Noted:
    """Names of the exceptions that KMS answered to clients made here, and the operations asked."""

    def __init__(self):
        self.exceptions = []
        self.operations = []

    def client(self):
        kms = boto3.client("kms")
        kms.meta.events.register("after-call.kms", self.note)
        return kms

    def note(self, model, parsed, **_):
        self.operations.append(model.name)
        if "Error" in parsed:
            self.exceptions.append(parsed["Error"]["Code"])

    def keyring(self, key_id):
        return MATERIALS.create_aws_kms_keyring(
            input=CreateAwsKmsKeyringInput(kms_key_id=key_id, kms_client=self.client())
        )

    def multi_keyring(self, generator, *children):
        children = [self.keyring(child) for child in children]
        return MATERIALS.create_multi_keyring(
            input=CreateMultiKeyringInput(generator=self.keyring(generator), child_keyrings=children)
        )


def refused(name, checks, exceptions, call):
    """`call` takes a `Noted`; the SDK must give up after KMS answered exactly these exceptions."""
    noted = Noted()
    try:
        call(noted)
    except (AWSEncryptionSDKClientError, ApiError, SerializationError):
        checks.equal(name, noted.exceptions, exceptions)
    else:
        checks.that(name, False, "it was answered")


def alias_arn(key):
    return key["arn"].rpartition(":")[0] + ":" + key["alias"]


def messages(key, checks):
    noted = Noted()
    keyring = noted.keyring(key["arn"])
    message, header = SDK.encrypt(source=PLAINTEXT, keyring=keyring, encryption_context=CONTEXT)
    checks.that(f"{key['name']}: key in the message", key["arn"].encode() in message)
    checks.that(f"{key['name']}: signed", "aws-crypto-public-key" in header.encryption_context, header)
    back, _ = SDK.decrypt(source=message, keyring=keyring, encryption_context=CONTEXT)
    checks.equal(f"{key['name']}: message", back, PLAINTEXT)
    checks.equal(f"{key['name']}: operations", noted.operations, ["GenerateDataKey", "Decrypt"])
    by_alias, _ = SDK.encrypt(source=PLAINTEXT, keyring=noted.keyring(alias_arn(key)), encryption_context=CONTEXT)
    back, _ = SDK.decrypt(source=by_alias, keyring=keyring)
    checks.equal(f"{key['name']}: encrypted under the alias", back, PLAINTEXT)
    refused(
        f"{key['name']}: another context asked for",
        checks,
        [],
        lambda noted: SDK.decrypt(
            source=message, keyring=noted.keyring(key["arn"]), encryption_context={"project": "Nile"}
        ),
    )
    # The message's own context, changed: the SDK sends it to KMS, which has to notice.
    changed = message.replace(b"nile", b"oder")
    refused(
        f"{key['name']}: another context at KMS",
        checks,
        [key["wrong_context"]],
        lambda noted: SDK.decrypt(source=changed, keyring=noted.keyring(key["arn"])),
    )


def several_keys(keys, checks):
    """One message that each of its keys opens alone; a key outside it opens nothing."""
    first, *others = keys
    noted = Noted()
    message, _ = SDK.encrypt(
        source=PLAINTEXT,
        keyring=noted.multi_keyring(first["arn"], *[key["arn"] for key in others]),
        encryption_context=CONTEXT,
    )
    checks.equal("several keys: operations", noted.operations, ["GenerateDataKey"] + ["Encrypt"] * len(others))
    for key in keys:
        back, _ = SDK.decrypt(source=message, keyring=noted.keyring(key["arn"]))
        checks.equal(f"several keys: opened by {key['name']}", back, PLAINTEXT)
    single, _ = SDK.encrypt(source=PLAINTEXT, keyring=noted.keyring(first["arn"]))
    refused(
        "a key that the message does not name",
        checks,
        [],
        lambda noted: SDK.decrypt(source=single, keyring=noted.keyring(others[0]["arn"])),
    )


def discovery(key, checks):
    """The keyring of readers that know the account but not the key."""
    noted = Noted()
    message, _ = SDK.encrypt(source=PLAINTEXT, keyring=noted.keyring(key["arn"]))
    _, partition, _, _, account, _ = key["arn"].split(":")

    def keyring(account):
        allowed = DiscoveryFilter(partition=partition, account_ids=[account])
        return MATERIALS.create_aws_kms_discovery_keyring(
            input=CreateAwsKmsDiscoveryKeyringInput(kms_client=noted.client(), discovery_filter=allowed)
        )

    back, _ = SDK.decrypt(source=message, keyring=keyring(account))
    checks.equal(f"{key['name']}: discovered", back, PLAINTEXT)
    refused(
        f"{key['name']}: another account",
        checks,
        [],
        lambda _: SDK.decrypt(source=message, keyring=keyring("999999999999")),
    )


def master_key_provider(key, checks):
    """The interface from before the keyrings."""
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[key["arn"]])
    message, _ = SDK.encrypt(source=PLAINTEXT, key_provider=provider, encryption_context=CONTEXT)
    back, _ = SDK.decrypt(source=message, keyring=Noted().keyring(key["arn"]))
    checks.equal(f"{key['name']}: master key provider", back, PLAINTEXT)


def stream(key, checks):
    """100 MB through files, as the SDK streams them: one data key, 24,415 frames."""
    noted = Noted()
    keyring = noted.keyring(key["arn"])
    with tempfile.TemporaryDirectory() as directory:
        plain, cipher = os.path.join(directory, "plain"), os.path.join(directory, "cipher")
        expected, found = hashlib.sha256(), hashlib.sha256()
        with open(plain, "wb") as file:
            for _ in range(STREAM_BYTES // 1_000_000):
                part = os.urandom(1_000_000)
                expected.update(part)
                file.write(part)
        with open(plain, "rb") as source, open(cipher, "wb") as target:
            with SDK.stream(mode="e", source=source, keyring=keyring, encryption_context=CONTEXT) as encryptor:
                for part in encryptor:
                    target.write(part)
        with open(cipher, "rb") as source:
            with SDK.stream(mode="d", source=source, keyring=keyring) as decryptor:
                for part in decryptor:
                    found.update(part)
        checks.equal(f"{key['name']}: 100 MB", found.hexdigest(), expected.hexdigest())
    checks.equal(f"{key['name']}: 100 MB: operations", noted.operations, ["GenerateDataKey", "Decrypt"])


def refusals(keys, refused_keys, checks):
    for key in refused_keys:
        refused(
            key["name"],
            checks,
            [key["error"]],
            lambda noted: SDK.encrypt(source=PLAINTEXT, keyring=noted.keyring(key["key"])),
        )
        # One key that does not answer spoils a message for several.
        refused(
            f"{key['name']}: among several keys",
            checks,
            [key["error"]],
            lambda noted: SDK.encrypt(source=PLAINTEXT, keyring=noted.multi_keyring(keys[0]["arn"], key["key"])),
        )
    refused(
        "an unknown alias",
        checks,
        ["NotFoundException"],
        lambda noted: SDK.encrypt(source=PLAINTEXT, keyring=noted.keyring(unknown_alias(keys[0]))),
    )


def main():
    # The SDK logs each error that it raises.
    logging.disable(logging.CRITICAL)
    prepared = fixtures()
    keys = prepared["keys"]
    checks = Checks(f"AWS Encryption SDK {importlib.metadata.version('aws-encryption-sdk')}")
    for key in keys:
        for part in (messages, discovery, master_key_provider):
            checks.section(key["name"], part, key, checks)
    checks.section("several keys", several_keys, keys, checks)
    checks.section("stream", stream, keys[0], checks)
    checks.section("refusals", refusals, keys, prepared["refused"], checks)
    checks.finish()


if __name__ == "__main__":
    main()
