//! From one configuration to the next, without a restart: whatever can fail is made ready before anything old ends, so that one
//! that cannot be followed changes nothing.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use tokio::task::JoinHandle;

use super::{Outside, Sent, chain, notes, reach};
use crate::cli::error::Failure;
use crate::cli::exit;
use crate::config::{Config, Listen, Sink, WebhookIn};
use crate::controller::endpoint::{Answers, Listener};
use crate::controller::log::Level;
use crate::controller::notify::courier::{Courier, Fate, Told};
use crate::controller::signature::Key;
use crate::controller::webhook_in::Receiver;
use crate::controller::written::Schedules;
use crate::model::{Clock, SystemClock, shown_path};

/// A place where somebody may call, for as long as this is there.
pub(super) struct Served {
    listen: Listen,
    task: JoinHandle<()>,
    /// Of wake-ups.
    receiver: Option<Arc<Receiver>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a configuration asks for and the one before did not.
pub(super) struct Ready {
    metrics: Option<Served>,
    webhook: Option<Served>,
    /// The secret of wake-ups, read anew.
    key: Option<Key>,
    couriers: Vec<(String, Sent)>,
    schedules: Schedules,
}

impl Outside {
    /// Follows another configuration, or says why that cannot be done and stays with the one before. Answers which sections
    /// count after a restart.
    pub(in crate::cli::watch) async fn reload(
        &mut self,
        config: &Config,
    ) -> Result<Vec<&'static str>, Failure> {
        self.admit(config)?;
        let ready = self.make_ready(config).await?;
        self.follow(ready, config);
        let later = [
            ("[log]", self.begun.log != config.outward.log),
            ("[confine]", self.begun.confine != config.outward.confine),
        ];
        let later = later.into_iter().filter_map(|(section, other)| other.then_some(section));
        let later: Vec<&str> = later.collect();
        for section in &later {
            self.log.warn("a changed section counts after a restart", &[("section", section)]);
        }
        Ok(later)
    }

    /// Could this configuration be followed by a process that confined itself to the one it began with?
    fn admit(&self, config: &Config) -> Result<(), Failure> {
        let refused = |what: String| Err(Failure::new(exit::CONFIG, format!("{what}: restart it")));
        for (key, begun, now) in [
            ("data", &self.begun.data, &config.data.value),
            ("root", &self.begun.root, &config.root.value),
        ] {
            if begun != now {
                return refused(format!("`{key}` is what this process began with"));
            }
        }
        let beyond = self.begun.reach.beyond(&reach(config));
        match beyond.filter(|_| self.begun.confinement.level > 0) {
            Some(path) => {
                let path = shown_path(&path);
                refused(format!(
                    "the new configuration goes to {path}, which this process has closed to itself"
                ))
            }
            None => Ok(()),
        }
    }

    /// Begins what is new.
    pub(super) async fn make_ready(&self, config: &Config) -> Result<Ready, Failure> {
        let outward = &config.outward;
        let schedules =
            Schedules::new(&outward.schedule).map_err(|e| Failure::of(exit::CONFIG, &e))?;
        let is_at = |served: Option<&Served>, listen: &Listen| {
            served.is_some_and(|served| served.listen == *listen)
        };
        let key = outward.webhook.as_ref().map(key).transpose()?;
        let metrics = match &outward.metrics {
            Some(listen) if !is_at(self.metrics_at.as_ref(), listen) => {
                Some(serve(listen, self.answers(), None).await?)
            }
            _ => None,
        };
        let webhook = match (&outward.webhook, &key) {
            (Some(section), Some(key)) if !is_at(self.webhook_at.as_ref(), &section.listen) => {
                let receiver = Arc::new(self.receiver(key.clone()));
                let answers = Answers::Webhook(Arc::clone(&receiver));
                Some(serve(&section.listen, answers, Some(receiver)).await?)
            }
            _ => None,
        };
        let mut couriers = Vec::new();
        for (name, sink) in &outward.notify.sinks {
            if self.couriers.get(name).is_none_or(|sent| sent.sink != *sink) {
                let courier = self.courier(&notes(config), name, sink)?;
                couriers.push((name.clone(), Sent { sink: sink.clone(), courier }));
            }
        }
        Ok(Ready { metrics, webhook, key, couriers, schedules })
    }

    /// Goes on with what is new, and ends what is not asked for any more. A courier ends after the message that it brings.
    pub(super) fn follow(&mut self, ready: Ready, config: &Config) {
        let outward = &config.outward;
        if ready.metrics.is_some() || outward.metrics.is_none() {
            self.metrics_at = ready.metrics;
        }
        if ready.webhook.is_some() || outward.webhook.is_none() {
            self.webhook_at = ready.webhook;
        }
        let receiver = self.webhook_at.as_ref().and_then(|served| served.receiver.as_ref());
        if let (Some(receiver), Some(key)) = (receiver, ready.key) {
            receiver.rekey(key);
        }
        self.couriers.retain(|name, _| outward.notify.sinks.contains_key(name));
        self.couriers.extend(ready.couriers);
        self.notifier.retune(&outward.notify);
        self.schedules = ready.schedules;
    }

    fn answers(&self) -> Answers {
        let current = Arc::clone(&self.current);
        let current = move || current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (metrics, clock) = (Arc::clone(&self.metrics), Arc::new(SystemClock));
        Answers::Metrics { metrics, current: Arc::new(current), clock }
    }

    fn receiver(&self, key: Key) -> Receiver {
        let woken = Arc::clone(&self.woken);
        let wake = Arc::new(move || woken.notify_one());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Receiver::new(key, wake, clock, Arc::clone(&self.metrics))
    }

    /// Starts the courier of a sink.
    fn courier(&self, folder: &Path, name: &str, sink: &Sink) -> Result<Courier, Failure> {
        let (log, metrics) = (Arc::clone(&self.log), Arc::clone(&self.metrics));
        let told: Told = Arc::new(move |sink, fate, why| {
            metrics.count("countersign_notifications", &[sink, fate.word()]);
            let level = if fate == Fate::Delivered { Level::Info } else { Level::Warning };
            let message = format!("a notification was {}", fate.word());
            log.say(level, &message, &[("sink", sink), ("why", why)]);
        });
        Courier::start(folder, name, sink.clone(), Arc::new(SystemClock), told)
            .map_err(|error| Failure::new(exit::ERROR, chain(&error)))
    }
}

/// The secret of wake-ups.
fn key(webhook: &WebhookIn) -> Result<Key, Failure> {
    Key::parse(&Config::secret(&webhook.secret_file)?).map_err(|error| {
        let file = webhook.secret_file.display();
        Failure::new(exit::CONFIG, format!("{file}: {error}"))
    })
}

async fn serve(
    listen: &Listen,
    answers: Answers,
    receiver: Option<Arc<Receiver>>,
) -> Result<Served, Failure> {
    let listener = Listener::bind(listen).await.map_err(|error| {
        Failure::new(exit::ERROR, format!("cannot listen at {listen}: {error}"))
    })?;
    let served = async { match listener.serve(answers).await {} };
    Ok(Served { listen: listen.clone(), task: tokio::spawn(served), receiver })
}
