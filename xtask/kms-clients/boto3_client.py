"""boto3 against a KMS endpoint: what applications and administrators call, and what they are
refused.

usage: boto3_client.py FIXTURES.json

The endpoint, the Region and the credentials come from the environment, as an application has them.
"""

import base64
import json
import os

import boto3
import botocore

from checks import Checks, fixtures

CONTEXT = {"project": "nile", "purpose": "Größe 7"}


def round_trips(kms, key, checks):
    for size in (1, 32, 4096):
        name = f"{key['name']}, {size} bytes"
        plaintext = os.urandom(size)
        for key_id in (key["arn"], key["alias"], key["arn"].rpartition("/")[2], alias_arn(key)):
            answer = kms.encrypt(KeyId=key_id, Plaintext=plaintext, EncryptionContext=CONTEXT)
            checks.equal(f"{name}: key", answer["KeyId"], key["arn"])
            checks.equal(f"{name}: algorithm", answer["EncryptionAlgorithm"], "SYMMETRIC_DEFAULT")
            blob = answer["CiphertextBlob"]
            checks.that(f"{name}: length", len(blob) <= 6144, len(blob))
            back = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
            checks.equal(f"{name}: plaintext", back["Plaintext"], plaintext)
            checks.equal(f"{name}: key of decryption", back["KeyId"], key["arn"])
    # The largest context: 8192 bytes.
    large = {f"{number:04}": "v" * 1020 for number in range(8)}
    blob = kms.encrypt(KeyId=key["arn"], Plaintext=b"x" * 4096, EncryptionContext=large)["CiphertextBlob"]
    back = kms.decrypt(CiphertextBlob=blob, EncryptionContext=large, KeyId=key["alias"])
    checks.equal(f"{key['name']}: the largest context", back["Plaintext"], b"x" * 4096)


def alias_arn(key):
    return key["arn"].rpartition(":")[0] + ":" + key["alias"]


def data_keys(kms, key, checks):
    name = key["name"] + ": data key"
    for wanted, length in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1024}, 1024)):
        answer = kms.generate_data_key(KeyId=key["arn"], EncryptionContext=CONTEXT, **wanted)
        checks.equal(f"{name} {wanted}", len(answer["Plaintext"]), length)
        back = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=CONTEXT)
        checks.equal(f"{name} {wanted}: plaintext", back["Plaintext"], answer["Plaintext"])
    answer = kms.generate_data_key_without_plaintext(KeyId=key["arn"], KeySpec="AES_256")
    checks.that(f"{name}: no plaintext", "Plaintext" not in answer, answer)
    back = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])
    checks.equal(f"{name}: without plaintext", len(back["Plaintext"]), 32)


def re_encryption(kms, keys, checks):
    for source in keys:
        for target in keys:
            name = f"re-encryption, {source['name']} to {target['name']}"
            blob = kms.encrypt(KeyId=source["arn"], Plaintext=b"moved", EncryptionContext=CONTEXT)["CiphertextBlob"]
            moved = kms.re_encrypt(
                CiphertextBlob=blob,
                SourceEncryptionContext=CONTEXT,
                DestinationKeyId=target["alias"],
                DestinationEncryptionContext={"to": "there"},
            )
            checks.equal(f"{name}: source", moved["SourceKeyId"], source["arn"])
            checks.equal(f"{name}: target", moved["KeyId"], target["arn"])
            back = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"to": "there"})
            checks.equal(name, back["Plaintext"], b"moved")


