//! `/metrics`, `/healthz` and `/readyz`, and the receiver of wake-ups: HTTP/1.1 on a loopback address or a unix socket.
//!
//! One request a connection, a bounded number of connections, a bound on every size and a deadline on everything: nobody who
//! calls can hold up the controller, and nobody learns a value of the host here.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::condition::{ConditionType, Is};
use super::metrics::{CONTENT_TYPE, Metrics};
use super::webhook_in::Receiver;
use super::{Status, Why};
use crate::config::Listen;
use crate::model::{Clock, Timestamp};
use crate::probe::http::Stream;

/// How long one request may take, from the first byte to the last.
const DEADLINE: Duration = Duration::from_secs(10);
/// The most connections at a time; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 32;
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The status as it is now; none before there is one.
pub type Current = Arc<dyn Fn() -> Option<Status> + Send + Sync>;

/// What is answered.
#[derive(Clone)]
pub enum Answers {
    /// Metrics and health.
    Metrics {
        /// What was counted.
        metrics: Arc<Metrics>,
        /// The status.
        current: Current,
        /// What time it is.
        clock: Arc<dyn Clock>,
    },
    /// Wake-ups.
    Webhook(Arc<Receiver>),
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metrics { .. } => "Metrics",
            Self::Webhook(_) => "Webhook",
        })
    }
}

/// A place where somebody can call.
#[derive(Debug)]
pub enum Listener {
    /// A loopback address.
    Loopback(TcpListener),
    /// A unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Begins to listen. A socket that an earlier run left is taken away first; whatever else stands there is not.
    ///
    /// # Errors
    /// When the address is taken or the socket cannot be made.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Loopback(address) => Ok(Self::Loopback(TcpListener::bind(address).await?)),
            Listen::Unix(path) => {
                clear(path)?;
                Ok(Self::Unix(UnixListener::bind(path)?))
            }
        }
    }

    /// The port, of a loopback address.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Loopback(listener) => listener.local_addr().ok().map(|address| address.port()),
            Self::Unix(_) => None,
        }
    }

    /// Answers until it is dropped.
    pub async fn serve(self, answers: Answers) -> Infallible {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
                std::future::pending().await
            };
            let answers = answers.clone();
            let accepted = match &self {
                Self::Loopback(listener) => listener.accept().await.map(|(stream, _)| {
                    tokio::spawn(async move { with(permit, stream, answers).await })
                }),
                Self::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    tokio::spawn(async move { with(permit, stream, answers).await })
                }),
            };
            if accepted.is_err() {
                // Out of descriptors, say: it is no use to ask again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Takes away the socket of an earlier run, which nobody answers any more.
#[expect(
    clippy::disallowed_methods,
    reason = "a socket of this program's own, which nobody listens on"
)]
fn clear(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "somebody answers there already",
                ));
            }
            std::fs::remove_file(path)
        }
        // What is no socket is not ours: binding says that something stands there.
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn with<T, P>(permit: P, stream: T, answers: Answers)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answer(&answers, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).max_buf_size(HEAD_BYTES_MAX.max(8192)).half_close(false);
    let answering = builder.serve_connection(Stream(stream), service);
    // Whoever calls and says nothing, or breaks off, is nobody's business.
    let _ = tokio::time::timeout(DEADLINE, answering).await;
    drop(permit);
}

async fn answer(answers: &Answers, request: Request<Incoming>) -> Response<Full<Bytes>> {
    match answers {
        Answers::Webhook(receiver) => {
            let (status, said) = receiver.receive(request).await;
            response(status, "text/plain; charset=utf-8", said.to_owned())
        }
        Answers::Metrics { metrics, current, clock } => {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                let said = "only GET\n".to_owned();
                return response(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", said);
            }
            let now = clock.now();
            let (status, kind, said) = match request.uri().path() {
                "/metrics" => (StatusCode::OK, CONTENT_TYPE, metrics.text(current().as_ref(), now)),
                // That it answers is the answer.
                "/healthz" => (StatusCode::OK, "text/plain; charset=utf-8", "alive\n".to_owned()),
                "/readyz" => ready(current(), now),
                _ => (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "not found\n".to_owned()),
            };
            response(status, kind, said)
        }
    }
}

/// Is there desired state in force, and a look at everything that is young enough? What was found is not asked: drift is no
/// fault of the controller.
fn ready(status: Option<Status>, now: Timestamp) -> (StatusCode, &'static str, String) {
    let why = status.map(|status| status.as_of(now)).map_or(Some("NotYet".to_owned()), |status| {
        let hinders = |kind| {
            let condition = status.condition(kind)?;
            let stale = matches!(condition.reason, Why::TooOld | Why::NotYet);
            (condition.status != Is::True && stale).then(|| format!("{:?}", condition.reason))
        };
        let stalled = status.condition(ConditionType::Stalled);
        let stalled = stalled.filter(|c| c.status == Is::True).map(|c| format!("{:?}", c.reason));
        stalled.or_else(|| hinders(ConditionType::ObservationComplete))
    });
    match why {
        None => (StatusCode::OK, "text/plain; charset=utf-8", "ready\n".to_owned()),
        Some(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "text/plain; charset=utf-8",
            format!("not ready: {why}\n"),
        ),
    }
}

fn response(status: StatusCode, kind: &str, said: String) -> Response<Full<Bytes>> {
    let built = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("cache-control", "no-store")
        .header("x-content-type-options", "nosniff")
        .body(Full::new(Bytes::from(said)));
    built.unwrap_or_default()
}
