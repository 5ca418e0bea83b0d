//! The control socket: who may reach it may ask. One line in, one line out, so many at once, each with a deadline.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::controller::{Answer, Request, request};

/// So many are heard at once; others wait.
const CLIENTS_MAX: usize = 16;
/// How long somebody may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    /// Who asks: the user of the process at the other end, as the kernel says.
    pub(super) by: String,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: UnixListener, asked: mpsc::Sender<Asked>) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                clients.spawn_local(async move {
                    // Nobody is left to tell when the client is gone.
                    let _ = client(stream, asked).await;
                    drop(place);
                });
            }
            // Too many descriptors, say: it passes, and must not spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn client(stream: UnixStream, asked: mpsc::Sender<Asked>) -> io::Result<()> {
    let by = match stream.peer_cred() {
        Ok(peer) => format!("uid {}", peer.uid()),
        Err(_) => "unknown".to_owned(),
    };
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let limit = request::REQUEST_BYTES_MAX as u64 + 1;
    let mut reader = BufReader::new(read.take(limit));
    timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await??;
    let answer = match Request::parse(line.trim_ascii_end()) {
        Err(message) => Answer::Refused { message },
        Ok(request) => {
            let (answer, answered) = oneshot::channel();
            let gone = || io::Error::other("the controller ends");
            asked.send(Asked { request, by, answer }).await.map_err(|_| gone())?;
            // Whoever waits may wait as long as looks take, each of which has a deadline.
            answered.await.map_err(|_| gone())?
        }
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timeout(PATIENCE, write.write_all(&line)).await??;
    timeout(PATIENCE, write.shutdown()).await?
}
