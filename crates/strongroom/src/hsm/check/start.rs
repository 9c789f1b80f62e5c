//! The way to a token: its module, its slot, its PIN.

use std::sync::Arc;

use hsm::HsmConfig;
use pkcs11::section::TokenSection;
use pkcs11::{Isolation, OpenError, Token, TokenError};

use super::{Check, Live};
use crate::hsm::files;
use crate::hsm::steps::Failure;
use crate::hsm::target;
use crate::hsm::trial_key::is_leftover;
use crate::hsm::verdict::vendor_tool;

impl Check {
    /// Loads the module as the server would, finds the token, logs in once.
    pub(super) async fn start(
        &mut self,
        hsm: &HsmConfig,
        config: &TokenSection,
    ) -> anyhow::Result<Option<Token>> {
        let path = hsm.module(config)?;
        if let Err(failure) = files::module(path) {
            self.steps.failed("the module is a shared object", failure)?;
            return Ok(None);
        }
        let pin = config.pin_file.as_deref().map_or(Ok(()), files::pin);
        if let Err(failure) = pin {
            self.steps.failed("the PIN file can be read", failure)?;
            return Ok(None);
        }
        if config.pin_file.is_none() {
            self.steps.note(
                "a PIN file",
                Failure::new(
                    "none is named, so nobody logs in: that is enough for few products",
                    "--pin-file FILE here, pin_file in the configuration",
                ),
            )?;
        }
        self.steps.trying("loading the module", 0.0);
        let isolation = target::isolation(hsm)?;
        let place = match &isolation {
            Isolation::InProcess => "in this process",
            Isolation::Worker(_) => "in a worker process",
        };
        let opened = target::patient(hsm, config, isolation)?;
        let prepared = Token::prepare(opened, Arc::clone(&self.clock), Arc::clone(&self.random)).await;
        let result = prepared
            .map(|token| (token, place.to_owned()))
            .map_err(|error| cannot_load(&error));
        let Some(token) = self.steps.result("the module loads", result)? else {
            return Ok(None);
        };
        self.log_in(hsm, config, token).await
    }

    async fn log_in(
        &mut self,
        hsm: &HsmConfig,
        config: &TokenSection,
        token: Token,
    ) -> anyhow::Result<Option<Token>> {
        self.steps.trying("logging in", 0.1);
        let said = token.info().await;
        let profile = config.profile.as_deref().or(hsm.profile.as_deref());
        let result = said.map_err(|error| cannot_enter(&error, hsm, config, vendor_tool(profile)));
        let info = match result {
            Ok(info) => info,
            Err(failure) => {
                self.steps.failed("the token lets us in", failure)?;
                token.close().await;
                return Ok(None);
            }
        };
        self.steps.ok(
            "the token lets us in",
            format!(
                "{:?}: {}, {}, firmware {}, serial {}",
                info.label, info.manufacturer, info.model, info.firmware_version, info.serial
            ),
        )?;
        if !info.mechanisms.iter().any(|name| name == "CKM_AES_GCM") {
            self.steps.note(
                "AES-GCM is among its mechanisms",
                Failure::new(
                    "it lists no CKM_AES_GCM",
                    "a policy of the HSM may forbid it; the steps below say whether it works all the same",
                ),
            )?;
        }
        Ok(Some(token))
    }

    /// Removes what a check that was killed has left.
    pub(super) async fn leftovers(&mut self, live: &Live<'_>) -> anyhow::Result<()> {
        let Ok(keys) = live.token.list().await else {
            return self
                .steps
                .skipped("leftovers of earlier checks", "the token lists no keys");
        };
        let mut removed = 0_usize;
        for key in keys.iter().filter(|key| is_leftover(key, &*self.clock)) {
            removed += usize::from(live.token.destroy(key).await.is_ok());
        }
        let what = format!(
            "{} on the token, {removed} of them left by checks and removed",
            keys.len()
        );
        self.steps.ok("lists its secret keys", what)
    }
}

fn cannot_load(error: &OpenError) -> Failure {
    let text = error.to_string();
    let fix = if text.contains("cannot open shared object") || text.contains("not found") {
        "install what the module needs: `ldd MODULE` shows what is missing"
    } else if text.contains("worker") {
        "the module fails as it starts; try isolation = \"in-process\" to see its own messages"
    } else {
        "see that the vendor's client software is configured and may be used by this user"
    };
    Failure::new(text, fix)
}

fn cannot_enter(error: &TokenError, hsm: &HsmConfig, config: &TokenSection, tool: &str) -> Failure {
    let module = hsm
        .module(config)
        .map_or_else(|_| "MODULE".to_owned(), |module| module.display().to_string());
    let file = config
        .pin_file
        .as_ref()
        .map_or_else(|| "the PIN".to_owned(), |file| file.display().to_string());
    let fix = match error {
        TokenError::Unsuitable(_) => {
            format!("`strongroom hsm list --module {module}` shows the tokens; name one by serial")
        }
        TokenError::TokenGone => format!(
            "`strongroom hsm list --module {module}` shows the tokens; name one by serial. If it is among them, the \
             profile may be another product's: in a worker the module has those environment variables alone that the \
             profile names"
        ),
        TokenError::NotInitialized => format!("initialise it with {tool}"),
        TokenError::PinRefused if config.pin_file.is_none() => {
            "the token wants a PIN: set pin_file".to_owned()
        }
        TokenError::PinRefused => format!(
            "mend {file} before anything presents it again: it was presented once, and wrong PINs lock the token"
        ),
        TokenError::PinLastTry => format!(
            "make sure of the PIN, and log in once with {tool}: a success there brings all tries back"
        ),
        TokenError::PinLocked => format!("the security officer sets it anew with {tool}; then mend {file}"),
        TokenError::SessionsExhausted => {
            "end other programs that use the token, or raise its limit".to_owned()
        }
        TokenError::TimedOut | TokenError::Hung | TokenError::LoginUnanswered => {
            "see that the HSM can be reached from here, with the vendor's own tools".to_owned()
        }
        TokenError::WorkerDied(_) => {
            "the module crashes: see its log; the vendor's own tools show whether it works for them"
                .to_owned()
        }
        _ => format!("`strongroom hsm list --module {module}` shows what the token says of itself"),
    };
    let what = match error {
        TokenError::TokenGone => "there is no such token, or it does not answer".to_owned(),
        TokenError::Unsuitable(why) => why.clone(),
        _ => error.to_string(),
    };
    Failure::new(what, fix)
}
