//! The account of one request: what becomes known of it on its way, and where that is reported at
//! its end: counters, audit log, request log.

use std::sync::Arc;

use ambient::{Clock, Moment};
use warden::{Caller, Failure, KeyId, KeyStore, RecordId, Released, Span, Stages, Warden};
use xks_api::Operation;
use xks_api::uri::{Resource, Target};

use crate::Proxy;
use crate::answer::{Answer, Refusal};
use crate::log::{self, Line, Times};
use crate::metrics::operation_label;
use crate::server::Head;

/// What is known of one request.
pub(crate) struct Account<'h> {
    listener: &'h str,
    peer: Option<&'h str>,
    arrived: Moment,
    pub(crate) target: Option<Target<'h>>,
    pub(crate) key_store: Option<Arc<KeyStore>>,
    /// Present once the signature was verified.
    pub(crate) caller: Option<Caller>,
    pub(crate) times: Times,
    pub(crate) progress: Progress<'h>,
}

/// What an operation adds.
pub(crate) struct Progress<'h> {
    clock: &'h dyn Clock,
    since: Moment,
    /// When the warden was done, if it was asked.
    ended: Option<Moment>,
    parse: u64,
    stages: Stages,
    key: Option<KeyId>,
    record: Option<RecordId>,
}

impl Progress<'_> {
    /// Microseconds since the last call.
    pub(crate) fn lap(&mut self) -> u64 {
        let now = self.clock.moment();
        let micros = micros(self.since, now);
        self.since = now;
        micros
    }

    /// The warden has released an answer, under this record.
    pub(crate) fn released<T>(&mut self, released: &Released<T>) {
        self.asked(Some(released.span()));
        self.stages = released.stages();
        self.key = Some(released.key().clone());
        self.record = Some(released.record());
    }

    /// The warden has not.
    pub(crate) fn failed(&mut self, failure: Failure) -> Refusal {
        self.asked(failure.span);
        self.stages = failure.stages;
        self.key = failure.key;
        Refusal::Warden(failure.kind)
    }

    /// The warden got the request once its body was read, and had it for so long.
    fn asked(&mut self, span: Option<Span>) {
        if let Some(span) = span {
            self.parse = self.parse.saturating_add(micros(self.since, span.began));
            self.ended = Some(span.ended);
        }
    }

    /// The body has been read, as a request that uses no key.
    pub(crate) fn parsed(&mut self) {
        self.parse = self.lap();
    }

    /// The end of the work, but for a microsecond.
    fn end(&self) -> Moment {
        self.ended.unwrap_or_else(|| self.clock.moment())
    }
}

impl<'h> Account<'h> {
    /// Begins when the body is there.
    pub(crate) fn open(head: &Head<'h>, clock: &'h dyn Clock) -> Self {
        let arrived = head.deadline.arrived;
        let now = clock.moment();
        Self {
            listener: head.listener,
            peer: head.peer_text,
            arrived,
            target: None,
            key_store: None,
            caller: None,
            times: Times {
                read: micros(arrived, now),
                ..Times::default()
            },
            progress: Progress {
                clock,
                since: now,
                ended: None,
                parse: 0,
                stages: Stages::default(),
                key: None,
                record: None,
            },
        }
    }

    /// Reports everywhere how it ended.
    pub(crate) fn close(
        mut self,
        proxy: &Proxy,
        warden: Option<&Warden>,
        answer: &Answer,
        refusal: Option<&Refusal>,
    ) {
        self.times.parse = self.progress.parse;
        self.times.stages(self.progress.stages);
        self.times.total = micros(self.arrived, self.progress.end());
        let operation = self.target.map(|target| target.operation());
        proxy.metrics.count(operation, answer.outcome, self.times.total);
        if let (Some(warden), Some(refusal)) = (warden, refusal) {
            self.tell(warden, refusal);
        }
        let level = log::level(answer.status());
        if log::is_enabled(level) {
            // Nobody can fill a disk with lines whom we do not know.
            if self.caller.is_some() || proxy.unauthenticated_lines.take(proxy.clock.now()) {
                self.line(answer.status(), refusal.map(Refusal::detail).as_deref())
                    .write(answer.outcome);
            } else {
                proxy.metrics.count_suppressed_line();
            }
        }
    }

    /// Tells the audit log of a refusal.
    fn tell(&self, warden: &Warden, refusal: &Refusal) {
        if !refusal.is_to_be_recorded() {
            return;
        }
        match &self.caller {
            Some(caller) => {
                let act = act(self.target.map(|target| target.operation()));
                warden.refuse_authenticated(caller, self.external_key(), act, refusal.name());
            }
            None => {
                warden.count_unauthenticated(self.key_store.as_ref().map(|store| &store.id), refusal.name());
            }
        }
    }

    fn external_key(&self) -> Option<&'h str> {
        match self.target?.resource {
            Resource::Key { external_key_id, .. } => Some(external_key_id),
            Resource::Health => None,
        }
    }

    fn line<'l>(&'l self, status: u16, reason: Option<&'l str>) -> Line<'l> {
        let evidence = self.caller.as_ref().map(|caller| &caller.evidence);
        Line {
            request_id: evidence.and_then(|evidence| evidence.request_id.as_deref()),
            operation: operation_label(self.target.map(|target| target.operation())),
            kms_operation: evidence.and_then(|evidence| evidence.operation.as_deref()),
            key_store: self.key_store.as_ref().map(|store| store.name.as_str()),
            external_key: self.external_key(),
            key: self.progress.key.as_ref().map(KeyId::as_str),
            credential: self
                .caller
                .as_ref()
                .map(|caller| &*caller.credential.access_key_id),
            principal: evidence.and_then(|evidence| evidence.principal.as_deref()),
            kms_key: evidence.and_then(|evidence| evidence.foreign_key.as_deref()),
            via_service: evidence.and_then(|evidence| evidence.via_service.as_deref()),
            source_vpc: evidence.and_then(|evidence| evidence.source_vpc.as_deref()),
            source_vpce: evidence.and_then(|evidence| evidence.source_vpce.as_deref()),
            listener: self.listener,
            peer: self.peer,
            record: self.progress.record,
            status,
            reason,
            times: self.times,
        }
    }
}

fn micros(from: Moment, to: Moment) -> u64 {
    to.saturating_since(from)
        .as_micros()
        .try_into()
        .unwrap_or(u64::MAX)
}

/// What the records call an operation, whoever refuses it.
const fn act(operation: Option<Operation>) -> &'static str {
    match operation {
        Some(Operation::GetKeyMetadata) => "describe",
        Some(Operation::Encrypt) => "encrypt",
        Some(Operation::Decrypt) => "decrypt",
        Some(Operation::GetHealthStatus) => "health",
        None => "unknown",
    }
}
