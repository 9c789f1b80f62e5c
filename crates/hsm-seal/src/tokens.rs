//! The tokens of the seal: opened when they are there, asked once for each PIN.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Clock, Random};
use pkcs11::section::TokenSection;
use pkcs11::{Pin, Token, TokenError, WorkerCommand};

use crate::config::HsmSealConfig;

/// The tokens of a seal. Nothing is asked of them before they are needed. A cheap clone.
#[derive(Clone)]
pub struct HsmTokens(Arc<Inner>);

struct Inner {
    config: HsmSealConfig,
    worker: Option<WorkerCommand>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    tokens: Vec<NamedToken>,
}

/// What is known of one token, for `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReport {
    /// Its name in the configuration.
    pub name: String,
    /// What it last failed with, and what to do; `None` if it did not.
    pub problem: Option<String>,
}

/// A token with its name.
pub(crate) struct NamedToken {
    section: TokenSection,
    opened: tokio::sync::Mutex<Opened>,
    problem: Mutex<Option<String>>,
}

#[derive(Default)]
struct Opened {
    token: Option<Token>,
    /// The PIN that was given to the module, to be held against what the file has now.
    presented: Option<Pin>,
    /// The token refused it, may have counted it as refused, or has but one try left for it.
    refused: Option<TokenError>,
}

/// Why a token did not do it: for people, with what to do next.
pub(crate) type Problem = String;

impl HsmTokens {
    /// The tokens that the configuration names. `worker` is how this program starts itself as a worker.
    pub fn new(
        config: HsmSealConfig,
        worker: Option<WorkerCommand>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let named = |section: &TokenSection| NamedToken {
            section: section.clone(),
            opened: tokio::sync::Mutex::default(),
            problem: Mutex::default(),
        };
        let tokens = config.tokens.iter().map(named).collect();
        Self(Arc::new(Inner {
            config,
            worker,
            clock,
            random,
            tokens,
        }))
    }

    /// What is known of each token. Asks nothing of them.
    pub fn report(&self) -> Vec<TokenReport> {
        let report = |token: &NamedToken| TokenReport {
            name: token.name().to_owned(),
            problem: token.problem(),
        };
        self.all().iter().map(report).collect()
    }

    /// Ends all sessions; to be called before the process ends. Later calls fail.
    pub async fn close(&self) {
        for token in self.all() {
            let opened = token.opened.lock().await;
            if let Some(token) = &opened.token {
                token.close().await;
            }
        }
    }

    pub(crate) fn all(&self) -> &[NamedToken] {
        &self.0.tokens
    }

    pub(crate) fn config(&self) -> &HsmSealConfig {
        &self.0.config
    }

    /// The token, to be used. It may be away all the same; a PIN that it refused is not presented again
    /// unless the file has another one.
    pub(crate) async fn open(&self, named: &NamedToken) -> Result<Token, Problem> {
        let mut opened = named.opened.lock().await;
        if let Some(refused) = opened.refused.clone() {
            let pin = named.read_pin().await?;
            let same = is_same(opened.presented.as_ref(), pin.as_ref());
            // With one try left nothing was presented, and only the token knows when it counts anew.
            if same && refused != TokenError::PinLastTry {
                return Err(named.say(&refused));
            }
            if !same {
                if let Some(token) = &opened.token {
                    token.set_pin(pin.as_ref().map(Pin::copy));
                }
                opened.presented = pin;
                tracing::info!(token = named.name(), "the seal's PIN file has another PIN");
            }
            opened.refused = None;
        }
        if let Some(token) = &opened.token {
            return Ok(token.clone());
        }
        let pin = named.read_pin().await?;
        let inner = &self.0;
        let copy = pin.as_ref().map(Pin::copy);
        let config = inner
            .config
            .token_config(&named.section, copy, inner.worker.as_ref())
            .map_err(|error| error.to_string())?;
        let clock = Arc::clone(&inner.clock);
        let token = Token::prepare(config, clock, Arc::clone(&inner.random)).await;
        let token = token.map_err(|error| format!("token {}: {error}", named.name()))?;
        opened.presented = pin;
        opened.token = Some(token.clone());
        Ok(token)
    }
}

impl NamedToken {
    pub(crate) fn name(&self) -> &str {
        &self.section.name
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        self.problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes how it did, for `status`; gives it back.
    pub(crate) fn note<T>(&self, result: Result<T, Problem>) -> Result<T, Problem> {
        let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let now = result.as_ref().err().cloned();
        if *problem != now {
            match &now {
                Some(now) => tracing::warn!(token = self.name(), problem = now, "a token of the seal fails"),
                None => tracing::info!(token = self.name(), "a token of the seal is back"),
            }
            *problem = now;
        }
        result
    }

    /// What the token answered, in words; a refused PIN is remembered.
    pub(crate) async fn failed(&self, error: &TokenError) -> Problem {
        if matches!(
            error,
            TokenError::PinRefused
                | TokenError::PinLocked
                | TokenError::PinLastTry
                | TokenError::LoginUnanswered
        ) {
            self.opened.lock().await.refused = Some(error.clone());
        }
        self.say(error)
    }

    fn say(&self, error: &TokenError) -> Problem {
        let name = self.name();
        let pin_file = self.section.pin_file.as_ref();
        let file = pin_file.map_or_else(|| "no pin_file".to_owned(), |path| path.display().to_string());
        match error {
            TokenError::PinRefused => format!(
                "token {name}: the PIN in {file} was refused, and is not presented again: put the right PIN into it"
            ),
            TokenError::PinLocked => format!(
                "token {name}: the PIN is locked: have its security officer set it anew, put it into {file}, and \
                 restart if it is the same one"
            ),
            TokenError::PinLastTry => format!(
                "token {name}: one wrong PIN more locks it, so the one in {file} is not presented: make sure that it is \
                 right, and log in once with the vendor's own tool"
            ),
            TokenError::LoginUnanswered => format!(
                "token {name}: {error}: restart the server once the HSM works, or put another PIN into {file}"
            ),
            TokenError::TokenGone => format!("token {name}: the token is gone: connect it"),
            other => format!("token {name}: {other}"),
        }
    }

    /// The PIN in its file.
    async fn read_pin(&self) -> Result<Option<Pin>, Problem> {
        let Some(path) = self.section.pin_file.clone() else {
            return Ok(None);
        };
        let failed = |error: String| format!("token {}: {}: {error}", self.name(), path.display());
        let of = path.clone();
        match tokio::task::spawn_blocking(move || read(&of)).await {
            Ok(Ok(pin)) => Ok(Some(pin)),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(failed("the process is stopping".to_owned())),
        }
    }
}

fn read(path: &Path) -> Result<Pin, String> {
    Pin::from_file(path).map_err(|error| error.to_string())
}

fn is_same(a: Option<&Pin>, b: Option<&Pin>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_same(b),
        (None, None) => true,
        _ => false,
    }
}
