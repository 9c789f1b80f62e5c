"""Prepares a running `strongroom kms serve` whose clusters are tokens of SoftHSM: AWS CloudHSM key
stores, keys in them that work, and for each way in which such a key can refuse, one that always does.

usage: cloudhsm_fixtures.py FIXTURES.json CLOUDHSM.json STRONGROOM
"""

import json
import sys

import boto3

from fixtures import Administrator, Maker


class CloudHsmMaker(Maker):
    """As its base, with key stores over clusters and without any proxy."""

    def __init__(self, told, program):
        self.kms = boto3.client("kms")
        self.contract = told["kms"]
        self.told = told
        self.endpoint_directory = told["data_dir"]
        self.endpoint = Administrator(program, told["data_dir"])

    def cluster_store(self, name, cluster):
        """A connected key store over a cluster; its id."""
        store = self.kms.create_custom_key_store(
            CustomKeyStoreName=name,
            CloudHsmClusterId=cluster,
            TrustAnchorCertificate=self.told["trust_anchor"],
            KeyStorePassword=self.told["password"],
        )["CustomKeyStoreId"]
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        self.wait(store, "CONNECTED")
        return store

    def key_in(self, store, name):
        return self.kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store, Description=name)["KeyMetadata"]

    def keys(self):
        store = self.first_store = self.cluster_store("first", self.told["clusters"][0])
        first, second = self.key_in(store, "first"), self.key_in(store, "second")
        own = self.kms.create_key(Description="clients")["KeyMetadata"]
        named = {"alias/first": first, "alias/second": second, "alias/own": own}
        for alias, metadata in named.items():
            self.kms.create_alias(AliasName=alias, TargetKeyId=metadata["KeyId"])
        return [
            self.working("CloudHSM key", "alias/first", first),
            self.working("second CloudHSM key", "alias/second", second),
            self.working("AWS_KMS key", "alias/own", own),
        ]

    def refused_keys(self):
        """States of KMS keys, and of their key store."""
        invalid = "KMSInvalidStateException"
        disable = lambda key: self.kms.disable_key(KeyId=key["KeyId"])
        delete = lambda key: self.kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        key = lambda name: self.key_in(self.first_store, name)
        yield self.refused("disabled", key("disabled"), "DisabledException", "disabled", disable)
        yield self.refused("pending deletion", key("deleted"), invalid, "pending deletion", delete)
        yield self.refused(
            "denied", key("denied"), "AccessDeniedException", "explicit deny", self.deny, "you are not allowed to access"
        )
        second = self.cluster_store("second", self.told["clusters"][1])
        disconnected = self.key_in(second, "disconnected")
        yield self.refused("disconnected", disconnected, invalid, "not connected", self.disconnect)


def main():
    output, told_path, program = sys.argv[1:]
    with open(told_path, encoding="utf-8") as file:
        told = json.load(file)
    maker = CloudHsmMaker(told, program)
    keys = maker.keys()
    prepared = {
        "kms": told["kms"],
        "identities": maker.identities(),
        "keys": keys,
        "refused": list(maker.refused_keys()),
    }
    with open(output, "w", encoding="utf-8") as file:
        json.dump(prepared, file, indent=2)
    print(f"prepared {len(keys)} keys that work and {len(prepared['refused'])} that refuse, on SoftHSM")


if __name__ == "__main__":
    main()
