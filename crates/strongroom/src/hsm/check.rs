//! `hsm check`: everything that a server will need of an HSM, tried before it is needed.

mod cipher;
mod copies;
mod speed;
mod start;

use std::sync::Arc;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use anyhow::bail;
use hsm::HsmConfig;
use pkcs11::section::TokenSection;
use pkcs11::{KeyObject, Token, TokenError};

use super::steps::{Failure, Steps};
use super::stop::Stop;
use super::target;
use super::trial_key::TrialKey;
use crate::cli::output::counted;
use crate::cli::{HsmArgs, Output};
use crate::serve::runtime;

/// A token that answered and let us in.
struct Live<'c> {
    hsm: &'c HsmConfig,
    config: &'c TokenSection,
    token: Token,
}

/// What every part of a check needs.
struct Check {
    steps: Steps,
    stop: Stop,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    trial: TrialKey,
}

pub(crate) fn run(args: &HsmArgs, output: Output) -> anyhow::Result<()> {
    let hsms = target::of(args)?;
    runtime()?.block_on(check_all(&hsms, output))
}

async fn check_all(hsms: &[HsmConfig], output: Output) -> anyhow::Result<()> {
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let mut check = Check {
        steps: Steps::new(output),
        stop: Stop::catch()?,
        trial: TrialKey::new(&*clock, &*random)?,
        clock,
        random,
    };
    for hsm in hsms {
        check.hsm(hsm).await?;
    }
    let (failed, all) = check.steps.failures();
    if output.is_json() {
        output.show(&check.steps.all(), |_| String::new())?;
    } else if failed == 0 {
        output.write(&format!(
            "\nall is as it should be: {} passed\n",
            counted(all as u64, "step")
        ))?;
    }
    if failed > 0 {
        bail!(
            "{failed} of {} failed; each says what to mend",
            counted(all as u64, "step")
        );
    }
    Ok(())
}

impl Check {
    async fn hsm(&mut self, hsm: &HsmConfig) -> anyhow::Result<()> {
        let mut live = Vec::new();
        let tried = self.tokens(hsm, &mut live).await;
        // Whatever came of it.
        let removed = self.remove(&live).await;
        for live in &live {
            live.token.close().await;
        }
        tried.and(removed)
    }

    async fn tokens<'c>(&mut self, hsm: &'c HsmConfig, live: &mut Vec<Live<'c>>) -> anyhow::Result<()> {
        for config in &hsm.tokens {
            self.stop.look()?;
            let module = hsm.module(config)?;
            self.steps
                .about(&hsm.name, Some(&config.name), &module.display().to_string())?;
            let Some(token) = self.start(hsm, config).await? else {
                continue;
            };
            live.push(Live { hsm, config, token });
            let Some(opened) = live.last() else { continue };
            self.token(opened).await?;
        }
        if hsm.tokens.len() > 1 {
            self.copies(hsm, live).await?;
        }
        Ok(())
    }

    /// Everything that a token has to do by itself.
    async fn token(&mut self, live: &Live<'_>) -> anyhow::Result<()> {
        self.leftovers(live).await?;
        let Some(key) = self.key(live).await? else {
            return Ok(());
        };
        self.stop.look()?;
        self.cipher(live, &key).await?;
        self.close_look(live).await?;
        self.speed(live, &key).await?;
        self.stop.look()?;
        self.end_of(live, &key).await
    }

    /// Makes the trial key, and finds it again.
    async fn key(&mut self, live: &Live<'_>) -> anyhow::Result<Option<KeyObject>> {
        self.steps.trying("making a key", 0.2);
        let made = live.token.generate(self.trial.object(false)).await;
        let result = made.map_err(|error| cannot_make(&error)).and_then(as_ordered);
        let Some(key) = self.steps.result("makes a key", result)? else {
            return Ok(None);
        };
        let Some(selector) = self.trial.selector() else {
            return Ok(None);
        };
        let found = live.token.find(&selector).await;
        let result = found
            .map(|found| (found, format!("label {}", self.trial.label())))
            .map_err(|error| {
                Failure::new(
                    error.to_string(),
                    "the token has to find objects by CKA_LABEL: ask its vendor",
                )
            });
        self.steps.result("finds it by its label", result)?;
        Ok(Some(key))
    }

    /// The trial key's regular end.
    async fn end_of(&mut self, live: &Live<'_>, key: &KeyObject) -> anyhow::Result<()> {
        let result = async {
            live.token.destroy(key).await?;
            match self.trial.selector() {
                Some(selector) => live.token.find(&selector).await.map(drop),
                None => Ok(()),
            }
        };
        let result = match result.await {
            Err(TokenError::ObjectGone) => Ok(((), "nothing is left behind".to_owned())),
            Ok(()) => Err(Failure::new(
                "it was destroyed and is still found",
                format!(
                    "remove {} with the vendor's tool, and ask the vendor",
                    self.trial.label()
                ),
            )),
            Err(error) => Err(Failure::new(
                error.to_string(),
                format!(
                    "let the user destroy keys; remove {} with the vendor's tool",
                    self.trial.label()
                ),
            )),
        };
        self.steps.result("destroys it", result).map(drop)
    }

    /// The end of whatever a check that did not come to its own end has made.
    async fn remove(&mut self, live: &[Live<'_>]) -> anyhow::Result<()> {
        let mut left = Vec::new();
        for live in live {
            if let Err(error) = self.trial.remove(&live.token).await {
                left.push(format!("{} ({error})", live.config.name));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        bail!(
            "the key {} may be left in {}: remove it with the vendor's tool",
            self.trial.label(),
            left.join(", ")
        )
    }
}

/// The key is what was ordered, by the token's own words.
fn as_ordered(key: KeyObject) -> Result<(KeyObject, String), Failure> {
    if key.is_extractable() || !key.is_sensitive() {
        return Err(Failure::new(
            "the token made it extractable, or not sensitive, though it was told otherwise",
            "a policy of the HSM may change attributes: ask its administrator",
        ));
    }
    let never = if key.was_never_extractable() {
        ", never extractable"
    } else {
        ""
    };
    Ok((key, format!("AES, 256 bits, sensitive, not extractable{never}")))
}

fn cannot_make(error: &TokenError) -> Failure {
    let fix = match error {
        TokenError::Refused { code, .. } if code == "CKR_TOKEN_WRITE_PROTECTED" => {
            "the token is write-protected: lift that with the vendor's tool, or adopt keys that exist"
        }
        TokenError::Refused { code, .. } if code.starts_with("CKR_DEVICE_MEMORY") => {
            "the token is full: remove objects that nobody needs"
        }
        TokenError::Refused { .. } => {
            "the HSM's policy has to let this user make AES keys of 32 bytes; without that, adopt keys that exist"
        }
        TokenError::Unsuitable(_) => "a policy of the HSM changes attributes: ask its administrator",
        _ => "see `strongroom hsm list --module` for what the token says of itself",
    };
    Failure::new(error.to_string(), fix)
}
