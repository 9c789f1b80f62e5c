//! One request from arrival to answer: the order of the checks.
//!
//! body cap (501) → path (404) → method (405) → sealed (400) → key store and listener (404) →
//! common name and signature (401) → body (400, 501) → key (404) → policy (403, 400) → key use.
//!
//! What is cheap and tells nothing comes first; nothing is parsed that was not signed; a caller
//! learns of a key only after authentication, and of its state only if policy welcomes them.

use std::sync::Arc;

use ambient::{Clock, Random, RandomUnavailable, Timestamp};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Response};
use listener::{BodyError, Deadline, Handler, Incoming};
use sigv4::{UnverifiedRequest, Verifier};
use warden::{Directory, KeyStore, Warden};
use xks_api::SizeLimits;
use xks_api::uri::{Target, parse_path, uri_is_too_long};

use crate::account::Account;
use crate::answer::{Answer, Refusal};
use crate::authenticate::{Authenticated, authenticate};
use crate::health_endpoints::Probe;
use crate::log::Quota;
use crate::metrics::Metrics;
use crate::operations;
use crate::secrets::Secrets;
use crate::{Settings, SettingsError};

/// The XKS Proxy API over one [`Warden`]. Serve it on any number of listeners.
pub struct Proxy {
    /// Absent while sealed.
    warden: ArcSwapOption<Warden>,
    /// Why it is sealed, if somebody said so.
    sealed_because: ArcSwapOption<String>,
    verifier: Verifier,
    pub(crate) secrets: Secrets,
    pub(crate) limits: SizeLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) unauthenticated_lines: Quota,
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is out of bounds.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

