//! The contract that every key manager must pass, against its real parts.

use ambient::Timestamp;
use crypto::SecretBytes;

use crate::{
    AdditionalData, AdoptedKey, CiphertextMetadata, EncryptOutput, EncryptWith, Front, Iv, KeyId,
    KeyLifecycle, KeyManager, KeyManagerError, KeyState, KeyUsage, Name, NewKey, ObjectName,
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

/// Makes keys under the two given ids and holds the key manager to every promise of this crate. If keys
/// can be deleted here, the second is destroyed at the end. The clock must be later than 2001.
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
            tried(manager, &first, size, data).await?;
        }
    }
    refusals(manager, &first, &second).await?;
    rotation(manager, lifecycle, &first).await?;
    tried(manager, &first, 32, Some(1)).await?;
    deletion(manager, lifecycle, &second).await?;
    nothing_to_adopt(manager, lifecycle, &second).await?;
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
        let key = new_key(id, &name);
        let made = must(lifecycle.create(key.clone()).await, "a key can be made")?;
        hold(made.state == KeyState::Enabled, "a new key is enabled")?;
        hold(made.deletion.is_none(), "a new key is not to be deleted")?;
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

fn new_key(id: &KeyId, name: &Name) -> NewKey {
    NewKey {
        id: id.clone(),
        name: name.clone(),
        front: Front::Xks,
        usage: KeyUsage::BOTH,
    }
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

/// What is answered is what the witness saw, once, and what the trial decrypted.
async fn tried(
    manager: &dyn KeyManager,
    key: &KeyId,
    size: usize,
    data: Option<usize>,
) -> Result<(), Broken> {
    let (plaintext, data) = (vec![0x3c; size], data.map(|len| vec![0xc3; len]));
    let mut seen = Vec::new();
    let mut witness = |output: &EncryptOutput| seen.push(output.clone());
    let work = manager.encrypt_tried(key, &plaintext, aad(data.as_deref())?, &mut witness);
    let (output, trial) = must(work.await, "encryption with a trial works")?;
    hold(
        seen == [output.clone()],
        "the witness runs once, on the output that is answered",
    )?;
    hold(trial.expose() == plaintext, "the trial gives the plaintext back")?;
    let opened = must(
        decrypt(manager, key, &output, data.as_deref()).await?,
        "what was tried decrypts",
    )?;
    hold(
        opened.expose() == plaintext,
        "what was tried gives the plaintext back",
    )
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

/// From the schedule to the end. Times are years apart, so that no clock has to be moved.
async fn deletion(manager: &dyn KeyManager, lifecycle: &dyn KeyLifecycle, key: &KeyId) -> Result<(), Broken> {
    let (past, future) = (
        Timestamp::from_secs(1_000_000_000),
        Timestamp::from_secs(9_000_000_000),
    );
    let not_suitable = |refused: Result<(), KeyManagerError>, what: &str| {
        hold(matches!(refused, Err(KeyManagerError::NotSuitable(_))), what)
    };
    let scheduled = match lifecycle.schedule_deletion(key.clone(), future).await {
        Err(KeyManagerError::Unsupported(_)) => return Ok(()),
        scheduled => must(scheduled, "a deletion can be scheduled")?,
    };
    hold(
        (scheduled.state, scheduled.deletion) == (KeyState::PendingDeletion, Some(future)),
        "a scheduled key is pending deletion until its time",
    )?;
    for state in [KeyState::Enabled, KeyState::Disabled] {
        let set = lifecycle.set_state(key.clone(), state).await;
        not_suitable(
            set.map(drop),
            "a key that is pending deletion is not enabled or disabled",
        )?;
    }
    let rotated = lifecycle.rotate(key.clone()).await.map(drop);
    hold(rotated.is_err(), "a key that is pending deletion is not rotated")?;
    let early = lifecycle.destroy_key(key.clone()).await;
    not_suitable(early, "no key is destroyed before its time")?;
    for _ in 0..2 {
        let cancelled = must(
            lifecycle.cancel_deletion(key.clone()).await,
            "a deletion can be cancelled, and again",
        )?;
        hold(
            (cancelled.state, cancelled.deletion) == (KeyState::Disabled, None),
            "a key whose deletion was cancelled is disabled",
        )?;
    }
    let unasked = lifecycle.destroy_key(key.clone()).await;
    not_suitable(unasked, "no key is destroyed that is not pending deletion")?;
    let state = lifecycle.set_state(key.clone(), KeyState::PendingDeletion).await;
    not_suitable(state.map(drop), "pending deletion is not set without a time")?;
    for at in [future, past, past] {
        let scheduled = must(
            lifecycle.schedule_deletion(key.clone(), at).await,
            "the time can be changed",
        )?;
        hold(
            scheduled.deletion == Some(at),
            "the time that was asked for is the time",
        )?;
    }
    for _ in 0..2 {
        must(
            lifecycle.destroy_key(key.clone()).await,
            "a key whose time has come is destroyed, and again",
        )?;
    }
    gone(manager, lifecycle, key).await
}

async fn gone(manager: &dyn KeyManager, lifecycle: &dyn KeyLifecycle, key: &KeyId) -> Result<(), Broken> {
    let unknown = |error: Option<KeyManagerError>| {
        hold(
            matches!(error, Some(KeyManagerError::UnknownKey)),
            "nothing knows a destroyed key",
        )
    };
    unknown(manager.describe(key).err())?;
    unknown(manager.encrypt(key, b"x", aad(None)?).await.err())?;
    unknown(lifecycle.set_state(key.clone(), KeyState::Enabled).await.err())?;
    hold(
        !lifecycle.list().iter().any(|listed| listed.id == *key),
        "a destroyed key is not listed",
    )
}

/// There is no such object anywhere, and no key comes of it.
async fn nothing_to_adopt(
    manager: &dyn KeyManager,
    lifecycle: &dyn KeyLifecycle,
    id: &KeyId,
) -> Result<(), Broken> {
    if manager.describe(id).is_ok() {
        return Ok(());
    }
    let name = Name::parse("adopted").map_err(|error| Broken(error.to_string()))?;
    let missing = AdoptedKey {
        key: new_key(id, &name),
        object: ObjectName {
            label: Some("no such object".to_owned()),
            id: None,
        },
        legacy: None,
        encrypt_with: EncryptWith::SameObject { count_from: 0 },
    };
    let adopted = lifecycle.adopt(missing).await;
    hold(
        matches!(
            adopted,
            Err(KeyManagerError::NotSuitable(_) | KeyManagerError::Unsupported(_))
        ),
        "an object that does not exist is not adopted",
    )?;
    hold(manager.describe(id).is_err(), "a failed adoption leaves no key")
}