def wrong_use(kms, keys, checks):
    for key in keys:
        name = key["name"]
        blob = kms.encrypt(KeyId=key["arn"], Plaintext=b"secret", EncryptionContext={"project": "nile"})["CiphertextBlob"]
        for context in ({}, {"project": "Nile"}, {"Project": "nile"}, {"project": "nile", "more": ""}):
            checks.refused(
                f"{name}: context {context}",
                key["wrong_context"],
                lambda: kms.decrypt(CiphertextBlob=blob, EncryptionContext=context),
            )
        other = next(other for other in keys if other is not key)
        checks.refused(
            f"{name}: another key's id",
            "IncorrectKeyException",
            lambda: kms.decrypt(CiphertextBlob=blob, EncryptionContext={"project": "nile"}, KeyId=other["arn"]),
        )
        cut = blob[: len(blob) // 4]
        checks.refused(
            f"{name}: a cut blob",
            "InvalidCiphertextException",
            lambda: kms.decrypt(CiphertextBlob=cut, EncryptionContext={"project": "nile"}),
        )
        flipped = blob[:-1] + bytes([blob[-1] ^ 1])
        checks.refused(
            f"{name}: a flipped bit",
            key["wrong_context"],
            lambda: kms.decrypt(CiphertextBlob=flipped, EncryptionContext={"project": "nile"}),
        )
        error = checks.refused(
            f"{name}: 4097 bytes",
            "ValidationException",
            lambda: kms.encrypt(KeyId=key["arn"], Plaintext=b"x" * 4097),
        )
        checks.that(f"{name}: its message", "4096" in str(error), str(error))
    checks.refused("noise", "InvalidCiphertextException", lambda: kms.decrypt(CiphertextBlob=os.urandom(200)))
    for unknown in ("alias/no-such-alias", "01234567-89ab-cdef-0123-456789abcdef"):
        checks.refused(
            unknown, "NotFoundException", lambda: kms.encrypt(KeyId=unknown, Plaintext=b"x"), kms.exceptions.NotFoundException
        )


def refusals(kms, refused, checks):
    """The keys whose every use meets one exception."""
    for key in refused:
        blob = base64.b64decode(key["ciphertext"])
        calls = {
            "Encrypt": lambda: kms.encrypt(KeyId=key["key"], Plaintext=b"x"),
            "GenerateDataKey": lambda: kms.generate_data_key(KeyId=key["key"], KeySpec="AES_256"),
            "GenerateDataKeyWithoutPlaintext": lambda: kms.generate_data_key_without_plaintext(
                KeyId=key["key"], KeySpec="AES_256"
            ),
            "Decrypt": lambda: kms.decrypt(CiphertextBlob=blob),
            "ReEncrypt": lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key["key"]),
        }
        for operation, call in calls.items():
            error = checks.refused(f"{key['name']}: {operation}", key["error"], call)
            says = key["says_to_decrypt" if operation in ("Decrypt", "ReEncrypt") else "says"]
            checks.that(f"{key['name']}: {operation}: says {says!r}", says in str(error), error)


def descriptions(kms, keys, checks):
    listed = [entry["KeyArn"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1}) for entry in page["Keys"]]
    aliases = {
        entry["AliasName"]: entry.get("TargetKeyId")
        for page in kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1})
        for entry in page["Aliases"]
    }
    for key in keys:
        name = key["name"]
        metadata = kms.describe_key(KeyId=key["alias"])["KeyMetadata"]
        wanted = {
            "Arn": key["arn"],
            "KeyId": key["arn"].rpartition("/")[2],
            "AWSAccountId": key["arn"].split(":")[4],
            "KeyState": "Enabled",
            "Enabled": True,
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "Origin": key["origin"],
            "KeyManager": "CUSTOMER",
            "MultiRegion": False,
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        } | key.get("metadata", {})
        for member, value in wanted.items():
            checks.equal(f"{name}: {member}", metadata.get(member), value)
        checks.that(f"{name}: listed", key["arn"] in listed, listed)
        checks.equal(f"{name}: alias listed", aliases.get(key["alias"]), wanted["KeyId"])


def life_of_a_key(kms, checks):
    """Everything that an administrator does with a key, on one of its own."""
    made = kms.create_key(Description="made by boto3", Tags=[{"TagKey": "team", "TagValue": "clients"}])["KeyMetadata"]
    key = made["KeyId"]
    checks.equal("a new key's origin", made["Origin"], "AWS_KMS")
    kms.update_key_description(KeyId=key, Description="changed")
    checks.equal("description", kms.describe_key(KeyId=key)["KeyMetadata"]["Description"], "changed")
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "stage", "TagValue": "test"}])
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    checks.equal("tags", kms.list_resource_tags(KeyId=key)["Tags"], [{"TagKey": "stage", "TagValue": "test"}])
    alias = "alias/boto3-" + key[:8]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    checks.refused(
        "the alias again", "AlreadyExistsException", lambda: kms.create_alias(AliasName=alias, TargetKeyId=key)
    )
    old = kms.encrypt(KeyId=alias, Plaintext=b"old")["CiphertextBlob"]
    second = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=alias, TargetKeyId=second)
    checks.that("a moved alias", kms.encrypt(KeyId=alias, Plaintext=b"new")["KeyId"].endswith(second))
    checks.equal("what the alias encrypted before", kms.decrypt(CiphertextBlob=old)["Plaintext"], b"old")
    kms.delete_alias(AliasName=alias)
    checks.refused("a deleted alias", "NotFoundException", lambda: kms.describe_key(KeyId=alias))
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, Policy=policy)
    checks.equal("policy", kms.get_key_policy(KeyId=key)["Policy"], policy)
    kms.enable_key_rotation(KeyId=key)
    checks.equal("rotation", kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"], True)
    kms.disable_key(KeyId=key)
    checks.refused("disabled", "DisabledException", lambda: kms.decrypt(CiphertextBlob=old), kms.exceptions.DisabledException)
    kms.enable_key(KeyId=key)
    checks.equal("enabled again", kms.decrypt(CiphertextBlob=old)["Plaintext"], b"old")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    checks.refused("pending deletion", "KMSInvalidStateException", lambda: kms.decrypt(CiphertextBlob=old))
    kms.cancel_key_deletion(KeyId=key)
    checks.equal("state after cancelling", kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
    for done in (key, second):
        kms.schedule_key_deletion(KeyId=done, PendingWindowInDays=7)
    checks.equal("length of randomness", len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]), 1024)


