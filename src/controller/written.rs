//! Reports by the clock: each schedule puts one file a period into its folder, and keeps the newest. One of the rooms that write.
//!
//! A file is named for the beginning of its period, so that a restart writes none twice, and two machines' files do not differ
//! by the second at which they were asked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::config::Schedule;
use crate::model::display::escape;
use crate::model::{Period, Timestamp, shown_path};
use crate::report::{self, Detail, Report, Use};

/// The most names of a folder that are looked through.
const NAMES_MAX: usize = 100_000;

/// The reports that are written by the clock.
#[derive(Debug, Default)]
pub struct Schedules {
    all: BTreeMap<String, (Schedule, &'static report::Format)>,
}

/// Why a schedule cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is no such document.
    #[error("`[schedule.{0}]`: there is no document of the format `{format}`", format = escape(.1))]
    Format(String, String),
    /// A file cannot be written or removed.
    #[error("cannot write {}", shown_path(.0))]
    Write(PathBuf, #[source] io::Error),
}

impl Schedules {
    /// Takes the schedules of a configuration.
    ///
    /// # Errors
    /// The first one whose format is no document.
    pub fn new(schedules: &BTreeMap<String, Schedule>) -> Result<Self, ScheduleError> {
        let mut all = BTreeMap::new();
        for (name, schedule) in schedules {
            let format = report::format(&schedule.format);
            let format = format.filter(|format| matches!(format.used, Use::Document));
            let unknown = || ScheduleError::Format(name.clone(), schedule.format.clone());
            all.insert(name.clone(), (schedule.clone(), format.ok_or_else(unknown)?));
        }
        Ok(Self { all })
    }

    /// When the next period of any of them begins; none without schedules.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let next = |schedule: &Schedule| begin(now, schedule.every).after(schedule.every);
        self.all.values().map(|(schedule, _)| next(schedule)).min()
    }

    /// Has any of them no report of its period yet?
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let missing =
            |(name, (schedule, format)): (&String, &(Schedule, &'static report::Format))| {
                let name = file_name(name, begin(now, schedule.every), format.name);
                !schedule.folder.join(name).exists()
            };
        self.all.iter().any(missing)
    }

    /// Writes those whose period has no report yet. Answers, for each that was due, its name and what came of it.
    #[must_use = "what could not be written is told nowhere else"]
    pub fn write(
        &self,
        report: &Report,
        now: Timestamp,
    ) -> Vec<(String, Result<PathBuf, ScheduleError>)> {
        let due = |(name, (schedule, format)): (&String, &(Schedule, &'static report::Format))| {
            let path =
                schedule.folder.join(file_name(name, begin(now, schedule.every), format.name));
            if path.exists() {
                return None;
            }
            let written = put(&path, report, format)
                .and_then(|()| prune(&schedule.folder, name, format.name, schedule.keep));
            let failed = |error| ScheduleError::Write(path.clone(), error);
            Some((name.clone(), written.map_err(failed).map(|()| path.clone())))
        };
        self.all.iter().filter_map(due).collect()
    }
}

/// The beginning of the period that `now` lies in, counted from 1970-01-01T00:00:00Z.
fn begin(now: Timestamp, every: Period) -> Timestamp {
    let every = i64::try_from(every.seconds()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_unix_seconds(now.unix_seconds() - now.unix_seconds().rem_euclid(every))
}

/// `daily-20260521T000000Z.html`: the order of names is the order of time.
fn file_name(schedule: &str, begin: Timestamp, format: &str) -> String {
    let stamp: String = begin.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{schedule}-{stamp}.{}", end_of(format))
}

/// What names of files of a format end with.
fn end_of(format: &str) -> &str {
    match format {
        "text" => "txt",
        "markdown" => "md",
        "junit" => "xml",
        "sarif" => "sarif.json",
        "prometheus" => "prom",
        other => other,
    }
}

fn put(path: &Path, report: &Report, format: &report::Format) -> io::Result<()> {
    let mut plain = anstream::StripStream::new(Vec::new());
    (format.write)(report, Detail::default(), &mut plain)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(&plain.into_inner())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(io::Error::from)
}

/// Removes the oldest files of a schedule beyond those that are kept, and nothing else that lies there.
#[expect(clippy::disallowed_methods, reason = "one of the rooms that write: its own reports")]
fn prune(folder: &Path, schedule: &str, format: &str, keep: u32) -> io::Result<()> {
    let end = format!(".{}", end_of(format));
    let ours = |name: &str| {
        let stamp = name.strip_prefix(schedule)?.strip_prefix('-')?.strip_suffix(&end)?;
        let plain =
            stamp.len() == 16 && stamp.bytes().all(|c| c.is_ascii_digit() || b"TZ".contains(&c));
        plain.then_some(())
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)?.take(NAMES_MAX) {
        if let Ok(name) = entry?.file_name().into_string()
            && ours(&name).is_some()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    let over = names.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    names.iter().take(over).try_for_each(|name| fs::remove_file(folder.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules(folder: &Path, format: &str) -> Result<Schedules, ScheduleError> {
        let schedule = Schedule {
            every: Period::from_seconds(3600),
            format: format.to_owned(),
            folder: folder.to_owned(),
            keep: 3,
        };
        Schedules::new(&BTreeMap::from([("hourly".to_owned(), schedule)]))
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("one").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn one_file_a_period_and_the_newest_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        for other in
            ["hourly-notes.html", "hourly-20260101T000000Z.html.bak", "daily-20260101T000000Z.html"]
        {
            fs::write(folder.path().join(other), "kept").expect("written");
        }
        let schedules = schedules(folder.path(), "html").expect("a document");
        let report = Report::sample("tree", Vec::new(), None);
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let first = at("2026-05-21T06:28:50Z");
        assert_eq!(schedules.next(first), Some(at("2026-05-21T07:00:00Z")));
        let written = schedules.write(&report, first);
        let path = written[0].1.as_ref().expect("written");
        assert!(path.ends_with("hourly-20260521T060000Z.html"), "{path:?}");
        assert!(fs::read_to_string(path).expect("read").contains("<html"));
        assert!(schedules.write(&report, at("2026-05-21T06:59:59Z")).is_empty(), "it is there");
        for hour in 7..12 {
            let written = schedules.write(&report, at(&format!("2026-05-21T{hour:02}:00:00Z")));
            assert!(written[0].1.is_ok(), "{written:?}");
        }
        let left = names(folder.path());
        assert_eq!(left.len(), 6, "{left:?}");
        assert!(left.contains(&"hourly-20260521T090000Z.html".to_owned()), "{left:?}");
        assert!(!left.contains(&"hourly-20260521T080000Z.html".to_owned()), "{left:?}");
    }

    #[test]
    fn what_is_no_document_or_has_no_folder_is_said() {
        for format in ["nagios", "silent", "pdf"] {
            assert!(matches!(schedules(Path::new("/"), format), Err(ScheduleError::Format(..))));
        }
        let schedules = schedules(Path::new("/nonexistent"), "json").expect("a document");
        let report = Report::sample("tree", Vec::new(), None);
        let written = schedules.write(&report, Timestamp::from_unix_seconds(0));
        assert!(matches!(written[0].1, Err(ScheduleError::Write(..))), "{written:?}");
    }
}
