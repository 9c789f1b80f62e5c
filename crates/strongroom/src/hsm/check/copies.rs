//! The same key on several tokens: how it comes there, and that it is the same.

use std::time::Duration;

use crypto::SecretBytes;
use hsm::{HsmConfig, Replication};
use pkcs11::{KeyObject, ObjectSelector, Token, TokenError};

use super::{Check, Live};
use crate::hsm::steps::Failure;

/// How often a copy that the vendor makes is looked for, and how long between.
const LOOKS: u32 = 25;
const BETWEEN: Duration = Duration::from_millis(200);

impl Check {
    pub(super) async fn copies(&mut self, hsm: &HsmConfig, live: &[Live<'_>]) -> anyhow::Result<()> {
        self.stop.look()?;
        self.steps.about(&hsm.name, None, "all tokens together")?;
        if live.len() < hsm.tokens.len() {
            return self
                .steps
                .skipped("the same key on each", "not every token let us in");
        }
        let Some((first, others)) = live.split_first() else {
            return Ok(());
        };
        match hsm.replication {
            Replication::None => self.steps.note(
                "the same key on each",
                Failure::new(
                    "replication = \"none\": keys that are on every token can be adopted, none created",
                    "replication = \"vendor\" if the HSMs copy keys by themselves, else \"wrapping-key\"",
                ),
            ),
            Replication::Vendor => {
                let result = self.by_vendor(first, others).await;
                self.steps.result("the vendor copies keys", result).map(drop)
            }
            Replication::WrappingKey => {
                let label = hsm.wrapping_key.as_deref().unwrap_or_default();
                let result = self.by_wrapping(label, first, others).await;
                self.steps
                    .result("wrapped under the wrapping key", result)
                    .map(drop)
            }
        }
    }

    async fn by_vendor(&self, first: &Live<'_>, others: &[Live<'_>]) -> Result<((), String), Failure> {
        let made = first.token.generate(self.trial.object(false)).await;
        let key = made.map_err(|error| super::cannot_make(&error))?;
        let mut longest = Duration::ZERO;
        for other in others {
            let (copy, waited) = self.appears(&other.token).await.map_err(|error| {
                Failure::new(
                    format!("on token {} it does not appear: {error}", other.config.name),
                    "make the tokens one group with the vendor's tools (HA group, cluster), or use \
                     replication = \"wrapping-key\"",
                )
            })?;
            same(first, &key, other, &copy).await?;
            longest = longest.max(waited);
        }
        self.trial
            .remove(&first.token)
            .await
            .map_err(|error| Failure::new(error.to_string(), "let the user destroy keys"))?;
        Ok((
            (),
            format!(
                "a key made on {} is the same on all, within {} ms",
                first.config.name,
                longest.as_millis()
            ),
        ))
    }

    async fn appears(&self, token: &Token) -> Result<(KeyObject, Duration), TokenError> {
        let Some(selector) = self.trial.selector() else {
            return Err(TokenError::ObjectGone);
        };
        let start = self.clock.moment();
        for _ in 0..LOOKS {
            match token.find(&selector).await {
                Ok(key) => return Ok((key, self.clock.moment().saturating_since(start))),
                Err(TokenError::ObjectGone) if !self.stop.asked() => tokio::time::sleep(BETWEEN).await,
                Err(error) => return Err(error),
            }
        }
        Err(TokenError::ObjectGone)
    }

    async fn by_wrapping(
        &self,
        label: &str,
        first: &Live<'_>,
        others: &[Live<'_>],
    ) -> Result<((), String), Failure> {
        let under = wrapping_key(label, first).await?;
        let made = first.token.generate(self.trial.object(true)).await;
        let key = made.map_err(|error| match error {
            TokenError::Unsuitable(why) => Failure::new(
                why,
                "a key that may be wrapped is extractable: set danger_allow_extractable = true in the [[hsm]]",
            ),
            other => super::cannot_make(&other),
        })?;
        let wrapped = first.token.wrap(&under, &key).await.map_err(|error| {
            Failure::new(
                format!("token {} does not wrap: {error}", first.config.name),
                "the wrapping key needs CKA_WRAP, and the HSM's policy has to allow wrapping; the profile's `wrapping` \
                 names the mechanism",
            )
        })?;
        for other in others {
            let under = wrapping_key(label, other).await?;
            let copy = other
                .token
                .unwrap(&under, wrapped.clone(), self.trial.object(true))
                .await
                .map_err(|error| {
                    Failure::new(
                        format!("token {} does not unwrap: {error}", other.config.name),
                        "the wrapping key has to be the same on every token, with CKA_UNWRAP",
                    )
                })?;
            same(first, &key, other, &copy).await?;
        }
        Ok((
            (),
            format!("{label}: a key of {} is the same on all", first.config.name),
        ))
    }
}

async fn wrapping_key(label: &str, live: &Live<'_>) -> Result<KeyObject, Failure> {
    let name = &live.config.name;
    let Some(selector) = ObjectSelector::label(label) else {
        return Err(Failure::new(
            "no label is given",
            "set wrapping_key in the [[hsm]]",
        ));
    };
    let found = live.token.find(&selector).await.map_err(|error| {
        Failure::new(
            format!("token {name}: the wrapping key {label:?}: {error}"),
            "bring one AES key of 32 bytes under this label to every token, with the vendor's tools: sensitive, not \
             extractable, CKA_WRAP and CKA_UNWRAP",
        )
    })?;
    if !found.can_wrap() {
        return Err(Failure::new(
            format!("token {name}: the key {label:?} may not wrap and unwrap"),
            "set CKA_WRAP and CKA_UNWRAP on it with the vendor's tools",
        ));
    }
    Ok(found)
}

/// What one encrypts, the other decrypts.
async fn same(one: &Live<'_>, key: &KeyObject, other: &Live<'_>, copy: &KeyObject) -> Result<(), Failure> {
    let differ = |error: TokenError| {
        Failure::new(
            format!(
                "what token {} encrypts, token {} does not decrypt: {error}",
                one.config.name, other.config.name
            ),
            "the two keys of this label are not the same: destroy one, and copy the other",
        )
    };
    let sealed = one.token.encrypt(key, SecretBytes::new(vec![3; 32]), b"same");
    let sealed = sealed.await.map_err(differ)?;
    let opened = other.token.decrypt(copy, sealed, b"same").await.map_err(differ)?;
    if opened.expose().iter().all(|byte| *byte == 3) {
        Ok(())
    } else {
        Err(differ(TokenError::TrialFailed))
    }
}
