//! The contract that every key manager must pass, against its real parts.

use crypto::SecretBytes;

use crate::{
    AdditionalData, CiphertextMetadata, EncryptOutput, Front, Iv, KeyId, KeyLifecycle, KeyManager,
    KeyManagerError, KeyState, KeyUsage, Name, NewKey,
};

/// A promise that was not kept: which, and how.
#[derive(Debug, thiserror::Error)]
#[error("the key manager breaks its contract: {0}")]
pub struct Broken(String);

fn hold(promise: bool, what: &str) -> Result<(), Broken> {
    if promise {
        Ok(())
    } else {
        Err(Broken(what.to_owned()))
    }
}

fn must<T>(result: Result<T, KeyManagerError>, what: &str) -> Result<T, Broken> {
    result.map_err(|error| Broken(format!("{what}: {error}")))
}

fn aad(bytes: Option<&[u8]>) -> Result<AdditionalData<'_>, Broken> {
    AdditionalData::new(bytes).map_err(|error| Broken(error.to_string()))
}

/// Makes keys under the two given ids and holds the key manager to every promise of this crate.
pub async fn check(
    manager: &dyn KeyManager,
    lifecycle: &dyn KeyLifecycle,
    ids: [KeyId; 2],
) -> Result<(), Broken> {
    let [first, second] = ids;
    lifecycle_contract(manager, lifecycle, &first, &second).await?;
    for size in [0, 1, 16, 32, 4300, 4096] {
        for data in [None, Some(0), Some(1), Some(8192)] {
            round_trip(manager, &first, size, data).await?;
        }
    }
    refusals(manager, &first, &second).await?;
    rotation(manager, lifecycle, &first).await?;
    must(manager.probe().await, "a healthy key manager passes its probe")?;
    hold(!manager.instances().is_empty(), "there is at least one instance")
}

async fn lifecycle_contract(
    manager: &dyn KeyManager,
    lifecycle: &dyn KeyLifecycle,
    first: &KeyId,
    second: &KeyId,
) -> Result<(), Broken> {
    let name = Name::parse("contract").map_err(|error| Broken(error.to_string()))?;
    let unknown = manager.describe(first);
    hold(
        matches!(unknown, Err(KeyManagerError::UnknownKey)),
        "an unknown key is told so",
    )?;
    for id in [first, second] {
        let key = NewKey {
            id: id.clone(),
            name: name.clone(),
            front: Front::Xks,
            usage: KeyUsage::BOTH,
        };
        let made = must(lifecycle.create(key.clone()).await, "a key can be made")?;
        hold(made.state == KeyState::Enabled, "a new key is enabled")?;
        let again = lifecycle.create(key).await;
        hold(
            matches!(again, Err(KeyManagerError::KeyExists)),
            "a key is not made twice",
        )?;
    }
    for state in [KeyState::Disabled, KeyState::Disabled, KeyState::Enabled] {
        must(
            lifecycle.set_state(first.clone(), state).await,
            "a state can be set, and again",
        )?;
        let seen = must(manager.describe(first), "a known key is described")?;
        hold(seen.state == state, "a changed state is seen at once")?;
    }
    hold(
        lifecycle.list().iter().any(|key| key.id == *first),
        "a key is listed",
    )
}

async fn encrypt(
    manager: &dyn KeyManager,
    key: &KeyId,
    plaintext: &[u8],
    data: Option<&[u8]>,
) -> Result<EncryptOutput, Broken> {
    must(
        manager.encrypt(key, plaintext, aad(data)?).await,
        "encryption works",
    )
}

async fn decrypt(
    manager: &dyn KeyManager,
    key: &KeyId,
    encrypted: &EncryptOutput,
    data: Option<&[u8]>,
) -> Result<Result<SecretBytes, KeyManagerError>, Broken> {
    Ok(manager.decrypt(key, encrypted.as_ref(), aad(data)?).await)
}

async fn round_trip(
    manager: &dyn KeyManager,
    key: &KeyId,
    size: usize,
    data: Option<usize>,
) -> Result<(), Broken> {
    let (plaintext, data) = (vec![0x5a; size], data.map(|len| vec![0xa5; len]));
    let a = encrypt(manager, key, &plaintext, data.as_deref()).await?;
    let b = encrypt(manager, key, &plaintext, data.as_deref()).await?;
    hold(
        a.ciphertext.len() == size,
        "the ciphertext is as long as the plaintext",
    )?;
    hold((a.iv, a.metadata) != (b.iv, b.metadata), "no IV is used twice")?;
    for output in [a, b] {
        let opened = must(
            decrypt(manager, key, &output, data.as_deref()).await?,
            "decryption works",
        )?;
        hold(
            opened.expose() == plaintext,
            "decryption gives the plaintext back",
        )?;
    }
    Ok(())
}

