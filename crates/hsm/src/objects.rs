//! Key objects: their names, how they come onto every token, and how they end.

use std::time::Duration;

use crypto::{Fields, SecretBytes};
use key_manager::{KeyId, KeyManagerError, ManagerId, VersionTag};
use pkcs11::{
    KeyObject, NewObject, ObjectSelector, OpenError, Proof, Requirements, Token, TokenConfig, TokenError,
    Usage,
};

use crate::config::Replication;
use crate::connect;
use crate::error;
use crate::fleet::Member;
use crate::manager::Inner;
use crate::rows::VersionRow;
use crate::rows::version::{PROOF_PLAINTEXT, proof_aad};
use crate::version::Version;

/// Longest wait for an object that the vendor replicates, or that a token made late.
const APPEARS_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

type Serving<'a> = (&'a Member, Token, u64);

/// The object of a key version: `strongroom KEY TAG`, 48 characters, and the first 16 bytes of a hash
/// of both.
pub(crate) fn object(key: &KeyId, tag: VersionTag) -> NewObject {
    named(
        format!("strongroom {key} {tag}"),
        "version",
        &[key.as_str().as_bytes(), &tag.0],
    )
}

/// The object in which a key leaves the first token wrapped; destroyed when it has arrived.
fn courier(key: &KeyId, tag: VersionTag) -> NewObject {
    let label = format!("strongroom {key} {tag} wrapped");
    NewObject {
        wrappable: true,
        ..named(label, "courier", &[key.as_str().as_bytes(), &tag.0])
    }
}

/// The object that probes of a token use.
pub(crate) fn canary(manager: &ManagerId, token: &str) -> NewObject {
    let label = format!("strongroom {manager} {token}");
    named(label, "canary", &[manager.as_str().as_bytes(), token.as_bytes()])
}

fn named(label: String, what: &str, of: &[&[u8]]) -> NewObject {
    let fields = Fields::new("strongroom hsm object id").number(1).text(what);
    let fields = of.iter().fold(fields, |fields, part| fields.bytes(part));
    let mut id = crypto::sha256(&[fields.as_bytes()]).to_vec();
    id.truncate(16);
    NewObject {
        label,
        id,
        wrappable: false,
        usage: Usage::Messages,
    }
}

/// Whether an object of this label was made by Strongroom, or by its KMS endpoint, which names them as KMS
/// does: by the ARN of the KMS key.
pub(crate) fn is_of_strongroom(label: &str) -> bool {
    let ours = ["strongroom ", "strongroom-"];
    ours.iter().any(|prefix| label.starts_with(prefix))
        || label.starts_with("arn:") && label.contains(":kms:")
}

pub(crate) fn selector(object: &NewObject) -> Result<ObjectSelector, TokenError> {
    let selector = ObjectSelector::new(Some(object.label.clone()), Some(object.id.clone()));
    selector.ok_or_else(|| TokenError::Unsuitable("it has no name".to_owned()))
}

impl Inner {
    /// Whether keys can be made here at all.
    pub(crate) fn may_make(&self) -> Result<Replication, KeyManagerError> {
        let Some(config) = &self.config else {
            return Err(KeyManagerError::Unavailable(self.fleet.troubles(None)));
        };
        if config.replication == Replication::None && self.fleet.len() > 1 {
            let why = "a new key would be on one of its tokens alone; set replication = \"vendor\" or \
                       \"wrapping-key\", or make the object on every token and adopt it";
            return Err(KeyManagerError::Unsupported(why.to_owned()));
        }
        Ok(config.replication)
    }

    /// Makes the object of a version on every token, and proves that it is one key; gives the proof.
    pub(crate) async fn make(&self, key: &KeyId, tag: VersionTag) -> Result<Vec<u8>, KeyManagerError> {
        let replication = self.may_make()?;
        let serving = self.fleet.all_serving()?;
        let new = object(key, tag);
        let Some((first, others)) = serving.split_first() else {
            return Err(KeyManagerError::Unavailable(self.fleet.troubles(None)));
        };
        if replication == Replication::WrappingKey && !others.is_empty() {
            self.carry(&serving, key, tag).await?;
        } else {
            generate(first, new.clone()).await?;
        }
        let found = appeared(first, &new, false).await?;
        let proof = prove(first, &found, key, tag).await?;
        for member in others {
            let found = appeared(member, &new, true).await?;
            self.check_proof(member, &found, key, tag, &proof).await?;
        }
        Ok(proof)
    }

    /// Decrypts on one token what another one encrypted.
    pub(crate) async fn check_proof(
        &self,
        (member, token, _): &Serving<'_>,
        found: &KeyObject,
        key: &KeyId,
        tag: VersionTag,
        proof: &[u8],
    ) -> Result<(), KeyManagerError> {
        let another = || error::object(member.name(), &TokenError::NotAuthentic);
        let sealed = VersionRow::parse_proof(proof).ok_or_else(another)?;
        let opened = token.decrypt(found, sealed, &proof_aad(key, tag)).await;
        let opened = opened.map_err(|error| error::object(member.name(), &error))?;
        if opened.expose() == PROOF_PLAINTEXT {
            return Ok(());
        }
        Err(another())
    }

