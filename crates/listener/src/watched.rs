//! A socket that tells its connection what passes through it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::Connection;

/// Wraps the stream that HTTP is spoken on (inside TLS). Notes arrivals and blocked output, and
/// on shutdown discards a bounded rest of the input: closing a socket with unread input would
/// reset it, and a client still sending might never see the refusal that was its answer.
pub(crate) struct Watched<T> {
    inner: T,
    connection: Arc<Connection>,
    /// Bytes that may still be discarded; known once output has ended.
    discard: Option<usize>,
}

impl<T> Watched<T> {
    pub(crate) const fn new(inner: T, connection: Arc<Connection>) -> Self {
        Self {
            inner,
            connection,
            discard: None,
        }
    }

    fn note<R>(&self, result: Poll<R>) -> Poll<R> {
        let activity = &self.connection.activity;
        if result.is_pending() {
            activity.output_blocked();
        } else {
            activity.output_moved();
        }
        result
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.connection.activity.bytes_arrived();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Watched<T> {
    fn poll_discard(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<()> {
        let mut space = [0; 2_048];
        while left > 0 && !self.connection.activity.has_lingered() {
            let mut buffer = ReadBuf::new(&mut space);
            let read = Pin::new(&mut self.inner).poll_read(cx, &mut buffer);
            let count = buffer.filled().len();
            left = left.saturating_sub(count);
            self.discard = Some(left);
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, data);
        self.note(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, data);
        self.note(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.note(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = match self.discard {
            Some(left) => left,
            None => {
                let unread = self.connection.activity.input_unread();
                let result = Pin::new(&mut self.inner).poll_shutdown(cx);
                ready!(self.note(result))?;
                if !unread {
                    return Poll::Ready(Ok(()));
                }
                self.connection.activity.lingering();
                self.connection.activity.limits.linger_bytes
            }
        };
        ready!(self.poll_discard(cx, left));
        Poll::Ready(Ok(()))
    }
}
