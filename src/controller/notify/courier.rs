//! Brings the messages of one sink to where they go, one after the other, on a thread of its own.
//!
//! One sink that is down delays no other. What could not be delivered waits, longer each time up to a bound, with full jitter;
//! a restart tries at once. A message that is too old, or that a receiver will never take, is given up and counted.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::message::Message;
use super::post::{self, Refusal};
use super::spool::{Spool, SpoolError};
use crate::config::{Address, Config, Sink, Via};
use crate::controller::signature::Key;
use crate::model::{Clock, Period};
use crate::probe::runner;

/// A message that is older is given up: what it says is long known, or over.
const AGE_MAX: Period = Period::from_seconds(3 * 86_400);
/// The most that is waited after the first failure; it doubles.
const WAIT_FIRST: Duration = Duration::from_secs(2);
/// The most that is ever waited.
const WAIT_MOST: Duration = Duration::from_mins(5);
/// How often the spool is looked at when nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long a program has.
const COMMAND_DEADLINE: Duration = Duration::from_secs(30);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// It did not arrive, and will be tried again.
    Failed,
    /// It was given up: the receiver will never take it, it is too old, or too many waited.
    Dropped,
}

impl Fate {
    /// The word of programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// Is told what became of each message: the name of the sink, what became of it, and for people why.
pub type Told = Arc<dyn Fn(&str, Fate, &str) + Send + Sync>;

/// The thread of one sink.
#[derive(Debug)]
pub struct Courier {
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// What a courier works with.
struct Work {
    name: String,
    sink: Sink,
    spool: Spool,
    clock: Arc<dyn Clock>,
    told: Told,
    runtime: tokio::runtime::Runtime,
}

impl Courier {
    /// Starts the courier of a sink. `folder` is that of the notifier.
    ///
    /// # Errors
    /// When its folder or its thread cannot be made.
    pub fn start(
        folder: &Path,
        name: &str,
        sink: Sink,
        clock: Arc<dyn Clock>,
        told: Told,
    ) -> Result<Self, SpoolError> {
        let place = super::Notifier::spool_of(folder, name);
        let spool = Spool::open(&place)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SpoolError::of_thread(&place, error))?;
        let work = Work { name: name.to_owned(), sink, spool, clock, told, runtime };
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("notify-{name}"));
        let thread = thread.spawn(move || work.run(&woken));
        let thread = thread.map_err(|error| SpoolError::of_thread(&place, error))?;
        Ok(Self { wake, thread })
    }

    /// Says that there may be something to bring.
    pub fn wake(&self) {
        // One that is awake, or was told already, will look.
        match self.wake.try_send(()) {
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }

    /// Ends all of them, each after the attempt that is under way, but waits no longer than `grace`. What is left is brought by
    /// the next run, and what was being brought perhaps once more.
    pub fn stop(couriers: Vec<Self>, grace: Duration) {
        let end = Instant::now() + grace;
        let threads: Vec<JoinHandle<()>> = couriers.into_iter().map(|one| one.thread).collect();
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Work {
    fn run(&self, woken: &Receiver<()>) {
        let mut failures = 0;
        loop {
            let wait = match self.bring(woken) {
                Brought::All => {
                    failures = 0;
                    LOOK_EVERY
                }
                Brought::Stopped => return,
                Brought::Failed => {
                    failures += 1;
                    wait_after(failures)
                }
            };
            // Nothing that happens shortens the wait after a failure: the receiver is down for that, too.
            let end = Instant::now() + wait;
            loop {
                let left = end.saturating_duration_since(Instant::now());
                match woken.recv_timeout(left) {
                    Ok(()) if failures == 0 => break,
                    Ok(()) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    /// Brings what waits, until something fails.
    fn bring(&self, woken: &Receiver<()>) -> Brought {
        let mut names = match self.spool.names() {
            Ok(names) => names,
            Err(error) => return self.failed(&error.to_string()),
        };
        match self.spool.trim(&mut names) {
            Ok(over) => {
                for _ in 0..over {
                    (self.told)(&self.name, Fate::Dropped, "too many wait");
                }
            }
            Err(error) => return self.failed(&error.to_string()),
        }
        for name in names {
            let message = match self.spool.get(&name) {
                Ok(message) => message,
                Err(error) => return self.failed(&error.to_string()),
            };
            let fate = match message {
                None => Err(Refusal::Never("it is no message of this version".to_owned())),
                Some(message) if message.at.after(AGE_MAX) < self.clock.now() => {
                    Err(Refusal::Never(format!("it is older than {AGE_MAX}")))
                }
                Some(message) => self.deliver(&message),
            };
            let (fate, why) = match fate {
                Ok(()) => (Fate::Delivered, String::new()),
                Err(Refusal::Never(why)) => (Fate::Dropped, why),
                Err(Refusal::Later(why)) => return self.failed(&why),
            };
            if let Err(error) = self.spool.remove(&name) {
                // It is brought again then, under the same id.
                return self.failed(&error.to_string());
            }
            (self.told)(&self.name, fate, &why);
            if matches!(woken.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)) {
                return Brought::Stopped;
            }
        }
        Brought::All
    }

    fn failed(&self, why: &str) -> Brought {
        (self.told)(&self.name, Fate::Failed, why);
        Brought::Failed
    }

    fn deliver(&self, message: &Message) -> Result<(), Refusal> {
        match &self.sink.via {
            Via::Webhook { url, secret_file, ca_file } => {
                let body = message.cloud_event().to_string().into_bytes();
                let mut headers = vec![(
                    "content-type",
                    "application/cloudevents+json; charset=utf-8".to_owned(),
                )];
                let timestamp = self.clock.now().unix_seconds().to_string();
                headers.push(("webhook-id", message.id.clone()));
                headers.push(("webhook-timestamp", timestamp.clone()));
                if let Some(file) = secret_file {
                    // Read at each attempt: a secret that is replaced takes effect at once.
                    let key = key(file).map_err(Refusal::Later)?;
                    headers.push(("webhook-signature", key.sign(&message.id, &timestamp, &body)));
                }
                self.runtime.block_on(post::post(url, ca_file.as_deref(), &headers, body))
            }
            Via::Slack { url_file } => {
                let url = Config::secret(url_file).map_err(|e| Refusal::Later(e.to_string()))?;
                let url: Address = url
                    .parse()
                    .map_err(|error| Refusal::Later(format!("{}: {error}", url_file.display())))?;
                let headers = [("content-type", "application/json; charset=utf-8".to_owned())];
                let body = message.slack().to_string().into_bytes();
                self.runtime.block_on(post::post(&url, None, &headers, body))
            }
            Via::Command { words } => {
                let mut input = message.cloud_event().to_string().into_bytes();
                input.push(b'\n');
                runner::feed(words, input, COMMAND_DEADLINE).map_err(Refusal::Later)
            }
        }
    }
}

/// How a round ended.
enum Brought {
    All,
    Failed,
    Stopped,
}

/// The secret of a file.
pub(in crate::controller) fn key(file: &Path) -> Result<Key, String> {
    let text = Config::secret(file).map_err(|error| error.to_string())?;
    Key::parse(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Anything up to twice as long as after the failure before.
fn wait_after(failures: u32) -> Duration {
    let most = WAIT_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(WAIT_MOST);
    let mut random = [0; 4];
    // Without random bytes it waits the longest.
    let share = match rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()) {
        Ok(4) => f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX),
        _ => 1.0,
    };
    most.mul_f64(share).max(Duration::from_millis(200))
}
