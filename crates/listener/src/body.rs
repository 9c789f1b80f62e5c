//! Bodies: requests read up to a cap, answers written in one piece.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use crypto::SecretBytes;
use http_body::{Body, Frame, SizeHint};

use crate::activity::Activity;
use crate::exchange::Exchange;

/// Why a request's body could not be had. The connection ends with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than the cap.
    #[error("the request body is too large")]
    TooLarge,
    /// Not complete within the configured time.
    #[error("the request body did not arrive in time")]
    TimedOut,
    /// The client broke off, or its framing is wrong.
    #[error("the request body broke off")]
    Aborted,
    /// `body_bytes_in_flight` is reached.
    #[error("too many request bodies at a time")]
    Overloaded,
}

/// The first buffer for a body that comes in pieces; doubled as needed.
const FIRST_BUFFER: usize = 4_096;

/// What each connection has of its own for bodies, before `body_bytes_in_flight` is asked: else a
/// few hundred connections could take all of that, and those who send usual requests, of one or two
/// kilobytes, would be refused. Also as much as an announcement alone is believed.
pub(crate) const OWN_BYTES: usize = 8_192;

pub(crate) async fn read(
    body: &mut hyper::body::Incoming,
    cap: usize,
    activity: &Activity,
) -> Result<Bytes, BodyError> {
    let counters = &activity.common.counters;
    let result = read_counted(body, cap, activity).await;
    match &result {
        Ok(_) => {}
        Err(BodyError::TooLarge) => counters.refused_body.add(),
        Err(BodyError::TimedOut) => counters.timeout_body.add(),
        Err(BodyError::Aborted) => counters.aborted.add(),
        Err(BodyError::Overloaded) => counters.refused_body_in_flight.add(),
    }
    result
}

async fn read_counted(
    body: &mut hyper::body::Incoming,
    cap: usize,
    activity: &Activity,
) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > cap as u64 {
        return Err(BodyError::TooLarge);
    }
    // Most bodies are here already, behind their head: then no timer is made.
    match poll_once(body, cap).await {
        Poll::Ready(result) => match result? {
            None => Ok(Bytes::new()),
            Some(whole) if body.is_end_stream() => Ok(whole),
            Some(start) => in_time(collect(body, cap, start, activity), activity).await,
        },
        Poll::Pending => in_time(collect(body, cap, Bytes::new(), activity), activity).await,
    }
}

async fn in_time(
    work: impl Future<Output = Result<Bytes, BodyError>>,
    activity: &Activity,
) -> Result<Bytes, BodyError> {
    tokio::time::timeout(activity.limits.body, work)
        .await
        .unwrap_or(Err(BodyError::TimedOut))
}

type Chunk = Result<Option<Bytes>, BodyError>;

async fn poll_once(body: &mut hyper::body::Incoming, room: usize) -> Poll<Chunk> {
    poll_fn(|cx| Poll::Ready(poll_chunk(body, room, cx))).await
}

/// The next piece of data, at most `room` bytes of it; trailers are ignored.
fn poll_chunk(body: &mut hyper::body::Incoming, room: usize, cx: &mut Context<'_>) -> Poll<Chunk> {
    loop {
        let chunk = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(Ok(None)),
            Some(Err(_)) => return Poll::Ready(Err(BodyError::Aborted)),
            Some(Ok(frame)) => frame.into_data(),
        };
        match chunk {
            Ok(data) if data.len() > room => return Poll::Ready(Err(BodyError::TooLarge)),
            Ok(data) => return Poll::Ready(Ok(Some(data))),
            Err(_trailers) => {}
        }
    }
}

/// Copies pieces into a buffer of our own: a piece may be one byte and keep a whole read buffer
/// of hyper's alive.
async fn collect(
    body: &mut hyper::body::Incoming,
    cap: usize,
    start: Bytes,
    activity: &Activity,
) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(cap);
    let mut gathered = Gathered {
        buffer: SecretBytes::zeroed(0),
        len: 0,
        expected: start.len().saturating_add(announced).min(cap),
        own: 0,
        shared: 0,
        activity,
    };
    gathered.push(&start, cap)?;
    drop(start);
    loop {
        let room = cap.saturating_sub(gathered.len);
        match poll_fn(|cx| poll_chunk(body, room, cx)).await? {
            Some(data) => gathered.push(&data, cap)?,
            None => return Ok(gathered.into_bytes()),
        }
    }
}