    /// Brings a new key onto every token under the wrapping key that all of them have. The object that
    /// may leave is another than those that stay: these are not extractable.
    async fn carry(
        &self,
        serving: &[Serving<'_>],
        key: &KeyId,
        tag: VersionTag,
    ) -> Result<(), KeyManagerError> {
        let lenient = self.lenient(serving).await?;
        let carried = self.carry_with(serving, &lenient, key, tag).await;
        for token in &lenient {
            token.close().await;
        }
        carried
    }

    async fn carry_with(
        &self,
        serving: &[Serving<'_>],
        lenient: &[Token],
        key: &KeyId,
        tag: VersionTag,
    ) -> Result<(), KeyManagerError> {
        let label = self
            .config
            .as_ref()
            .and_then(|config| config.wrapping_key.as_deref());
        let under = label.and_then(ObjectSelector::label);
        let under =
            under.ok_or_else(|| KeyManagerError::NotSuitable("wrapping_key is not configured".to_owned()))?;
        let mut courier_and_wrapped = None;
        for ((member, strict, _), token) in serving.iter().zip(lenient) {
            let said = |error: TokenError| error::object(member.name(), &error);
            // The wrapping key is held to what keys are held to, for it could carry all of them away.
            let under = strict.find(&under).await.map_err(|error| match error {
                TokenError::ObjectGone => KeyManagerError::NotSuitable(format!(
                    "token {}: there is no wrapping key {:?}; make or import the same one on every token",
                    member.name(),
                    label.unwrap_or_default()
                )),
                error => said(error),
            })?;
            if courier_and_wrapped.is_none() {
                let courier = token.generate(courier(key, tag)).await.map_err(said)?;
                let wrapped = token.wrap(&under, &courier).await.map_err(said)?;
                courier_and_wrapped = Some((token, courier, wrapped));
            }
            if let Some((.., wrapped)) = &courier_and_wrapped {
                token
                    .unwrap(&under, wrapped.clone(), object(key, tag))
                    .await
                    .map_err(said)?;
            }
        }
        if let (Some((token, courier, _)), Some((first, ..))) = (courier_and_wrapped, serving.first()) {
            let ended = token.destroy(&courier).await;
            ended.map_err(|error| error::object(first.name(), &error))?;
        }
        Ok(())
    }

    /// The same tokens once more, for objects that requests may not use.
    async fn lenient(&self, serving: &[Serving<'_>]) -> Result<Vec<Token>, KeyManagerError> {
        let mut tokens = Vec::with_capacity(serving.len());
        for (member, ..) in serving {
            tokens.push(self.lenient_token(member).await?);
        }
        Ok(tokens)
    }

    async fn lenient_token(&self, member: &Member) -> Result<Token, KeyManagerError> {
        let unavailable =
            |why: String| KeyManagerError::Unavailable(format!("token {}: {why}", member.name()));
        let config = self
            .config
            .as_ref()
            .ok_or_else(|| unavailable("it is not configured".to_owned()))?;
        let config = config.token_config(&member.config, self.shared.worker.as_ref());
        let config = TokenConfig {
            requirements: Requirements {
                danger_allow_extractable: true,
                allow_short_keys: true,
            },
            sessions: 1,
            ..config.map_err(|error| unavailable(error.to_string()))?
        };
        // This is tried again and again, each time with a gate of its own before the PIN.
        let pin_file = connect::pin_file(member);
        if pin_file.is_some() && pin_file == *member.refused_beside() {
            let why = "the PIN in its file was refused; it is not presented again until the file changes";
            return Err(unavailable(why.to_owned()));
        }
        let (clock, random) = (self.shared.clock.clone(), self.shared.random.clone());
        let opened = Token::open(config, clock, random).await;
        opened.map_err(|error| {
            if let OpenError::Token(
                TokenError::PinRefused | TokenError::PinLocked | TokenError::LoginUnanswered,
            ) = &error
            {
                *member.refused_beside() = pin_file;
            }
            unavailable(error.to_string())
        })
    }

    /// Destroys what a token holds of a version that was being made.
    pub(crate) async fn unmake(
        &self,
        member: &Member,
        key: &KeyId,
        tag: VersionTag,
    ) -> Result<(), KeyManagerError> {
        for object in [object(key, tag), courier(key, tag)] {
            let selector = selector(&object).map_err(|error| error::object(member.name(), &error))?;
            self.destroy_object(member, &selector, None).await?;
        }
        Ok(())
    }

    /// Destroys the object of a version. One that was adopted has a name that others may have given to
    /// another key since: such a one stays.
    pub(crate) async fn destroy_version(
        &self,
        member: &Member,
        version: &Version,
    ) -> Result<(), KeyManagerError> {
        let Some(selector) = version.row.selector() else {
            return Ok(());
        };
        let own = object(&version.key, version.row.tag);
        let is_own = version.row.label.as_ref() == Some(&own.label);
        let proof = version.proof().filter(|_| !is_own);
        match self.destroy_object(member, &selector, proof).await {
            Err(Undestroyed::Another) => {
                tracing::warn!(
                    key = version.key.as_str(),
                    token = member.name(),
                    "the object {} is another key than the one that is destroyed: it stays",
                    version.row.object()
                );
                Ok(())
            }
            ended => Ok(ended?),
        }
    }

    /// Destroys an object, if it gives the proof where there is one; one that is not there is destroyed.
    pub(crate) async fn destroy_object(
        &self,
        member: &Member,
        selector: &ObjectSelector,
        proof: Option<Proof>,
    ) -> Result<(), Undestroyed> {
        let said = |error: TokenError| match error {
            TokenError::AnotherKey => Undestroyed::Another,
            error => error::object(member.name(), &error).into(),
        };
        let away = || KeyManagerError::Unavailable(self.fleet.troubles(None));
        let token = member.token().filter(|_| member.standing().0).ok_or_else(away)?;
        match end(&token, selector, proof.clone()).await {
            // It may not be used, but it may be destroyed.
            Err(TokenError::Unsuitable(_)) => {
                let lenient = self.lenient_token(member).await?;
                let ended = end(&lenient, selector, proof).await;
                lenient.close().await;
                ended.map_err(said)
            }
            ended => ended.map_err(said),
        }
    }
}

/// Why an object was not destroyed.
pub(crate) enum Undestroyed {
    /// It is another key.
    Another,
    /// Anything else.
    Failed(KeyManagerError),
}

impl From<KeyManagerError> for Undestroyed {
    fn from(error: KeyManagerError) -> Self {
        Self::Failed(error)
    }
}

impl From<Undestroyed> for KeyManagerError {
    fn from(error: Undestroyed) -> Self {
        match error {
            Undestroyed::Another => Self::NotSuitable("it is another key".to_owned()),
            Undestroyed::Failed(error) => error,
        }
    }
}

async fn end(token: &Token, selector: &ObjectSelector, proof: Option<Proof>) -> Result<(), TokenError> {
    match token.find(selector).await {
        Ok(found) => {
            let found = proof.map_or(found.clone(), |proof| found.proved_by(proof));
            token.destroy(&found).await
        }
        Err(TokenError::ObjectGone) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes an object. A token that does not answer in time may have made it all the same.
async fn generate((member, token, epoch): &Serving<'_>, new: NewObject) -> Result<(), KeyManagerError> {
    match token.generate(new).await {
        Ok(_) | Err(TokenError::TimedOut) => Ok(()),
        Err(error) => {
            member.note(*epoch, &error);
            Err(error::object(member.name(), &error))
        }
    }
}

/// Waits until the token shows the object, for a bounded time.
async fn appeared(
    (member, token, _): &Serving<'_>,
    new: &NewObject,
    replicated: bool,
) -> Result<KeyObject, KeyManagerError> {
    let said = |error: TokenError| error::object(member.name(), &error);
    let selector = selector(new).map_err(said)?;
    let waiting = async {
        loop {
            match token.find(&selector).await {
                Err(TokenError::ObjectGone | TokenError::TimedOut | TokenError::Busy) => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                found => return found,
            }
        }
    };
    match tokio::time::timeout(APPEARS_WITHIN, waiting).await {
        Ok(found) => found.map_err(said),
        Err(_) if replicated => Err(KeyManagerError::NotSuitable(format!(
            "token {}: the new object does not appear within {} s; check the vendor's replication between the \
             tokens, or use replication = \"wrapping-key\"",
            member.name(),
            APPEARS_WITHIN.as_secs()
        ))),
        Err(_) => Err(KeyManagerError::TimedOut(format!(
            "token {}: the new object does not appear",
            member.name()
        ))),
    }
}

/// Encrypts with the object what shows later, on this token and on others, that an object is the same
/// key; decrypts it at once, for an object that cannot is of no use.
pub(crate) async fn prove(
    (member, token, _): &Serving<'_>,
    found: &KeyObject,
    key: &KeyId,
    tag: VersionTag,
) -> Result<Vec<u8>, KeyManagerError> {
    let plaintext = SecretBytes::new(PROOF_PLAINTEXT.to_vec());
    let tried = token
        .encrypt_and_try(found, plaintext, &proof_aad(key, tag))
        .await;
    let tried = tried.map_err(|error| match error {
        TokenError::Refused { code, function } => KeyManagerError::NotSuitable(format!(
            "token {}: the object does not do AES-GCM ({function}: {code}); it needs CKA_ENCRYPT and CKA_DECRYPT",
            member.name()
        )),
        error => error::object(member.name(), &error),
    })?;
    // A proof that was altered on its way would tell for ever that the object is another key.
    if tried.sealed.digest() != tried.digest {
        return Err(error::object(member.name(), &TokenError::TrialFailed));
    }
    Ok(VersionRow::stored_proof(&tried.sealed))
}
