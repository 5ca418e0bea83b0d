//! What wakes the controller from outside: references of a repository that move, files that change.

use std::time::Instant;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::places;
use super::watcher::{Done, Watcher};
use crate::controller::status::FileEvents;
use crate::controller::{Target, Wake};
use crate::desired;
use crate::probe::watches::{Heard, Rest, Watches};

/// What is listened to.
#[derive(Default)]
pub(super) struct Events {
    references: Option<AsyncFd<Watches>>,
    files: Option<AsyncFd<Watches>>,
    /// Why files are not, or not all, listened to.
    deaf: Option<String>,
    /// Watches are being made; `true`: they have to be made once more.
    making: Option<bool>,
}

/// Something was heard.
pub(super) enum News {
    References(Heard),
    Files(Heard),
}

impl Events {
    /// Waits until something is heard.
    pub(super) async fn heard(&mut self) -> News {
        tokio::select! {
            heard = heard(self.references.as_ref()) => News::References(heard),
            heard = heard(self.files.as_ref()) => News::Files(heard),
        }
    }

    /// Listens to nothing any more. What is being made is made for another configuration, and has to be made again.
    pub(super) fn forget(&mut self) {
        *self = Self { making: self.making.map(|_| true), ..Self::default() };
    }

    pub(super) const fn hears_references(&self) -> bool {
        self.references.is_some()
    }

    /// Are all places listened to that are worth it?
    pub(super) const fn hears_files(&self) -> bool {
        self.files.is_some() && self.deaf.is_none()
    }

    pub(super) fn shown(&self, overflows: u64) -> FileEvents {
        let watched = self.files.as_ref().map_or(0, |files| files.get_ref().count() as u64);
        FileEvents { watched, polling: self.deaf.clone(), overflows }
    }
}

async fn heard(watches: Option<&AsyncFd<Watches>>) -> Heard {
    let Some(watches) = watches else { return std::future::pending().await };
    match watches.readable().await {
        Ok(mut ready) => {
            let (heard, rest) = ready.get_inner().heard();
            if rest == Rest::Silence {
                ready.clear_ready();
            }
            heard
        }
        Err(_) => std::future::pending().await,
    }
}

#[expect(
    deprecated,
    reason = "what replaces it is unsafe to call; it wants a descriptor that stays the same one, as an owned one does"
)]
fn listening(watches: Watches) -> Result<AsyncFd<Watches>, String> {
    AsyncFd::with_interest(watches, Interest::READABLE).map_err(|error| error.to_string())
}

impl Watcher<'_> {
    pub(super) fn heard(&mut self, news: &News) {
        let now = Instant::now();
        match news {
            News::References(heard) => {
                if heard.news {
                    self.schedule.wake(&Target::Source, Wake::Event, now);
                }
                if heard.folders {
                    self.watch_references();
                }
            }
            News::Files(heard) => {
                self.overflows += u64::from(heard.overflow);
                if heard.news {
                    self.schedule.wake(&Target::Host, Wake::Event, now);
                }
                if heard.folders {
                    self.watch_files();
                }
            }
        }
    }

    /// Listens to the references of a local repository.
    pub(super) fn watch_references(&mut self) {
        let source = self.config.source.value.as_deref().unwrap_or_default();
        let folder = desired::source::references(source);
        let watches = folder.and_then(|folder| Watches::of_references(&folder).ok());
        // Without it the source is asked in turn.
        let listening = watches.and_then(|watches| listening(watches).ok());
        let heard_before = self.events.hears_references();
        self.events.references = listening;
        if heard_before != self.events.hears_references() {
            self.arrange(Instant::now());
        }
    }

    /// Watches the places of desired state, on a thread: there may be many, and one may hang.
    pub(super) fn watch_files(&mut self) {
        let Some(taken) = &self.taken else { return };
        if let Some(again) = &mut self.events.making {
            *again = true;
            return;
        }
        self.events.making = Some(false);
        let (config, wanted) = (self.config.clone(), places::of(&taken.desired));
        self.on_thread(
            move || Done::Watches(places::watch(&config, &wanted)),
            || Done::Watches(Err("watching files ended without an answer".to_owned())),
        );
    }

    pub(super) fn take_watches(&mut self, watches: Result<Watches, String>, now: Instant) {
        let heard_before = self.events.hears_files();
        match watches.and_then(listening) {
            Ok(watches) => {
                self.events.deaf = watches.get_ref().unwatched().map(str::to_owned);
                self.events.files = Some(watches);
            }
            Err(why) => {
                self.events.deaf = Some(why);
                self.events.files = None;
            }
        }
        if self.events.making.take() == Some(true) {
            self.watch_files();
        }
        if heard_before != self.events.hears_files() {
            self.arrange(now);
        }
        // What changed before it was watched is seen by a look that begins after.
        self.schedule.wake(&Target::Host, Wake::Event, now);
        self.publish();
    }
}
