//! The bytes under a session: a socket whose incoming bytes are counted, so that no answer can fill the memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::settings::{Place, Settings};
use crate::probe::deeds;

/// How many bytes the server may still send for the present question.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    pub(super) fn refill(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

pub(super) struct Metered {
    inner: Box<dyn Duplex>,
    budget: Budget,
}

/// Connects to where the settings say; the caller holds the deadline.
pub(super) async fn connect(settings: &Settings, budget: Budget) -> io::Result<Metered> {
    let inner: Box<dyn Duplex> = match &settings.place {
        Place::Socket(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{}", settings.port));
            Box::new(UnixStream::connect(socket).await?)
        }
        Place::Host { name, address } => {
            let stream = match address {
                Some(address) => TcpStream::connect((*address, settings.port)).await?,
                None => TcpStream::connect((name.as_str(), settings.port)).await?,
            };
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    deeds::connected(settings);
    Ok(Metered { inner, budget })
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.budget.is_spent() {
            return Poll::Ready(Err(io::Error::other("the answer is larger than the limit")));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let read = u64::try_from(buf.filled().len() - before).unwrap_or(u64::MAX);
        let left = self.budget.0.load(Ordering::Relaxed).saturating_sub(read);
        self.budget.0.store(left, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
