// The AWS SDK for JavaScript (v3) against a KMS endpoint: round trips, wrong contexts and every
// refusal that the fixtures name.
//
// usage: NODE_PATH=.../node_modules node client.cjs FIXTURES.json
//
// The endpoint, the Region and the credentials come from the environment, as an application has
// them. Prints one line for each failed check and a count at the end; ends with status 1 if any
// failed.

"use strict";

const { randomBytes } = require("node:crypto");
const { readFileSync } = require("node:fs");

const {
  DecryptCommand,
  DescribeKeyCommand,
  DisabledException,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
  KMSServiceException,
  NotFoundException,
  ReEncryptCommand,
  paginateListAliases,
} = require("@aws-sdk/client-kms");
const { version } = require("@aws-sdk/client-kms/package.json");

const CLIENT = `AWS SDK for JavaScript ${version}`;
const CONTEXT = { project: "nile", purpose: "Größe 7" };

let passed = 0;
let failed = 0;

/** Counts one check. */
function that(name, holds, found = "") {
  if (holds) {
    passed += 1;
  } else {
    failed += 1;
    console.error(`FAILED ${CLIENT}: ${name}: ${found}`);
  }
}

/** The call must fail with the exception of this name; returns the error. */
async function refused(name, exception, call) {
  try {
    await call();
  } catch (error) {
    that(name, error instanceof KMSServiceException && error.name === exception, `${error} instead of ${exception}`);
    that(`${name}: request id`, Boolean(error.$metadata?.requestId), JSON.stringify(error.$metadata));
    return error;
  }
  that(name, false, `was answered instead of ${exception}`);
  return undefined;
}

const same = (left, right) => Buffer.compare(Buffer.from(left ?? []), Buffer.from(right ?? [])) === 0;

async function roundTrips(kms, key) {
  for (const size of [1, 4096]) {
    const name = `${key.name}, ${size} bytes`;
    const plaintext = randomBytes(size);
    for (const id of [key.alias, key.arn]) {
      const encrypted = await kms.send(
        new EncryptCommand({ KeyId: id, Plaintext: plaintext, EncryptionContext: CONTEXT }),
      );
      that(`${name}: key`, encrypted.KeyId === key.arn, encrypted.KeyId);
      that(`${name}: algorithm`, encrypted.EncryptionAlgorithm === "SYMMETRIC_DEFAULT", encrypted.EncryptionAlgorithm);
      const decrypted = await kms.send(
        new DecryptCommand({ CiphertextBlob: encrypted.CiphertextBlob, EncryptionContext: CONTEXT }),
      );
      that(`${name}: plaintext`, same(decrypted.Plaintext, plaintext));
      that(`${name}: key of decryption`, decrypted.KeyId === key.arn, decrypted.KeyId);
    }
  }
}

async function dataKeys(kms, key) {
  const name = `${key.name}: data key`;
  const made = await kms.send(new GenerateDataKeyCommand({ KeyId: key.arn, KeySpec: "AES_256" }));
  that(`${name}: length`, made.Plaintext?.length === 32, made.Plaintext?.length);
  const moved = await kms.send(
    new ReEncryptCommand({
      CiphertextBlob: made.CiphertextBlob,
      DestinationKeyId: key.alias,
      DestinationEncryptionContext: CONTEXT,
    }),
  );
  that(`${name}: moved from`, moved.SourceKeyId === key.arn, moved.SourceKeyId);
  const back = await kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: CONTEXT }));
  that(`${name}: plaintext`, same(back.Plaintext, made.Plaintext));
}

async function wrongContexts(kms, key) {
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId: key.arn, Plaintext: randomBytes(9), EncryptionContext: { project: "nile" } }),
  );
  for (const EncryptionContext of [undefined, { project: "Nile" }, { Project: "nile" }]) {
    const name = `${key.name}: context ${JSON.stringify(EncryptionContext)}`;
    await refused(name, key.wrong_context, () => kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext })));
  }
}

async function descriptions(kms, keys) {
  const aliases = [];
  for await (const page of paginateListAliases({ client: kms, pageSize: 1 }, {})) {
    aliases.push(...(page.Aliases ?? []).map((alias) => alias.AliasName));
  }
  for (const key of keys) {
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.alias }));
    that(`${key.name}: state`, KeyMetadata?.KeyState === "Enabled", KeyMetadata?.KeyState);
    that(`${key.name}: origin`, KeyMetadata?.Origin === key.origin, KeyMetadata?.Origin);
    that(`${key.name}: creation`, KeyMetadata?.CreationDate instanceof Date, KeyMetadata?.CreationDate);
    that(`${key.name}: alias listed`, aliases.includes(key.alias), aliases);
  }
}

async function refusals(kms, list) {
  const unknown = await refused("an unknown alias", "NotFoundException", () =>
    kms.send(new EncryptCommand({ KeyId: "alias/no-such-alias", Plaintext: randomBytes(1) })),
  );
  that("an unknown alias: class", unknown instanceof NotFoundException, unknown);
  for (const { name, key, error, says, says_to_decrypt, ciphertext } of list) {
    const commands = {
      Encrypt: new EncryptCommand({ KeyId: key, Plaintext: randomBytes(1) }),
      GenerateDataKey: new GenerateDataKeyCommand({ KeyId: key, KeySpec: "AES_256" }),
      Decrypt: new DecryptCommand({ CiphertextBlob: Buffer.from(ciphertext, "base64") }),
    };
    for (const [operation, command] of Object.entries(commands)) {
      const found = await refused(`${name}: ${operation}`, error, () => kms.send(command));
      const part = operation === "Decrypt" ? says_to_decrypt : says;
      that(`${name}: ${operation}: says ${part}`, found?.message.includes(part), found?.message);
      if (error === "DisabledException") {
        that(`${name}: ${operation}: class`, found instanceof DisabledException, found);
      }
    }
  }
}

/** Runs one part; an unexpected error fails it and ends no other part. */
async function section(name, part, ...parameters) {
  try {
    await part(...parameters);
  } catch (error) {
    that(name, false, error.stack);
  }
}

async function main() {
  const fixtures = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const kms = new KMSClient({});
  for (const key of fixtures.keys) {
    for (const part of [roundTrips, dataKeys, wrongContexts]) {
      await section(key.name, part, kms, key);
    }
  }
  await section("descriptions", descriptions, kms, fixtures.keys);
  await section("refusals", refusals, kms, fixtures.refused);
  console.log(`${CLIENT}: ${passed} checks passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
