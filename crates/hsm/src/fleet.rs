//! The tokens of a key manager: which one serves next, and how each does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ambient::{Clock, Moment};
use arc_swap::ArcSwapOption;
use key_manager::{HealthStatus, Instance};
use pkcs11::section::TokenSection;
use pkcs11::{KeyObject, State, Token, TokenError, TokenInfo};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::config::HsmConfig;
use crate::version::Version;

/// Weight of a new, shorter latency in the average: one in this many.
const SMOOTHING: u64 = 8;

/// The tokens, in the configuration's order.
pub(crate) struct Fleet {
    members: Vec<Member>,
}

/// One token.
pub(crate) struct Member {
    pub(crate) index: usize,
    pub(crate) config: TokenSection,
    /// How health names it.
    id: String,
    product: String,
    token: ArcSwapOption<Token>,
    standing: Mutex<Standing>,
    outstanding: AtomicUsize,
    /// Weighted average in microseconds: up at once, down slowly.
    latency: AtomicU64,
    /// It left: whoever watches it looks at once.
    pub(crate) left: Notify,
    /// Held while it is looked at.
    pub(crate) looking: AsyncMutex<Looking>,
    /// What the PIN file was when its PIN was refused to a session beside those that requests use.
    refused_beside: Mutex<Option<PinFile>>,
}

/// What the one who looks at a token remembers.
#[derive(Default)]
pub(crate) struct Looking {
    /// The key object that probes use.
    pub(crate) canary: Option<KeyObject>,
    /// What the PIN file was when its PIN was presented.
    pub(crate) pin_file: Option<PinFile>,
    /// Looks since the token came back.
    pub(crate) looks: u64,
}

/// Tells one content of a PIN file from the next without keeping it: inode, length, time of change.
pub(crate) type PinFile = (u64, u64, i64, i64);

/// PINs that tokens refused, by the state of their files. Whoever opens key managers again and again in one
/// process keeps it, so that each time does not cost a try.
#[derive(Default)]
pub struct RefusedPins(Mutex<BTreeMap<String, PinFile>>);

impl RefusedPins {
    pub(crate) fn note(&self, member: &Member, file: Option<PinFile>) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = file {
            refused.insert(member.id.clone(), file);
        }
    }

    pub(crate) fn has(&self, member: &Member, file: Option<PinFile>) -> bool {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.is_some() && refused.get(&member.id).copied() == file
    }
}

#[derive(Default)]
struct Standing {
    serving: bool,
    /// Counts the times that it left: what was proved of its objects before is to be proved again.
    epoch: u64,
    trouble: Option<String>,
    info: Option<TokenInfo>,
}

impl Fleet {
    pub(crate) fn new(config: Option<&HsmConfig>) -> Self {
        let tokens = config.map_or(&[][..], |config| &config.tokens);
        let member = |(index, token): (usize, &TokenSection)| Member {
            index,
            config: token.clone(),
            id: config.map_or_else(String::new, |config| format!("{}/{}", config.name, token.name)),
            product: config
                .and_then(|config| config.profile(token).ok())
                .map_or_else(|| "unknown".to_owned(), |profile| profile.product().to_owned()),
            token: ArcSwapOption::empty(),
            standing: Mutex::default(),
            outstanding: AtomicUsize::new(0),
            latency: AtomicU64::new(0),
            left: Notify::new(),
            looking: AsyncMutex::default(),
            refused_beside: Mutex::default(),
        };
        Self {
            members: tokens.iter().enumerate().map(member).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.config.name.clone())
            .collect()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.config.name == name)
    }

    /// Serial numbers of the tokens that were seen.
    pub(crate) fn serials(&self) -> BTreeSet<String> {
        let serial = |member: &Member| member.lock().info.as_ref().map(|info| info.serial.clone());
        self.members.iter().filter_map(serial).collect()
    }

    /// Tokens that might serve this version, the best first. One that is out comes last: it may have come
    /// back before anybody noticed. One that is known to be of no use for the version is not among them.
    pub(crate) fn candidates(&self, version: &Version) -> Vec<&Member> {
        let mut all: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.token.load().is_some())
            .filter_map(|member| {
                let (serving, epoch) = member.standing();
                let place = version.place(member.index)?;
                let unfit = place.unfit(epoch).is_some();
                let rank = (!serving, place.ready(epoch).is_none(), member.load());
                (!unfit).then_some((rank, member))
            })
            .collect();
        all.sort_by_key(|(rank, _)| *rank);
        all.into_iter().map(|(_, member)| member).collect()
    }

    /// What keeps each token from serving, for the log.
    pub(crate) fn troubles(&self, version: Option<&Version>) -> String {
        let text = |member: &Member| {
            let (_, epoch) = member.standing();
            let unfit = version
                .and_then(|version| version.place(member.index))
                .and_then(|place| place.unfit(epoch));
            let trouble = member.lock().trouble.clone();
            let why = unfit
                .or(trouble)
                .unwrap_or_else(|| "not connected yet".to_owned());
            format!("token {}: {why}", member.config.name)
        };
        if self.members.is_empty() {
            return "it is not configured on this node: add its [[hsm]] section".to_owned();
        }
        self.members.iter().map(text).collect::<Vec<_>>().join("; ")
    }
}