/// A growing body whose buffers are wiped and counted against the connection's and the listener's
/// bounds.
struct Gathered<'c> {
    buffer: SecretBytes,
    len: usize,
    /// How long it will be, as far as is known.
    expected: usize,
    /// Of the buffer, what was taken from the connection's own bytes.
    own: usize,
    /// Of the buffer, what was taken from the listener's.
    shared: usize,
    activity: &'c Activity,
}

impl Gathered<'_> {
    fn push(&mut self, data: &[u8], cap: usize) -> Result<(), BodyError> {
        let end = self.len.saturating_add(data.len());
        if end > self.buffer.len() {
            self.grow(end, cap)?;
        }
        if let Some(free) = self.buffer.expose_mut().get_mut(self.len..end) {
            free.copy_from_slice(data);
        }
        self.len = end;
        Ok(())
    }

    fn grow(&mut self, needed: usize, cap: usize) -> Result<(), BodyError> {
        // To hold twice of what is there; less, if less was announced.
        let twice = needed.next_power_of_two().max(FIRST_BUFFER).min(cap.max(needed));
        let size = match self.expected {
            expected if expected >= needed => expected.min(twice.max(OWN_BYTES)),
            _ => twice,
        };
        self.reserve(size.saturating_sub(self.buffer.len()))?;
        let mut larger = SecretBytes::zeroed(size);
        if let Some(start) = larger.expose_mut().get_mut(..self.buffer.len()) {
            start.copy_from_slice(self.buffer.expose());
        }
        self.buffer = larger;
        Ok(())
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), BodyError> {
        let own = &self.activity.own_body_bytes;
        let before = own.fetch_add(bytes, Ordering::Relaxed);
        let taken = OWN_BYTES.saturating_sub(before).min(bytes);
        own.fetch_sub(bytes - taken, Ordering::Relaxed);
        self.own += taken;
        let rest = bytes - taken;
        if rest > 0 {
            let common = &self.activity.common;
            let bound = common.body_bytes_bound.load(Ordering::Relaxed);
            let before = common.body_bytes.fetch_add(rest, Ordering::Relaxed);
            self.shared += rest;
            if before.saturating_add(rest) > bound {
                return Err(BodyError::Overloaded);
            }
        }
        Ok(())
    }

    fn into_bytes(mut self) -> Bytes {
        let len = self.len;
        let buffer = std::mem::replace(&mut self.buffer, SecretBytes::zeroed(0));
        wiping(buffer).slice(..len)
    }
}

impl Drop for Gathered<'_> {
    /// Complete or given up: either way it is being collected no more.
    fn drop(&mut self) {
        self.activity
            .own_body_bytes
            .fetch_sub(self.own, Ordering::Relaxed);
        if self.shared > 0 {
            let listeners = &self.activity.common.body_bytes;
            listeners.fetch_sub(self.shared, Ordering::Relaxed);
        }
    }
}

/// An answer's body that is wiped once it has been written: for answers that carry plaintext.
pub fn wiping(secret: SecretBytes) -> Bytes {
    struct Exposed(SecretBytes);
    impl AsRef<[u8]> for Exposed {
        fn as_ref(&self) -> &[u8] {
            self.0.expose()
        }
    }
    Bytes::from_owner(Exposed(secret))
}

/// An answer's body: one piece. Dropped by hyper when taken, which ends the exchange.
pub(crate) struct Answer {
    data: Bytes,
    _exchange: Option<Exchange>,
}

impl Answer {
    pub(crate) const fn new(data: Bytes, exchange: Option<Exchange>) -> Self {
        Self {
            data,
            _exchange: exchange,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = std::mem::take(&mut self.data);
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.len() as u64)
    }
}