impl Proxy {
    /// A sealed proxy: it answers `InvalidStateException` until [`Proxy::unseal`].
    pub fn sealed(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, StartError> {
        settings.check()?;
        Ok(Self {
            warden: ArcSwapOption::empty(),
            sealed_because: ArcSwapOption::empty(),
            verifier: Verifier::new(random)?,
            secrets: Secrets::sealed(settings.hosts()),
            limits: settings.size_limits()?,
            clock,
            metrics: Metrics::default(),
            unauthenticated_lines: Quota::new(settings.max_unauthenticated_lines_per_second),
        })
    }

    /// A proxy that serves this warden's key stores.
    pub fn new(
        settings: &Settings,
        warden: Arc<Warden>,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, StartError> {
        let proxy = Self::sealed(settings, clock, random)?;
        proxy.unseal(warden);
        Ok(proxy)
    }

    /// Serves this warden's key stores from now on.
    pub fn unseal(&self, warden: Arc<Warden>) {
        self.secrets.unseal();
        self.warden.store(Some(warden));
    }

    /// Serves nobody from now on, and forgets every credential. Requests under way end by the
    /// warden's own rules.
    pub fn seal(&self) {
        self.warden.store(None);
        self.secrets.seal();
    }

    /// Says why it is sealed, or will be: to whoever asks for the details of `/readyz`.
    pub fn set_sealed_reason(&self, reason: &str) {
        self.sealed_because.store(Some(Arc::new(reason.to_owned())));
    }

    /// In the words of `/readyz`.
    pub(crate) fn sealed_reason(&self) -> String {
        match &*self.sealed_because.load() {
            Some(reason) => format!("sealed: {reason}"),
            None => "sealed".to_owned(),
        }
    }

    /// Takes over the host names of other settings, and nothing else of them.
    pub fn set_host_names(&self, settings: &Settings) -> Result<(), SettingsError> {
        settings.check()?;
        self.secrets.set_hosts(settings.hosts());
        Ok(())
    }

    /// The counters, e.g. for a metrics endpoint.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The warden, unless sealed.
    pub(crate) fn warden(&self) -> Option<Arc<Warden>> {
        self.warden.load_full()
    }

    /// Answers a request whose body has been read, or could not be.
    pub(crate) async fn answer(&self, head: Head<'_>, body: Result<Bytes, BodyError>) -> Response<Bytes> {
        let warden = self.warden();
        let mut account = Account::open(&head, self.clock.as_ref());
        let (answer, refusal) = match self.serve(warden.as_deref(), &head, body, &mut account).await {
            Ok(body) => (Answer::success(body), None),
            Err(refusal) => (refusal.answer(), Some(refusal)),
        };
        account.close(self, warden.as_deref(), &answer, refusal.as_ref());
        answer.into_response()
    }

    async fn serve<'h>(
        &self,
        warden: Option<&Warden>,
        head: &Head<'h>,
        body: Result<Bytes, BodyError>,
        account: &mut Account<'h>,
    ) -> Result<Bytes, Refusal> {
        let target = target_of(head);
        account.target = target.as_ref().ok().copied();
        let body = body.map_err(Refusal::Body)?;
        let target = target?;
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        let warden = warden.ok_or(Refusal::Sealed)?;
        let directory = warden.directory();
        let unknown = Refusal::Path("unknown-path-prefix");
        let key_store = directory.key_store(target.prefix).ok_or(unknown)?;
        account.key_store = Some(Arc::clone(key_store));
        // Where a key store is not served it does not exist: the same answer as for no prefix.
        if !key_store.is_served_on(head.listener) {
            return Err(Refusal::Path("not-on-this-listener"));
        }
        let now = self.clock.now();
        let authenticated = self.authenticate(&directory, key_store, head, body, now)?;
        account.times.auth = account.progress.lap();
        warden.note_use(authenticated.credential(), now);
        let (caller, body) = authenticated.into_caller(head.deadline.at, head.peer_text.map(Box::from));
        let caller = account.caller.insert(caller);
        let serving = operations::Serving {
            warden,
            limits: &self.limits,
            body: &body,
        };
        operations::run(&serving, target.resource, caller, &mut account.progress).await
    }

    fn authenticate(
        &self,
        directory: &Arc<Directory>,
        key_store: &Arc<KeyStore>,
        head: &Head<'_>,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Authenticated, Refusal> {
        // Answered like a wrong signature, so that it tells nothing beyond "not you".
        if !key_store.takes_common_name(head.common_name) {
            return Err(Refusal::CommonName);
        }
        let index = self.secrets.of(directory);
        authenticate(&self.verifier, &index, key_store, head.unverified(), body, now)
    }
}

impl Handler for Proxy {
    async fn handle(&self, mut incoming: Incoming) -> Response<Bytes> {
        if let Some(probe) = Probe::of(&incoming.method, incoming.path()) {
            return self.probe(probe, false);
        }
        // The size comes first, whoever sends: nobody makes us keep more than the limit.
        let body = incoming.read_body(self.limits.max_body_bytes()).await;
        let connection = Arc::clone(&incoming.connection);
        let head = Head {
            method: &incoming.method,
            path: incoming.path(),
            query: incoming.query(),
            headers: &incoming.headers,
            authority: incoming.authority(),
            listener: &connection.listener,
            peer_text: connection.peer_text.as_deref(),
            common_name: connection.client_common_name.as_deref(),
            deadline: incoming.deadline,
        };
        self.answer(head, body).await
    }
}

/// A request without its body, as it arrived.
#[derive(Clone, Copy)]
pub(crate) struct Head<'h> {
    pub(crate) method: &'h Method,
    pub(crate) path: &'h str,
    pub(crate) query: &'h str,
    pub(crate) headers: &'h HeaderMap,
    pub(crate) authority: Option<&'h str>,
    pub(crate) listener: &'h str,
    /// The client's address, without its port, which tells nothing.
    pub(crate) peer_text: Option<&'h str>,
    pub(crate) common_name: Option<&'h str>,
    pub(crate) deadline: Deadline,
}

impl<'h> Head<'h> {
    fn unverified(&self) -> UnverifiedRequest<'h> {
        UnverifiedRequest {
            method: self.method.as_str(),
            path: self.path,
            query: self.query,
            headers: self.headers,
            authority: self.authority,
        }
    }
}

/// What the path names. The URIs of the API have no query (XKS-AUTH-03) and at most 256 characters
/// (XKS-URI-03).
fn target_of<'h>(head: &Head<'h>) -> Result<Target<'h>, Refusal> {
    let target = parse_path(head.path).map_err(|_| Refusal::Path("not-an-xks-path"))?;
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    if uri_is_too_long(host.or(head.authority).unwrap_or_default(), head.path) {
        return Err(Refusal::Path("uri-too-long"));
    }
    if !head.query.is_empty() {
        return Err(Refusal::Path("query"));
    }
    Ok(target)
}