impl Member {
    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    pub(crate) fn token(&self) -> Option<Token> {
        self.token.load().as_deref().cloned()
    }

    pub(crate) fn set_token(&self, token: Token) {
        self.token.store(Some(token.into()));
    }

    /// Whether it serves, and in which epoch.
    pub(crate) fn standing(&self) -> (bool, u64) {
        let standing = self.lock();
        (standing.serving, standing.epoch)
    }

    pub(crate) fn refused_beside(&self) -> MutexGuard<'_, Option<PinFile>> {
        self.refused_beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn introduce(&self, info: TokenInfo) {
        self.lock().info = Some(info);
    }

    /// It serves from now on; whether it did not before.
    pub(crate) fn enter(&self) -> bool {
        let mut standing = self.lock();
        standing.trouble = None;
        let returned = !std::mem::replace(&mut standing.serving, true);
        // What was proved while it was out was proved of whatever was there then.
        standing.epoch += u64::from(returned);
        returned
    }

    /// A call that began in `epoch` failed in a way that speaks against the token: it serves no more
    /// until it passed a probe. A failure of an earlier epoch says nothing about this one.
    pub(crate) fn leave(&self, epoch: u64, why: &str) {
        let mut standing = self.lock();
        if standing.epoch != epoch {
            return;
        }
        let served = std::mem::replace(&mut standing.serving, false);
        if served {
            standing.epoch += 1;
        }
        let news = standing.trouble.as_deref() != Some(why);
        standing.trouble = Some(why.to_owned());
        drop(standing);
        if served || news {
            tracing::warn!(token = self.id, "the token is out: {why}");
        }
        if served {
            self.left.notify_one();
        }
    }

    /// Notes what a failure says about the token.
    pub(crate) fn note(&self, epoch: u64, error: &TokenError) {
        if speaks_against_the_token(error) {
            self.leave(epoch, &error.to_string());
        }
    }

    /// A call begins.
    pub(crate) fn begin<'a>(&'a self, clock: &'a dyn Clock) -> InFlight<'a> {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        InFlight {
            member: self,
            clock,
            since: clock.moment(),
        }
    }

    /// Work that a new call would wait for, as far as the last ones tell.
    fn load(&self) -> u64 {
        let calls = self.outstanding.load(Ordering::Relaxed) as u64 + 1;
        calls.saturating_mul(self.latency.load(Ordering::Relaxed).max(1))
    }

    fn took(&self, micros: u64) {
        let next = |average: u64| {
            let smoothed = average - average / SMOOTHING + micros / SMOOTHING;
            Some(if micros > average { micros } else { smoothed })
        };
        let _ = self
            .latency
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// As GetHealthStatus reports it.
    pub(crate) fn instance(&self, worn: bool) -> Instance {
        let standing = self.lock();
        let model = match &standing.info {
            Some(info) => format!(
                "{} {}, firmware {}",
                info.model, info.hardware_version, info.firmware_version
            ),
            None => format!("{}, not seen yet", self.product),
        };
        let serving = standing.serving;
        let mut detail: Vec<String> = standing.info.iter().filter_map(sessions).collect();
        detail.extend(standing.trouble.clone().filter(|_| !serving));
        drop(standing);
        let state = self.token().map(|token| token.state());
        if let Some(State::Degraded(why)) = &state
            && serving
        {
            detail.push(why.to_string());
        }
        if worn {
            detail.push("a key comes near 2^32 encryptions: rotate it".to_owned());
        }
        let status = match state {
            Some(State::Active) if serving && !worn => HealthStatus::Active,
            Some(State::Active | State::Degraded(_)) if serving => HealthStatus::Degraded,
            _ => HealthStatus::Unavailable,
        };
        Instance {
            id: self.id.clone(),
            model,
            status,
            detail: (!detail.is_empty()).then(|| detail.join("; ")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many sessions of ours were open when it was looked at last, if it says.
fn sessions(info: &TokenInfo) -> Option<String> {
    let open = info.sessions?;
    Some(match info.max_sessions {
        Some(most) => format!("{open} of {most} sessions"),
        None => format!("{open} sessions"),
    })
}

/// A call under way; counts until dropped. One that nobody waited for to the end took at least as long
/// as somebody waited.
pub(crate) struct InFlight<'a> {
    member: &'a Member,
    clock: &'a dyn Clock,
    since: Moment,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.member.outstanding.fetch_sub(1, Ordering::Relaxed);
        let took = self.clock.moment().saturating_since(self.since);
        self.member
            .took(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// Whether another token would answer the same: such an answer is final.
pub(crate) const fn is_about_the_request(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::NotAuthentic | TokenError::TooLong { .. } | TokenError::NoRandomness
    )
}

/// Whether it is the key object that the token cannot use, and not the token that is ill.
pub(crate) const fn is_about_the_object(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::ObjectGone
            | TokenError::AnotherKey
            | TokenError::Ambiguous
            | TokenError::Unsuitable(_)
            | TokenError::Refused { .. }
    )
}

const fn speaks_against_the_token(error: &TokenError) -> bool {
    !is_about_the_request(error) && !is_about_the_object(error) && !matches!(error, TokenError::Busy)
}
