"""The AWS CLI against a KMS endpoint, as a shell script would call it.

usage: command_line.py FIXTURES.json AWS

AWS is the program under test; which version it is, it says itself.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile

from checks import Checks, fixtures

# One call; a healthy one takes well below a second.
LIMIT = 60


class CommandLine:
    def __init__(self, program, endpoint, checks):
        self.program = program
        self.endpoint = endpoint
        self.checks = checks
        # In place of those of the environment.
        self.credentials = {}

    def run(self, *arguments):
        """Ends as the program ended; output as text."""
        return subprocess.run(
            [self.program, *arguments, "--endpoint-url", self.endpoint, "--output", "json"],
            env=os.environ | self.credentials,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )

    def ok(self, *arguments):
        """The answer, which must be one."""
        ended = self.run(*arguments)
        if not self.checks.that(" ".join(arguments[:2]), ended.returncode == 0, ended.stderr):
            return {}
        return json.loads(ended.stdout) if ended.stdout.strip() else {}

    def refused(self, name, exception, *arguments, says=""):
        """The program must end in failure and name the exception, as scripts look for it, and its
        message."""
        ended = self.run(*arguments)
        _, named, message = ended.stderr.partition(f"An error occurred ({exception}) when calling")
        holds = ended.returncode != 0 and named and says in message
        self.checks.that(name, holds, f"{ended.stderr or ended.stdout} instead of {exception} with {says!r}")


def version(program):
    ended = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=LIMIT, check=True)
    return (ended.stdout or ended.stderr).split()[0].replace("aws-cli/", "AWS CLI ")


def round_trips(aws, key, directory, checks):
    plain = os.path.join(directory, "plain")
    cipher = os.path.join(directory, "cipher")
    with open(plain, "wb") as file:
        file.write(os.urandom(4096))
    with open(plain, "rb") as file:
        expected = file.read()
    context = ["--encryption-context", "project=nile,purpose=test"]
    answer = aws.ok("kms", "encrypt", "--key-id", key["alias"], "--plaintext", "fileb://" + plain, *context)
    checks.equal(f"{key['name']}: key", answer.get("KeyId"), key["arn"])
    with open(cipher, "wb") as file:
        file.write(base64.b64decode(answer.get("CiphertextBlob", "")))
    blob = ["--ciphertext-blob", "fileb://" + cipher]
    answer = aws.ok("kms", "decrypt", *blob, *context)
    checks.equal(f"{key['name']}: plaintext", base64.b64decode(answer.get("Plaintext", "")), expected)
    checks.equal(f"{key['name']}: key of decryption", answer.get("KeyId"), key["arn"])
    aws.refused(f"{key['name']}: no context", key["wrong_context"], "kms", "decrypt", *blob)
    # As JSON; the CLI takes both forms.
    aws.refused(
        f"{key['name']}: wrong context",
        key["wrong_context"],
        "kms", "decrypt", *blob, "--encryption-context", '{"project":"Nile","purpose":"test"}',
    )
    answer = aws.ok("kms", "generate-data-key", "--key-id", key["arn"], "--key-spec", "AES_256")
    checks.equal(f"{key['name']}: data key", len(base64.b64decode(answer.get("Plaintext", ""))), 32)
    with open(cipher, "wb") as file:
        file.write(base64.b64decode(answer.get("CiphertextBlob", "")))
    moved = aws.ok("kms", "re-encrypt", *blob, "--destination-key-id", key["alias"])
    checks.equal(f"{key['name']}: re-encryption", moved.get("SourceKeyId"), key["arn"])
    answer = aws.ok("kms", "describe-key", "--key-id", key["alias"])
    checks.equal(f"{key['name']}: origin", answer.get("KeyMetadata", {}).get("Origin"), key["origin"])


def refusals(aws, refused, directory):
    aws.refused(
        "unknown alias", "NotFoundException", "kms", "encrypt", "--key-id", "alias/no-such-alias", "--plaintext", "eA=="
    )
    for number, key in enumerate(refused):
        cipher = os.path.join(directory, f"refused-{number}")
        with open(cipher, "wb") as file:
            file.write(base64.b64decode(key["ciphertext"]))
        # One call of each takes as long as a hundred of a library's: the operations take turns.
        if number % 2 == 0:
            says, *call = key["says"], "encrypt", "--key-id", key["key"], "--plaintext", "eA=="
        else:
            says, *call = key["says_to_decrypt"], "decrypt", "--ciphertext-blob", "fileb://" + cipher
        aws.refused(f"{key['name']}: {call[0]}", key["error"], "kms", *call, says=says)


def administration(aws, keys, checks):
    made = aws.ok("kms", "create-key", "--description", "made by the AWS CLI", "--tags", "TagKey=team,TagValue=clients")
    key = made.get("KeyMetadata", {}).get("KeyId", "")
    aws.ok("kms", "disable-key", "--key-id", key)
    aws.refused("disabled", "DisabledException", "kms", "generate-data-key", "--key-id", key, "--key-spec", "AES_256")
    answer = aws.ok("kms", "schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    checks.equal("state before deletion", answer.get("KeyState"), "PendingDeletion")
    listed = aws.ok("kms", "list-aliases", "--page-size", "1").get("Aliases", [])
    for key in keys:
        checks.that(f"{key['name']}: alias listed", key["alias"] in [entry["AliasName"] for entry in listed], listed)


def role(aws, prepared, checks):
    """As scripts take a role."""
    answer = aws.ok("sts", "assume-role", "--role-arn", prepared["identities"]["reader"], "--role-session-name", "cli")
    session = answer.get("Credentials", {})
    aws.credentials = {
        "AWS_ACCESS_KEY_ID": session.get("AccessKeyId", ""),
        "AWS_SECRET_ACCESS_KEY": session.get("SecretAccessKey", ""),
        "AWS_SESSION_TOKEN": session.get("SessionToken", ""),
    }
    caller = aws.ok("sts", "get-caller-identity").get("Arn", "")
    checks.that("the session's caller", caller.endswith(":assumed-role/Reader/cli"), caller)
    key = prepared["keys"][0]["alias"]
    aws.ok("kms", "describe-key", "--key-id", key)
    aws.refused(
        "the role's session", "AccessDeniedException", "kms", "encrypt", "--key-id", key, "--plaintext", "eA==", says=caller
    )
    aws.credentials = {}


def key_stores(aws, keys, checks):
    stores = {key.get("metadata", {}).get("CustomKeyStoreId") for key in keys} - {None}
    for store in stores:
        answer = aws.ok("kms", "describe-custom-key-stores", "--custom-key-store-id", store)
        found = answer.get("CustomKeyStores", [{}])[0]
        checks.equal("its connection state", found.get("ConnectionState"), "CONNECTED")


def main():
    prepared = fixtures()
    program = sys.argv[2]
    checks = Checks(version(program))
    aws = CommandLine(program, prepared["kms"]["endpoint"], checks)
    answer = aws.ok("sts", "get-caller-identity")
    checks.equal("the caller's account", answer.get("Account"), prepared["kms"]["account"])
    with tempfile.TemporaryDirectory() as directory:
        # One of each origin.
        for key in (prepared["keys"][0], prepared["keys"][-1]):
            checks.section(key["name"], round_trips, aws, key, directory, checks)
        checks.section("refusals", refusals, aws, prepared["refused"], directory)
    checks.section("administration", administration, aws, prepared["keys"], checks)
    checks.section("role", role, aws, prepared, checks)
    checks.section("key stores", key_stores, aws, prepared["keys"], checks)
    checks.finish()


if __name__ == "__main__":
    main()