def grants(kms, key, checks):
    account = key["arn"].split(":")[4]
    grant = kms.create_grant(
        KeyId=key["arn"],
        GranteePrincipal=f"arn:aws:iam::{account}:root",
        Operations=["Encrypt", "Decrypt"],
        Constraints={"EncryptionContextSubset": {"project": "nile"}},
        Name="boto3",
    )
    listed = kms.list_grants(KeyId=key["arn"])["Grants"]
    checks.that("grant listed", grant["GrantId"] in [entry["GrantId"] for entry in listed], listed)
    answer = kms.encrypt(KeyId=key["arn"], Plaintext=b"x", EncryptionContext=CONTEXT, GrantTokens=[grant["GrantToken"]])
    checks.equal("with a grant token", answer["KeyId"], key["arn"])
    kms.revoke_grant(KeyId=key["arn"], GrantId=grant["GrantId"])
    listed = kms.list_grants(KeyId=key["arn"])["Grants"]
    checks.that("grant revoked", grant["GrantId"] not in [entry["GrantId"] for entry in listed], listed)


def external_key_store(kms, key, checks):
    """What only a key in an external key store answers."""
    store = key["metadata"]["CustomKeyStoreId"]
    found = kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
    checks.equal("key stores of this id", len(found), 1)
    checks.equal("its connection state", found[0]["ConnectionState"], "CONNECTED")
    checks.equal("its type", found[0]["CustomKeyStoreType"], "EXTERNAL_KEY_STORE")
    checks.that("its secret stays", "RawSecretAccessKey" not in repr(found), found)
    checks.refused(
        "rotation", "UnsupportedOperationException", lambda: kms.enable_key_rotation(KeyId=key["arn"])
    )
    checks.refused(
        "a data key pair",
        "UnsupportedOperationException",
        lambda: kms.generate_data_key_pair(KeyId=key["arn"], KeyPairSpec="RSA_2048"),
    )
    checks.refused(
        "dry run",
        "DryRunOperationException",
        lambda: kms.encrypt(KeyId=key["arn"], Plaintext=b"x", DryRun=True),
        kms.exceptions.DryRunOperationException,
    )
    checks.refused(
        "an external key in use",
        "XksKeyAlreadyInUseException",
        lambda: kms.create_key(
            Origin="EXTERNAL_KEY_STORE",
            CustomKeyStoreId=store,
            XksKeyId=key["metadata"]["XksKeyConfiguration"]["Id"],
        ),
    )
    checks.refused(
        "an unknown external key",
        "XksKeyNotFoundException",
        lambda: kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId="no-such-key"),
    )
    checks.refused(
        "deleting a connected key store",
        "CustomKeyStoreInvalidStateException",
        lambda: kms.delete_custom_key_store(CustomKeyStoreId=store),
    )


def records(kms, key, checks):
    """CloudTrail has a record of each call, allowed or not, under the request id that was answered."""
    wanted = {}
    answer = kms.encrypt(KeyId=key["arn"], Plaintext=b"x", EncryptionContext=CONTEXT)
    wanted[answer["ResponseMetadata"]["RequestId"]] = ("Encrypt", None)
    refused = checks.refused(
        f"{key['name']}: noise", "InvalidCiphertextException", lambda: kms.decrypt(CiphertextBlob=b"noise", KeyId=key["arn"])
    )
    wanted[refused.response["ResponseMetadata"]["RequestId"]] = ("Decrypt", "InvalidCiphertextException")
    pages = boto3.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "kms.amazonaws.com"}],
        PaginationConfig={"MaxItems": 200, "PageSize": 50},
    )
    events = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    found = {event["requestID"]: event for event in events}
    for request_id, (operation, error) in wanted.items():
        name = f"{key['name']}: record of {operation}"
        if not checks.that(name, request_id in found, sorted(found)):
            continue
        event = found[request_id]
        checks.equal(f"{name}: eventName", event["eventName"], operation)
        checks.equal(f"{name}: errorCode", event.get("errorCode"), error)
        checks.that(f"{name}: nothing secret", base64.b64encode(b"x").decode() not in event.values(), event)
    [encrypted] = [found[request_id] for request_id in wanted if wanted[request_id][1] is None]
    checks.equal(f"{key['name']}: context", encrypted["requestParameters"]["encryptionContext"], CONTEXT)
    if "CustomKeyStoreId" in key["metadata"]:
        more = encrypted["additionalEventData"]
        checks.equal(f"{key['name']}: key store", more["customKeyStoreId"], key["metadata"]["CustomKeyStoreId"])
        checks.equal(f"{key['name']}: external key", more["xksKeyId"], key["metadata"]["XksKeyConfiguration"]["Id"])


