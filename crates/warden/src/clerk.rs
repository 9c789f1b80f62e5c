//! Writes the records: what they say, as JSON, and the wait until they are durable.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use ambient::Clock;
use audit::{AppendRefused, Health, Log, Pending, Receipt};
use key_manager::{KeyId, ManagerId};
use policy::Act;
use serde::Serialize;
use tokio::sync::Notify;

use crate::FailureKind;
use crate::change::{Change, ChangeId};
use crate::evidence::Caller;
use crate::json::Object;
use crate::manage::Author;
use crate::refusals::CountedUnder;

/// Who asked, through what.
#[derive(Clone, Copy)]
struct Who<'a> {
    key_store: &'a str,
    access_key_id: &'a str,
    external_key: Option<&'a str>,
    request_id: Option<&'a str>,
    operation: Option<&'a str>,
    principal: Option<&'a str>,
    foreign_key: Option<&'a str>,
    via_service: Option<&'a str>,
    source_vpc: Option<&'a str>,
    source_vpce: Option<&'a str>,
    peer: Option<&'a str>,
    /// The caller's texts did not fit into a record and were cut.
    shortened: bool,
}

/// To how many bytes each text of a caller is cut if all of them do not fit into a record; even if
/// every byte needs six in JSON, all of them do then.
const SHORTENED: usize = 512;

impl<'a> Who<'a> {
    /// The caller's own texts are as long as the front lets them be, and no key may be used
    /// without a record because of that.
    fn shortened(self) -> Self {
        let cut = |text: Option<&'a str>| {
            let text = text?;
            text.get(..text.floor_char_boundary(SHORTENED))
        };
        Self {
            external_key: cut(self.external_key),
            request_id: cut(self.request_id),
            operation: cut(self.operation),
            principal: cut(self.principal),
            foreign_key: cut(self.foreign_key),
            via_service: cut(self.via_service),
            source_vpc: cut(self.source_vpc),
            source_vpce: cut(self.source_vpce),
            peer: cut(self.peer),
            shortened: true,
            ..self
        }
    }

    fn write(&self, object: &mut Object<'_>) {
        object.text("key_store", self.key_store);
        object.text("access_key_id", self.access_key_id);
        object.optional("external_key", self.external_key);
        object.optional("request_id", self.request_id);
        object.optional("operation", self.operation);
        object.optional("principal", self.principal);
        object.optional("foreign_key", self.foreign_key);
        object.optional("via_service", self.via_service);
        object.optional("source_vpc", self.source_vpc);
        object.optional("source_vpce", self.source_vpce);
        object.optional("peer", self.peer);
        if self.shortened {
            object.truth("shortened");
        }
    }

    fn of(caller: &'a Caller, external_key: Option<&'a str>) -> Self {
        let evidence = &caller.evidence;
        Self {
            key_store: caller.key_store.id.as_str(),
            access_key_id: &caller.credential.access_key_id,
            external_key,
            request_id: evidence.request_id.as_deref(),
            operation: evidence.operation.as_deref(),
            principal: evidence.principal.as_deref(),
            foreign_key: evidence.foreign_key.as_deref(),
            via_service: evidence.via_service.as_deref(),
            source_vpc: evidence.source_vpc.as_deref(),
            source_vpce: evidence.source_vpce.as_deref(),
            peer: evidence.peer.as_deref(),
            shortened: false,
        }
    }
}

#[derive(Serialize)]
struct Counted<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    refusals: Vec<CountedLine<'a>>,
}

#[derive(Serialize)]
struct CountedLine<'a> {
    key_store: Option<&'a str>,
    authenticated: bool,
    reason: &'static str,
    count: u64,
}

/// The first half of an administrative act. The generation is the store's before it.
#[derive(Serialize)]
struct Intent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    change_id: &'a ChangeId,
    actor: &'a Author,
    generation: u64,
    change: &'a Change,
}

/// The second half. The generation is the store's after it.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    change_id: &'a ChangeId,
    result: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    generation: u64,
}

#[derive(Serialize)]
struct Started<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    software: &'a str,
    generation: u64,
}

