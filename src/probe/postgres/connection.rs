//! A connection: its bytes, who carries them, and how it is ended in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::line::{Line, late};
use super::settings::{Binding, Place, Settings, Tls};
use super::stream::{Budget, Metered, connect};
use super::{Limits, Session, failure, tls};
use crate::model::display::escape;
use crate::model::{Reason, Unknown};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// What the server's own lists call the two.
const OBSERVER: &str = "countersign-observer";
const EXECUTOR: &str = "countersign-executor";
const PROVER: &str = "countersign-prover";

/// An open connection. Dropping it gives the task a moment to end it in order.
#[derive(Debug)]
pub struct Connection {
    pub(super) client: Arc<Client>,
    pub(super) budget: Budget,
    task: JoinHandle<()>,
    goodbye: oneshot::Sender<()>,
}

impl Connection {
    /// Connects to look.
    pub(super) async fn to_look(settings: &Settings, limits: Limits) -> Result<Self, Unknown> {
        Self::open(settings, limits, OBSERVER).await
    }

    /// Connects to change something, which only the executor does.
    ///
    /// # Errors
    /// Why there is no connection, within `limits.connect`.
    pub async fn to_change(settings: &Settings, limits: Limits) -> Result<Self, Unknown> {
        let opened = tokio::time::timeout(limits.connect, Self::open(settings, limits, EXECUTOR));
        opened.await.unwrap_or_else(|_| Err(late("no session", limits.connect)))
    }

    /// Connects to do something that is rolled back, which only a proof does. Such a connection is used once.
    ///
    /// # Errors
    /// Why there is no connection, within `limits.connect`.
    pub async fn to_prove(settings: &Settings, limits: Limits) -> Result<Self, Unknown> {
        let opened = tokio::time::timeout(limits.connect, Self::open(settings, limits, PROVER));
        opened.await.unwrap_or_else(|_| Err(late("no session", limits.connect)))
    }

    async fn open(settings: &Settings, limits: Limits, name: &str) -> Result<Self, Unknown> {
        let wanted = settings.tls.clone();
        let config = tokio::task::spawn_blocking(move || tls::client_config(&wanted)).await;
        let config = config
            .map_err(|e| Unknown::new(Reason::IoError, format!("TLS cannot be set up: {e}")))??;
        let server = match &settings.place {
            Place::Socket(_) => "localhost",
            Place::Host { name, .. } => name,
        };
        let mut tls = MakeRustlsConnect::new(config);
        let tls =
            <MakeRustlsConnect as MakeTlsConnect<Metered>>::make_tls_connect(&mut tls, server)
                .map_err(|e| Unknown::new(Reason::NotConfigured, format!("host name: {e}")))?;
        let budget = Budget::default();
        budget.refill(limits.bytes_max);
        let stream =
            connect(settings, budget.clone()).await.map_err(|e| unreachable(settings, &e))?;
        let connected = postgres_config(settings, name).connect_raw(stream, tls).await;
        let (client, connection) = connected.map_err(|e| failure::unknown(&e))?;
        let (goodbye, said) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            tokio::pin!(connection);
            tokio::select! {
                _ = &mut connection => {}
                _ = said => {
                    let _ = tokio::time::timeout(GOODBYE, connection).await;
                }
            }
        });
        Ok(Self { client: Arc::new(client), budget, task, goodbye })
    }

    /// What statements are sent with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Lets the server send as much as a question may be answered with, whatever it sent before.
    pub fn refill(&self, limits: Limits) {
        self.budget.refill(limits.bytes_max);
    }

    /// A session that looks through the transaction which is open on this connection, and sees what that has changed. It
    /// neither ends nor renews the transaction.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn within(&self, limits: Limits) -> Result<Session, Unknown> {
        let line = Line::within(Arc::clone(&self.client), self.budget.clone(), limits);
        Session::on(line).await
    }

    pub(super) fn abort(&self) {
        self.task.abort();
    }

    /// Rolls back whatever is open, and says goodbye.
    pub async fn close(self) {
        let Self { client, task, goodbye, .. } = self;
        let _ = tokio::time::timeout(GOODBYE, client.batch_execute("ROLLBACK")).await;
        drop((client, goodbye));
        let _ = task.await;
    }
}

fn postgres_config(settings: &Settings, name: &str) -> Config {
    let mut config = Config::new();
    config.user(&settings.user).dbname(&settings.database);
    config.application_name(name);
    if let Some(password) = &settings.password {
        config.password(password.expose());
    }
    config.ssl_mode(match settings.tls {
        Tls::Disable => SslMode::Disable,
        Tls::Prefer => SslMode::Prefer,
        Tls::Require | Tls::VerifyCa(_) | Tls::VerifyFull(_) => SslMode::Require,
    });
    config.channel_binding(match settings.binding {
        Binding::Disable => ChannelBinding::Disable,
        Binding::Prefer => ChannelBinding::Prefer,
        Binding::Require => ChannelBinding::Require,
    });
    config
}

fn unreachable(settings: &Settings, error: &std::io::Error) -> Unknown {
    let place = match &settings.place {
        Place::Socket(folder) => format!("{}/.s.PGSQL.{}", folder.display(), settings.port),
        Place::Host { name, .. } => format!("{name}:{}", settings.port),
    };
    let text = format!("no connection to {place}: {error}");
    Unknown::new(Reason::Unreachable, escape(&text))
}
