"""Prepares a running `strongroom dev` for the clients: keys that work, and for each way in which a
key can refuse, one key that always does. So no client disturbs another, and all may run at once.

usage: fixtures.py FIXTURES.json DIR/dev.json STRONGROOM
"""

import base64
import json
import os
import secrets
import subprocess
import sys
import time

import boto3

# Until a key store is connected or disconnected.
LIMIT = 30
VIRTUAL_HSM = "dev"


class Administrator:
    """Whoever may use the command line: on the side of the proxy, or of the KMS endpoint."""

    def __init__(self, program, directory):
        self.command = [program, "--data-dir", directory]

    def run(self, *arguments):
        subprocess.run([*self.command, *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def json(self, *arguments):
        command = [*self.command, "--json", *arguments]
        return json.loads(subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)

    def external_key(self, key_store, name):
        """A new key, bound to the key store under its name."""
        self.run("key", "create", name, "--vhsm", VIRTUAL_HSM)
        self.run("key-store", "bind", key_store, name, "--external-key-id", name)


# Appended to the identities file of `dev`, which ends with its account.
IDENTITIES = """
[[accounts.users]]
name = "nobody"
access_keys = [{{ id = "{id}", secret = "{secret}" }}]

[[accounts.roles]]
name = "Reader"
trust_policy = '''{{"Version": "2012-10-17", "Statement": [
    {{"Effect": "Allow", "Principal": {{"AWS": "{account}"}}, "Action": "sts:AssumeRole"}}]}}'''
policies = ['''{{"Version": "2012-10-17", "Statement": [
    {{"Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}}]}}''']
"""


class Maker:
    def __init__(self, contract, program):
        self.kms = boto3.client("kms")
        self.contract = contract["kms"]
        directory = os.path.dirname(contract["admin"]["socket"])
        self.proxy = Administrator(program, directory)
        self.endpoint_directory = os.path.join(directory, "kms")
        self.endpoint = Administrator(program, self.endpoint_directory)
        self.first_store = self.contract["custom_key_store_id"]

    def key_store(self, name):
        """A connected external key store with a proxy key store of its own; its id."""
        path = self.proxy.json("key-store", "create", name)["uri_path"]
        credential = self.proxy.json("credential", "add", name)
        store = self.kms.create_custom_key_store(
            CustomKeyStoreName=name,
            CustomKeyStoreType="EXTERNAL_KEY_STORE",
            XksProxyConnectivity="PUBLIC_ENDPOINT",
            XksProxyUriEndpoint=self.contract["xks_proxy_uri_endpoint"],
            XksProxyUriPath=path,
            XksProxyAuthenticationCredential={
                "AccessKeyId": credential["access_key_id"],
                "RawSecretAccessKey": credential["secret_access_key"],
            },
        )["CustomKeyStoreId"]
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        self.wait(store, "CONNECTED")
        return store

    def wait(self, store, state):
        # DescribeCustomKeyStores is answered five times a second, at AWS and here.
        for _ in range(LIMIT * 4):
            found = self.kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"][0]
            if found["ConnectionState"] == state:
                return
            if found["ConnectionState"] == "FAILED":
                break
            time.sleep(0.25)
        raise RuntimeError(f"key store {store} is not {state} but {found}")

    def external_key(self, name, store=None, key_store=VIRTUAL_HSM):
        """A KMS key over a new external key; its metadata."""
        self.proxy.external_key(key_store, name)
        return self.kms.create_key(
            Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store or self.first_store, XksKeyId=name, Description=name
        )["KeyMetadata"]

    def working(self, name, alias, metadata):
        external = metadata["Origin"] == "EXTERNAL_KEY_STORE"
        members = ("CustomKeyStoreId", "XksKeyConfiguration")
        return {
            "name": name,
            "arn": metadata["Arn"],
            "alias": alias,
            "origin": metadata["Origin"],
            # With an external key the proxy notices first, and its failure has this exception.
            "wrong_context": "KMSInvalidStateException" if external else "InvalidCiphertextException",
            "metadata": {member: metadata[member] for member in members if member in metadata},
        }

    def refused(self, name, metadata, error, says, spoil, says_to_decrypt=None):
        """A key that has encrypted something and then is made to refuse by `spoil`; `says` is part
        of the message that goes with the exception, where need be another one to a Decrypt that
        names no key."""
        blob = self.kms.encrypt(KeyId=metadata["Arn"], Plaintext=b"x")["CiphertextBlob"]
        spoil(metadata)
        return {
            "name": name,
            "key": metadata["Arn"],
            "error": error,
            "says": says,
            "says_to_decrypt": says_to_decrypt or says,
            "ciphertext": base64.b64encode(blob).decode("ascii"),
        }

    def identities(self):
        """A user who may do nothing, and a role that may only read."""
        account = self.contract["account"]
        key = {"id": "AKIANOBODYNOBODY2345", "secret": secrets.token_hex(20)}
        with open(os.path.join(self.endpoint_directory, "identities.toml"), "a", encoding="utf-8") as file:
            file.write(IDENTITIES.format(account=account, **key))
        self.endpoint.run("kms", "reload")
        return {
            "nobody": {
                "arn": f"arn:aws:iam::{account}:user/nobody",
                "access_key_id": key["id"],
                "secret_access_key": key["secret"],
            },
            "reader": f"arn:aws:iam::{account}:role/Reader",
        }

    def keys(self):
        first = self.kms.describe_key(KeyId=self.contract["alias"])["KeyMetadata"]
        second = self.external_key("second")
        own = self.kms.create_key(Description="clients")["KeyMetadata"]
        self.kms.create_alias(AliasName="alias/second", TargetKeyId=second["KeyId"])
        self.kms.create_alias(AliasName="alias/own", TargetKeyId=own["KeyId"])
        return [
            self.working("external key", self.contract["alias"], first),
            self.working("second external key", "alias/second", second),
            self.working("AWS_KMS key", "alias/own", own),
        ]

    def refused_keys(self):
        """States of KMS keys, and of what is behind them."""
        kms, invalid = self.kms, "KMSInvalidStateException"
        disable = lambda key: kms.disable_key(KeyId=key["KeyId"])
        delete = lambda key: kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        own = lambda: kms.create_key()["KeyMetadata"]
        yield self.refused("disabled", self.external_key("disabled"), "DisabledException", "disabled", disable)
        yield self.refused("disabled AWS_KMS key", own(), "DisabledException", "disabled", disable)
        yield self.refused("pending deletion", self.external_key("deleted"), invalid, "pending deletion", delete)
        yield self.refused("AWS_KMS key pending deletion", own(), invalid, "pending deletion", delete)
        for name, key in (("denied", self.external_key("denied")), ("denied AWS_KMS key", own())):
            yield self.refused(
                name, key, "AccessDeniedException", "explicit deny", self.deny, "you are not allowed to access"
            )
        stopped = self.external_key("stopped")
        yield self.refused(
            "external key disabled by its owner",
            stopped,
            invalid,
            "not enabled",
            lambda _: self.proxy.run("key", "disable", "stopped"),
        )

    def deny(self, metadata):
        """Leaves the key's administration to the account and takes its use from everybody."""
        policy = json.loads(self.kms.get_key_policy(KeyId=metadata["KeyId"])["Policy"])
        policy["Statement"].append(
            {
                "Sid": "nobody",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "*",
            }
        )
        self.kms.put_key_policy(KeyId=metadata["KeyId"], Policy=json.dumps(policy))

    def refused_key_stores(self):
        """A key store for each fault."""
        faults = {
            "disconnected": (self.disconnect, "not connected"),
            "blocked": (self.block, "not enabled"),
            "unreachable": (self.fault("unreachable"), "cannot communicate"),
            "slow": (self.fault("slow=1s"), "time allotted"),
            "throttled": (self.fault("throttled"), "request rate"),
            "bad-certificate": (self.fault("bad-certificate"), "TLS"),
            "failing": (self.fault("InternalException"), "cannot reach its external key manager"),
        }
        for name, (spoil, says) in faults.items():
            store = self.key_store(name)
            key = self.external_key(f"in-{name}", store, name)
            yield self.refused(f"key store: {name}", key, "KMSInvalidStateException", says, spoil)

    def disconnect(self, metadata):
        self.kms.disconnect_custom_key_store(CustomKeyStoreId=metadata["CustomKeyStoreId"])
        self.wait(metadata["CustomKeyStoreId"], "DISCONNECTED")

    def block(self, metadata):
        self.proxy.run("key-store", "block", "blocked", "--reason", "clients")

    def fault(self, fault):
        """What the KMS endpoint is to make of the key store, longer than any run of the clients."""
        return lambda metadata: self.endpoint.run(
            "kms", "fault", "set", metadata["CustomKeyStoreId"], fault, "--for", "60m"
        )


def main():
    output, contract_path, program = sys.argv[1:]
    with open(contract_path, encoding="utf-8") as file:
        contract = json.load(file)
    maker = Maker(contract, program)
    prepared = {
        "kms": contract["kms"],
        "identities": maker.identities(),
        "keys": maker.keys(),
        "refused": [*maker.refused_keys(), *maker.refused_key_stores()],
    }
    with open(output, "w", encoding="utf-8") as file:
        json.dump(prepared, file, indent=2)
    print(f"prepared {len(prepared['keys'])} keys that work and {len(prepared['refused'])} that refuse")


if __name__ == "__main__":
    main()