/// Every way to be wrong by one bit, one byte or one key.
async fn refusals(manager: &dyn KeyManager, key: &KeyId, other: &KeyId) -> Result<(), Broken> {
    let data = b"additional data";
    let good = encrypt(manager, key, b"plaintext", Some(data)).await?;
    for (what, wrong) in one_bit_off(&good) {
        refused(manager, key, &wrong, Some(data), &what).await?;
    }
    for bit in 0..data.len() * 8 {
        let mut wrong = *data;
        flip(&mut wrong, bit);
        refused(
            manager,
            key,
            &good,
            Some(&wrong),
            "a flipped bit in the additional data",
        )
        .await?;
    }
    refused(manager, key, &good, None, "missing additional data").await?;
    refused(manager, other, &good, Some(data), "another key").await?;
    let bare = EncryptOutput {
        metadata: CiphertextMetadata::default(),
        ..good.clone()
    };
    let moved = [data.as_slice(), good.metadata.as_bytes()].concat();
    if !good.metadata.as_bytes().is_empty() {
        refused(manager, key, &bare, Some(data), "missing metadata").await?;
        refused(
            manager,
            key,
            &bare,
            Some(&moved),
            "metadata moved into the additional data",
        )
        .await?;
    }
    let mut short = good.clone();
    short.ciphertext.pop();
    refused(manager, key, &short, Some(data), "a shortened ciphertext").await
}

async fn refused(
    manager: &dyn KeyManager,
    key: &KeyId,
    wrong: &EncryptOutput,
    data: Option<&[u8]>,
    what: &str,
) -> Result<(), Broken> {
    let answer = decrypt(manager, key, wrong, data).await?;
    hold(
        matches!(answer, Err(KeyManagerError::NotAuthentic)),
        &format!("refuses {what}"),
    )
}

fn one_bit_off(good: &EncryptOutput) -> Vec<(String, EncryptOutput)> {
    let mut all = Vec::new();
    let mut add =
        |what: &str, bit: usize, wrong| all.push((format!("flipped bit {bit} of the {what}"), wrong));
    for bit in 0..good.ciphertext.len() * 8 {
        let mut wrong = good.clone();
        flip(&mut wrong.ciphertext, bit);
        add("ciphertext", bit, wrong);
    }
    for bit in 0..good.tag.len() * 8 {
        let mut wrong = good.clone();
        flip(&mut wrong.tag, bit);
        add("tag", bit, wrong);
    }
    for bit in 0..good.iv.as_bytes().len() * 8 {
        let mut iv = good.iv.as_bytes().to_vec();
        flip(&mut iv, bit);
        if let Ok(iv) = Iv::from_slice(&iv) {
            add("IV", bit, EncryptOutput { iv, ..good.clone() });
        }
    }
    for bit in 0..good.metadata.as_bytes().len() * 8 {
        let mut metadata = good.metadata.as_bytes().to_vec();
        flip(&mut metadata, bit);
        if let Ok(metadata) = CiphertextMetadata::from_slice(&metadata) {
            add(
                "metadata",
                bit,
                EncryptOutput {
                    metadata,
                    ..good.clone()
                },
            );
        }
    }
    all
}

fn flip(bytes: &mut [u8], bit: usize) {
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

async fn rotation(manager: &dyn KeyManager, lifecycle: &dyn KeyLifecycle, key: &KeyId) -> Result<(), Broken> {
    let before = encrypt(manager, key, b"before", None).await?;
    let versions = must(manager.describe(key), "a known key is described")?
        .versions
        .len();
    let rotated = match lifecycle.rotate(key.clone()).await {
        Err(KeyManagerError::Unsupported(_)) => return Ok(()),
        rotated => must(rotated, "a key can be rotated")?,
    };
    hold(
        rotated.versions.len() == versions + 1,
        "rotation adds one version",
    )?;
    let after = encrypt(manager, key, b"after", None).await?;
    for (output, plaintext) in [(before, &b"before"[..]), (after, b"after")] {
        let opened = must(
            decrypt(manager, key, &output, None).await?,
            "every version decrypts",
        )?;
        hold(
            opened.expose() == plaintext,
            "every version gives its plaintext back",
        )?;
    }
    Ok(())
}
