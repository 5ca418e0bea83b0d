//! `[notify]`, `[metrics]`, `[webhook]`, `[schedule.NAME]`, `[log]` and `[confine]`: what the controller says to the outside,
//! and within what it keeps itself.

mod listen;
mod sink;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::load::Sections;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Period};

pub use listen::{Listen, ListenError};
pub use sink::{Address, AddressError, Sink, Via};

use sink::SinkSection;

/// The most sinks, and the most schedules.
const ENTRIES_MAX: usize = 32;
/// The most looks in a row that something may have to last before it is told.
const AFTER_MAX: u32 = 100;
/// The shortest time after which something that lasts is told again.
const RENOTIFY_MIN: Period = Period::from_seconds(60);
/// The shortest time between two reports of a schedule.
const EVERY_MIN: Period = Period::from_seconds(60);
/// The most reports of a schedule that are kept.
const KEEP_MAX: u32 = 10_000;

/// Everything that the controller says to the outside.
#[derive(Debug, Clone)]
pub struct Outward {
    /// Who is told what changed.
    pub notify: Notify,
    /// Where metrics and health are served; nowhere without it.
    pub metrics: Option<Listen>,
    /// Where somebody may say that there is something new.
    pub webhook: Option<WebhookIn>,
    /// Reports that are written by the clock, by name.
    pub schedule: BTreeMap<String, Schedule>,
    /// The form of the log.
    pub log: LogForm,
    /// Does a controller that could not confine itself refuse to start?
    pub confine: bool,
}

/// Who is told, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// How many looks in a row something has to last before it is told.
    pub after: u32,
    /// After how long something that lasts is told again.
    pub renotify: Period,
    /// To whom, by name.
    pub sinks: BTreeMap<String, Sink>,
}

/// The receiver of wake-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookIn {
    /// Where it listens.
    pub listen: Listen,
    /// The file with the secret that callers sign with.
    pub secret_file: PathBuf,
}

/// Reports by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two of them, counted from midnight UTC.
    pub every: Period,
    /// The name of the format.
    pub format: String,
    /// Where they are put.
    pub folder: PathBuf,
    /// How many are kept.
    pub keep: u32,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogForm {
    /// Lines for people, on standard error.
    #[default]
    Text,
    /// One JSON object a line, on standard error.
    Json,
    /// Fields of systemd's journal.
    Journald,
}

impl LogForm {
    /// As the configuration has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Journald => "journald",
        }
    }
}

impl Default for Outward {
    fn default() -> Self {
        Self {
            notify: Notify {
                after: 1,
                renotify: Period::from_seconds(4 * 3600),
                sinks: BTreeMap::new(),
            },
            metrics: None,
            webhook: None,
            schedule: BTreeMap::new(),
            log: LogForm::default(),
            confine: true,
        }
    }
}

/// `[notify]`: when something is told. Its tables `[notify.sink.NAME]` say to whom.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NotifySection {
    /// How many looks in a row something has to last before it is told. Default: 1.
    after: Option<u32>,
    /// After how long something that lasts is told again, such as "4h", which is the default.
    renotify: Option<Period>,
}

/// `[metrics]`: where metrics and health are served.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MetricsSection {
    /// An address of this machine alone, such as "127.0.0.1:9464", or `unix:` with a path.
    listen: Listen,
}

/// `[webhook]`: where somebody may say that there is something new. It wakes the controller and tells it nothing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookSection {
    /// An address of this machine alone, such as "127.0.0.1:9465", or `unix:` with a path.
    listen: Listen,
    /// The file with the secret that callers sign with, readable by its owner alone.
    secret_file: PathBuf,
}

/// `[schedule.NAME]`: reports by the clock.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleSection {
    /// The time between two of them, counted from midnight UTC, such as "24h".
    every: Period,
    /// Any format of `check` that is a document, such as "html".
    format: String,
    /// Where they are put: a folder that is there.
    folder: PathBuf,
    /// How many are kept. Default: 30.
    keep: Option<u32>,
}

/// `[log]`: the form of the log.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogSection {
    /// "text", "json", or "journald". Default: "text".
    #[serde(default)]
    format: LogForm,
}

/// `[confine]`: within what the controller keeps itself.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConfineSection {
    /// Does it refuse to start where the kernel cannot confine it? Default: true.
    require: Option<bool>,
}