def strangers(prepared, checks):
    """Who signs wrongly is told so, in AWS's words."""
    caller = boto3.client("sts").get_caller_identity()
    checks.equal("the caller's account", caller["Account"], prepared["kms"]["account"])
    own = {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }
    for name, difference, expected in (
        ("an unknown access key", {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}, "UnrecognizedClientException"),
        ("a wrong secret", {"aws_secret_access_key": "A" * 40}, "InvalidSignatureException"),
        ("a made-up session", {"aws_session_token": "made up"}, "UnrecognizedClientException"),
    ):
        stranger = boto3.client("kms", **own | difference)
        checks.refused(name, expected, lambda: stranger.list_keys())


def nobody(prepared, checks):
    """A user without permissions."""
    who = prepared["identities"]["nobody"]
    kms = boto3.client(
        "kms", aws_access_key_id=who["access_key_id"], aws_secret_access_key=who["secret_access_key"]
    )
    for key in prepared["keys"]:
        error = checks.refused(
            f"nobody: {key['name']}", "AccessDeniedException", lambda: kms.encrypt(KeyId=key["alias"], Plaintext=b"x")
        )
        for part in (who["arn"], "kms:Encrypt", key["arn"], "identity-based policy"):
            checks.that(f"nobody: {key['name']}: says {part}", part in str(error), error)
    checks.refused("nobody: list", "AccessDeniedException", lambda: kms.list_keys())


def role(kms, prepared, checks):
    """A session of a role that may decrypt and no more."""
    arn = prepared["identities"]["reader"]
    session = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="clients")
    credentials = {
        "aws_access_key_id": session["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": session["Credentials"]["SecretAccessKey"],
        "aws_session_token": session["Credentials"]["SessionToken"],
    }
    account = prepared["kms"]["account"]
    expected = f"arn:aws:sts::{account}:assumed-role/Reader/clients"
    checks.equal("the session's ARN", session["AssumedRoleUser"]["Arn"], expected)
    checks.equal("the session's caller", boto3.client("sts", **credentials).get_caller_identity()["Arn"], expected)
    reader = boto3.client("kms", **credentials)
    for key in prepared["keys"]:
        blob = kms.encrypt(KeyId=key["arn"], Plaintext=b"for readers")["CiphertextBlob"]
        checks.equal(f"reader: {key['name']}", reader.decrypt(CiphertextBlob=blob)["Plaintext"], b"for readers")
        error = checks.refused(
            f"reader: {key['name']}: Encrypt",
            "AccessDeniedException",
            lambda: reader.encrypt(KeyId=key["arn"], Plaintext=b"x"),
        )
        checks.that(f"reader: {key['name']}: says who", expected in str(error), error)
    token = credentials["aws_session_token"]
    middle = len(token) // 2
    forged = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    stranger = boto3.client("kms", **credentials | {"aws_session_token": forged})
    checks.refused("a forged session token", "UnrecognizedClientException", lambda: stranger.list_keys())


def main():
    prepared = fixtures()
    keys = prepared["keys"]
    kms = boto3.client("kms")
    checks = Checks(f"boto3 {boto3.__version__} (botocore {botocore.__version__})")
    for key in keys:
        for part in (round_trips, data_keys, grants):
            checks.section(key["name"], part, kms, key, checks)
        if key["origin"] == "EXTERNAL_KEY_STORE":
            checks.section(key["name"], external_key_store, kms, key, checks)
    checks.section("re-encryption", re_encryption, kms, keys, checks)
    checks.section("wrong use", wrong_use, kms, keys, checks)
    checks.section("descriptions", descriptions, kms, keys, checks)
    checks.section("the life of a key", life_of_a_key, kms, checks)
    checks.section("refusals", refusals, kms, prepared["refused"], checks)
    for key in (keys[0], keys[-1]):
        checks.section(f"records of {key['name']}", records, kms, key, checks)
    checks.section("strangers", strangers, prepared, checks)
    checks.section("nobody", nobody, prepared, checks)
    checks.section("role", role, kms, prepared, checks)
    checks.finish()


if __name__ == "__main__":
    main()