/// How the use of a key ended, for its record.
#[derive(Clone, Copy)]
pub(crate) enum UseOutcome {
    /// The answer may have left.
    Computed,
    /// Nothing was computed, or it was thrown away; the constant name of the reason.
    Failed(&'static str),
    /// The request ended before the key manager did. No answer left.
    Abandoned,
}

/// Writes records into the log.
pub(crate) struct Clerk {
    pub(crate) log: Arc<Log>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Told when the log's writer has to be woken.
    pub(crate) kick: Arc<Notify>,
}

thread_local! {
    /// Where the records of requests are written before they are copied into the log's batch.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Clerk {
    pub(crate) fn key_used(
        &self,
        caller: &Caller,
        external_key: &str,
        used: (Act, &KeyId, &ManagerId),
        outcome: UseOutcome,
    ) -> Result<Pending, FailureKind> {
        let (act, key, manager) = used;
        let (outcome, error) = match outcome {
            UseOutcome::Computed => ("computed", None),
            UseOutcome::Failed(error) => ("failed", Some(error)),
            UseOutcome::Abandoned => ("abandoned", None),
        };
        self.of_caller("key-use", Who::of(caller, Some(external_key)), |object| {
            object.text("act", act.as_str());
            object.text("outcome", outcome);
            object.optional("error", error);
            object.text("key", key.as_str());
            object.text("key_manager", manager.as_str());
        })
    }

    /// An authenticated caller was refused before a key was used.
    pub(crate) fn refused(
        &self,
        caller: &Caller,
        external_key: Option<&str>,
        act: &str,
        error: &str,
    ) -> Result<Pending, FailureKind> {
        self.of_caller("refusal", Who::of(caller, external_key), |object| {
            object.text("act", act);
            object.text("error", error);
        })
    }

    /// Writes a record of a caller's request: `what`, then who asked. What they say of themselves
    /// is cut if it does not fit.
    fn of_caller(
        &self,
        kind: &str,
        who: Who<'_>,
        what: impl Fn(&mut Object<'_>),
    ) -> Result<Pending, FailureKind> {
        let write = |who: &Who<'_>| {
            BUFFER.with_borrow_mut(|buffer| {
                let mut object = Object::begin(buffer, kind);
                what(&mut object);
                who.write(&mut object);
                self.append_soon(object.end())
            })
        };
        match write(&who) {
            Err(FailureKind::TooLarge) => write(&who.shortened()),
            done => done,
        }
    }

    pub(crate) fn counted(&self, counts: &HashMap<CountedUnder, u64>) -> Result<Pending, FailureKind> {
        let mut refusals: Vec<_> = counts
            .iter()
            .map(|(under, count)| CountedLine {
                key_store: under.key_store.as_ref().map(crate::KeyStoreId::as_str),
                authenticated: under.authenticated,
                reason: under.reason,
                count: *count,
            })
            .collect();
        refusals.sort_by_key(|line| (line.key_store, line.reason));
        self.append(&Counted {
            kind: "refusals-counted",
            refusals,
        })
    }

    pub(crate) fn intent(
        &self,
        id: &ChangeId,
        author: &Author,
        change: &Change,
        generation: u64,
    ) -> Result<Pending, FailureKind> {
        self.append(&Intent {
            kind: "intent",
            change_id: id,
            actor: author,
            generation,
            change,
        })
    }

    pub(crate) fn outcome(
        &self,
        id: &ChangeId,
        result: &str,
        error: Option<&str>,
        generation: u64,
    ) -> Result<Pending, FailureKind> {
        self.append(&Outcome {
            kind: "outcome",
            change_id: id,
            result,
            error,
            generation,
        })
    }

    pub(crate) fn started(&self, generation: u64) -> Result<Pending, FailureKind> {
        let software = concat!("strongroom ", env!("CARGO_PKG_VERSION"));
        self.append(&Started {
            kind: "started",
            software,
            generation,
        })
    }

    /// Whether records become durable now.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(self.log.state().health, Health::Writing | Health::Stalled { .. })
    }

    fn append(&self, record: &impl Serialize) -> Result<Pending, FailureKind> {
        let mut json = Vec::with_capacity(768);
        serde_json::to_writer(&mut json, record)
            .map_err(|error| FailureKind::LogUnavailable(error.to_string()))?;
        self.log.append(&json).map_err(refusal)
    }

    /// Appends and leaves the waking of the log's writer to the kicker: so the records of all
    /// requests that are ready share one sync.
    fn append_soon(&self, json: &[u8]) -> Result<Pending, FailureKind> {
        let (pending, first) = self.log.append_quietly(json).map_err(refusal)?;
        if first {
            self.kick.notify_one();
        }
        Ok(pending)
    }

    /// Wakes the log's writer once no request adds a record any more, or the log's pace is over; for
    /// as long as the log is there. A round of the runtime without a new record tells. So at 64
    /// connections a batch takes nearly all of them, not a quarter.
    pub(crate) async fn kick(log: Weak<Log>, kick: Arc<Notify>, clock: Arc<dyn Clock>) {
        loop {
            kick.notified().await;
            let began = clock.moment();
            let mut before = log.upgrade().map(|log| log.accepted());
            loop {
                round().await;
                let Some(log) = log.upgrade() else { return };
                let accepted = Some(log.accepted());
                if accepted == before || clock.moment().saturating_since(began) >= log.pace() {
                    log.wake();
                    break;
                }
                before = accepted;
            }
        }
    }
}

/// One round of the runtime: what was ready has run, and so has what has since arrived on sockets.
async fn round() {
    // Ends after the runtime has looked at its sockets, but before it serves them.
    tokio::task::yield_now().await;
    // Hence once more to the end of the queue.
    let mut queued = false;
    poll_fn(|context| {
        if std::mem::replace(&mut queued, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn refusal(refused: AppendRefused) -> FailureKind {
    match refused {
        AppendRefused::Full => FailureKind::Overloaded("the log's queue is full"),
        AppendRefused::TooLarge => FailureKind::TooLarge,
        other => FailureKind::LogUnavailable(other.to_string()),
    }
}

/// Waits until a record is durable; for administration, which has no deadline of milliseconds.
pub(crate) async fn durable(pending: Result<Pending, FailureKind>) -> Result<Receipt, FailureKind> {
    pending?
        .await
        .map_err(|lost| FailureKind::LogUnavailable(lost.to_string()))
}