impl Sections<'_, '_> {
    /// All of it, with the defaults where the file says nothing.
    pub(super) fn outward(&mut self) -> Outward {
        let mut outward = Outward::default();
        self.notify(&mut outward.notify);
        outward.metrics = self.section::<MetricsSection>("metrics").map(|section| section.listen);
        let base = self.base;
        outward.webhook = self.section::<WebhookSection>("webhook").map(|section| WebhookIn {
            listen: section.listen,
            secret_file: base.join(section.secret_file),
        });
        if let (Some(metrics), Some(webhook)) = (&outward.metrics, &outward.webhook)
            && *metrics == webhook.listen
        {
            let place = self.all.value_span("webhook").unwrap_or_default();
            let message = "`[metrics]` listens there already";
            self.found.push(Diagnostic::error(
                Code::Contradiction,
                self.all.file(),
                place,
                message,
            ));
        }
        outward.schedule = self.named("schedule", schedule);
        outward.log = self.section::<LogSection>("log").unwrap_or_default().format;
        let confine = self.section::<ConfineSection>("confine").unwrap_or_default();
        outward.confine = confine.require.unwrap_or(true);
        outward
    }

    fn notify(&mut self, notify: &mut Notify) {
        let Some(table) = self.table("notify") else { return };
        let (sinks, own) = table.split(&["sink"]);
        let (section, wrong) = own.decode::<NotifySection>();
        self.found.extend(wrong);
        if let Some(NotifySection { after, renotify }) = section {
            notify.after = after.unwrap_or(notify.after);
            notify.renotify = renotify.unwrap_or(notify.renotify);
        }
        let mut fault = |key: &str, message: String| {
            let place = own.value_span(key).unwrap_or_else(|| own.header());
            self.found.push(Diagnostic::error(Code::Limit, own.file(), place, message));
        };
        if !(1..=AFTER_MAX).contains(&notify.after) {
            fault("after", format!("`after` is a number of looks between 1 and {AFTER_MAX}"));
        }
        if notify.renotify < RENOTIFY_MIN {
            fault("renotify", format!("`renotify` is at least {RENOTIFY_MIN}"));
        }
        let mut below = Sections { all: &sinks, found: self.found, base: self.base };
        notify.sinks = below.named("sink", |section: SinkSection, base| section.sink(base));
    }

    /// The tables of a section, each made into a value, or into what is wrong with it.
    fn named<S, T>(
        &mut self,
        section: &'static str,
        make: impl Fn(S, &Path) -> Result<T, String>,
    ) -> BTreeMap<String, T>
    where
        S: serde::de::DeserializeOwned + JsonSchema + 'static,
    {
        let mut values = BTreeMap::new();
        let Some(tables) = self.table(section) else { return values };
        for (name, span) in tables.keys() {
            if !is_name(&name) {
                let message = "a name here holds lower case letters, digits and `-`, at most 40";
                self.found.push(Diagnostic::error(Code::BadName, tables.file(), span, message));
                continue;
            }
            match tables.table(&name) {
                Ok(Some(table)) => {
                    if let Some(value) = self.one(&table, &make) {
                        values.insert(name, value);
                    }
                }
                Ok(None) => {}
                Err(wrong) => self.found.push(wrong),
            }
        }
        if values.len() > ENTRIES_MAX {
            let message = format!("there are more than {ENTRIES_MAX} of `{section}`");
            let error = Diagnostic::error(Code::Limit, tables.file(), tables.header(), message);
            self.found.push(error);
        }
        values
    }

    fn one<S, T>(
        &mut self,
        table: &Table<'_>,
        make: &impl Fn(S, &Path) -> Result<T, String>,
    ) -> Option<T>
    where
        S: serde::de::DeserializeOwned + JsonSchema + 'static,
    {
        let (decoded, wrong) = table.decode::<S>();
        self.found.extend(wrong);
        match make(decoded?, self.base) {
            Ok(value) => Some(value),
            Err(why) => {
                let error = Diagnostic::error(Code::WrongType, table.file(), table.header(), why);
                self.found.push(error);
                None
            }
        }
    }
}

fn schedule(section: ScheduleSection, base: &Path) -> Result<Schedule, String> {
    let ScheduleSection { every, format, folder, keep } = section;
    let keep = keep.unwrap_or(30);
    if every < EVERY_MIN {
        return Err(format!("`every` is at least {EVERY_MIN}"));
    }
    if !(1..=KEEP_MAX).contains(&keep) {
        return Err(format!("`keep` is between 1 and {KEEP_MAX}"));
    }
    Ok(Schedule { every, format, folder: base.join(folder), keep })
}

/// A name becomes part of names of files and of labels of metrics.
fn is_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
