"""The Amazon DynamoDB Encryption Client for Python with its Direct KMS provider: one data key for
each item from a KMS endpoint, the items in moto's DynamoDB.

usage: dynamodb_encryption_client.py FIXTURES.json
"""

import importlib.metadata
import logging
import warnings

import boto3
from dynamodb_encryption_sdk.encrypted.table import EncryptedTable
from dynamodb_encryption_sdk.identifiers import CryptoAction
from dynamodb_encryption_sdk.material_providers.aws_kms import AwsKmsCryptographicMaterialsProvider
from dynamodb_encryption_sdk.structures import AttributeActions

import other_services
from checks import Checks, fixtures, unknown_alias

TABLE = "clients"
ITEM = {"name": "alice", "account": 7, "secret": "not for everybody", "picture": b"\x00\x01", "open": "for everybody"}


def make_table(url):
    database = other_services.client("dynamodb", url, boto3.resource)
    table = database.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}, {"AttributeName": "account", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "name", "AttributeType": "S"},
            {"AttributeName": "account", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    return table


def encrypted(table, key_id):
    actions = AttributeActions(default_action=CryptoAction.ENCRYPT_AND_SIGN, attribute_actions={"open": CryptoAction.SIGN_ONLY})
    return EncryptedTable(
        table=table,
        materials_provider=AwsKmsCryptographicMaterialsProvider(key_id=key_id),
        attribute_actions=actions,
    )


def plain(value):
    return bytes(value) if hasattr(value, "value") else value


def items(table, key, checks):
    crypt = encrypted(table, key["arn"])
    where = {"name": ITEM["name"], "account": ITEM["account"]}
    crypt.put_item(Item=dict(ITEM))
    stored = table.get_item(Key=where)["Item"]
    checks.equal(f"{key['name']}: signed only", stored["open"], ITEM["open"])
    for attribute in ("secret", "picture"):
        checks.that(f"{key['name']}: {attribute} is encrypted", plain(stored[attribute]) != ITEM[attribute], stored)
    back = crypt.get_item(Key=where)["Item"]
    checks.equal(f"{key['name']}: item", {name: plain(value) for name, value in back.items()}, ITEM)
    found = crypt.scan()["Items"]
    checks.equal(f"{key['name']}: scan", [item["secret"] for item in found], [ITEM["secret"]])
    # The item's key belongs to the encryption context: an item moved to another key is not read.
    moved = dict(stored, name="bob")
    table.put_item(Item=moved)
    error = checks.refused(
        f"{key['name']}: a moved item",
        key["wrong_context"],
        lambda: crypt.get_item(Key={"name": "bob", "account": ITEM["account"]}),
    )
    checks.equal(f"{key['name']}: as the client says it", type(error).__name__, "UnwrappingError")
    changed = dict(stored, open="changed")
    table.put_item(Item=changed)
    checks.refused(f"{key['name']}: a changed item", "SignatureVerificationError", lambda: crypt.get_item(Key=where))
    for name in ("alice", "bob"):
        table.delete_item(Key={"name": name, "account": ITEM["account"]})


def refusals(table, prepared, checks):
    unknown = {"name": "an unknown alias", "key": unknown_alias(prepared["keys"][0]), "error": "NotFoundException"}
    for key in [*prepared["refused"], unknown]:
        error = checks.refused(
            key["name"], key["error"], lambda: encrypted(table, key["key"]).put_item(Item=dict(ITEM))
        )
        checks.equal(f"{key['name']}: as the client says it", type(error).__name__, "WrappingError")


def main():
    # The client logs each error that it raises, and warns of its age.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    prepared = fixtures()
    checks = Checks(f"DynamoDB Encryption Client {importlib.metadata.version('dynamodb-encryption-sdk')}")
    with other_services.moto() as url:
        table = make_table(url)
        for key in prepared["keys"]:
            checks.section(key["name"], items, table, key, checks)
        checks.section("refusals", refusals, table, prepared, checks)
    checks.finish()


if __name__ == "__main__":
    main()
