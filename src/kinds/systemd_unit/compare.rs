//! One unit against its table.

use serde_json::Value;

use super::SystemdUnit;
use super::word::{Enabled, Words};
use crate::model::display::{escape, one_line};
use crate::model::{Change, Comparison, Difference, Digest, Period, Reason, Unknown};
use crate::probe::systemd::{Active, Source, Unit, is_passing};

/// How much of a message of systemd is shown.
const ERROR_WIDTH_MAX: usize = 160;

pub(super) struct Comparing<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a Unit,
    pub(super) source: Source,
    pub(super) found: &'a mut Comparison,
}

impl Comparing<'_> {
    pub(super) fn all(mut self, spec: &SystemdUnit, triggered_seconds_ago: Option<i64>) {
        let absent = self.unit.load == "not-found";
        self.found.seen = Some(self.seen(absent));
        if !spec.present {
            return self.absence(absent);
        }
        if absent {
            return self.differs("presence", "present", "absent");
        }
        self.load(spec);
        self.enabled(spec.enabled.as_ref());
        self.active(spec);
        self.plain("needs_reload", spec.needs_reload.as_ref(), self.unit.needs_reload.as_ref());
        self.text("result", spec.result.as_deref(), &self.unit.result);
        self.text("user", spec.user.as_deref(), &self.unit.user);
        if let Some(fragment) = &spec.fragment {
            let seen = self.unit.fragment.as_deref();
            if seen != Some(fragment) {
                self.differs(
                    "fragment",
                    fragment.as_str(),
                    seen.map(|path| escape(path).into_owned()),
                );
            }
        }
        self.digest("fragment_sha256", spec.fragment_sha256, &self.unit.fragment_sha256);
        if let Some(wanted) = &spec.drop_ins {
            self.drop_ins(wanted);
        }
        self.digest("definition_sha256", spec.definition_sha256, &self.unit.definition_sha256);
        if let Some(within) = spec.triggered_within {
            self.triggered(within, triggered_seconds_ago);
        }
    }

    fn differs(&mut self, field: &str, desired: impl Into<Value>, actual: impl Into<Value>) {
        self.found.differences.push(Difference::new(field, desired, actual));
    }

    /// A unit that has no file any more may still run.
    fn absence(&mut self, absent: bool) {
        if !absent {
            let what = self.seen(false);
            return self.differs("presence", "absent", format!("present: {what}"));
        }
        match &self.unit.active {
            Ok(active) if is_passing(&active.state) => self.found.blind("active", passing(active)),
            Ok(active) if active.state != "inactive" => {
                let actual = format!("{}, although its file is gone", state(active));
                self.differs("active", "inactive", actual);
            }
            // Of a unit without a file there is nothing that files could leave unsaid.
            Ok(_) | Err(_) => {}
        }
    }

    fn load(&mut self, spec: &SystemdUnit) {
        let load = self.unit.load.as_str();
        // A file that stands there may still be refused when it is loaded.
        let untried = self.source == Source::Files && load == "loaded";
        let Some(wanted) = &spec.load else {
            let mask = |word: &str| matches!(word, "masked" | "masked-runtime");
            let masked = load == "masked" && spec.enabled.as_ref().is_some_and(|e| e.any(mask));
            if !masked && !matches!(load, "loaded" | "merged") {
                self.differs("load", "loaded", self.load_state());
            }
            return;
        };
        if untried && wanted.any(|word| word != "masked") {
            let detail =
                "the unit file is there; only a running manager can tell whether it accepts it";
            self.found.blind("load", Unknown::new(Reason::NotSupported, detail));
        } else if !wanted.has(load) {
            self.differs("load", wanted.shown(), self.load_state());
        }
    }

    fn load_state(&self) -> String {
        match &self.unit.load_error {
            Some(error) if self.unit.load != "masked" => {
                format!("{}: {}", escape(&self.unit.load), one_line(error, ERROR_WIDTH_MAX))
            }
            _ => escape(&self.unit.load).into_owned(),
        }
    }

    fn enabled(&mut self, wanted: Option<&Words<Enabled>>) {
        let Some(wanted) = wanted else { return };
        match &self.unit.enabled {
            Err(unknown) => self.found.blind("enabled", unknown.clone()),
            Ok(word) if wanted.has(word) => {}
            Ok(word) => self.differs("enabled", wanted.shown(), self.why_not(word)),
        }
    }

    /// The state of a unit file, and what a reader has to know who expected another.
    fn why_not(&self, word: &str) -> String {
        match word {
            "alias" => format!("alias of {}", escape(&self.unit.id)),
            "" => "nothing: it has no unit file".to_owned(),
            word => match explained(word) {
                Some(why) => format!("{word}: {why}"),
                None => escape(word).into_owned(),
            },
        }
    }

    fn active(&mut self, spec: &SystemdUnit) {
        let Some(wanted) = &spec.active else { return };
        match &self.unit.active {
            Err(unknown) => self.found.blind("active", unknown.clone()),
            Ok(active) if wanted.has(&active.state) => {}
            Ok(active) if is_passing(&active.state) => self.found.blind("active", passing(active)),
            Ok(active) => {
                let result = match &self.unit.result {
                    Ok(Some(result)) if active.state == "failed" => {
                        format!(", result {}", escape(result))
                    }
                    _ => String::new(),
                };
                self.differs("active", wanted.shown(), format!("{}{result}", state(active)));
            }
        }
    }

    fn plain(&mut self, field: &str, wanted: Option<&bool>, seen: Result<&bool, &Unknown>) {
        match (wanted, seen) {
            (None, _) => {}
            (Some(_), Err(unknown)) => self.found.blind(field, unknown.clone()),
            (wanted, Ok(seen)) => self.found.expect(field, wanted, seen),
        }
    }

    fn text(&mut self, field: &str, wanted: Option<&str>, seen: &Result<Option<String>, Unknown>) {
        match (wanted, seen) {
            (None, _) => {}
            (Some(_), Err(unknown)) => self.found.blind(field, unknown.clone()),
            (Some(wanted), Ok(seen)) if seen.as_deref() == Some(wanted) => {}
            (Some(wanted), Ok(seen)) => {
                self.differs(field, wanted, seen.as_deref().map(|text| escape(text).into_owned()));
            }
        }
    }

    fn digest(
        &mut self,
        field: &str,
        wanted: Option<Digest>,
        seen: &Result<Option<Digest>, Unknown>,
    ) {
        match (wanted, seen) {
            (None, _) => {}
            (Some(_), Err(unknown)) => self.found.blind(field, unknown.clone()),
            (Some(wanted), Ok(Some(seen))) if wanted == *seen => {}
            (Some(wanted), Ok(seen)) => {
                self.differs(field, format!("{wanted:?}"), seen.map(|seen| format!("{seen:?}")));
            }
        }
    }

    /// Of two files with the same name the one in the folder that comes first wins; the other is not read at all.
    fn drop_ins(&mut self, wanted: &[String]) {
        let seen = &self.unit.drop_ins;
        let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut differences = Vec::new();
        for path in seen.iter().filter(|path| !wanted.contains(path)) {
            let hides = wanted.iter().find(|other| file(other) == file(path));
            let actual = match hides {
                Some(other) => format!("applies, and wins over {}", escape(other)),
                None => "applies".to_owned(),
            };
            let field = format!("drop_ins {}", escape(path));
            let difference = Difference::new(field, Value::Null, actual);
            differences.push(difference.changed(Change::Unlisted));
        }
        for path in wanted.iter().filter(|path| !seen.contains(path)) {
            let wins = seen.iter().find(|other| file(other) == file(path));
            let actual = wins.map(|other| format!("not read: {} wins", escape(other)));
            let field = format!("drop_ins {}", escape(path));
            let difference = Difference::new(field, "applies", actual);
            differences.push(difference.changed(Change::Missing));
        }
        self.found.differences.append(&mut differences);
    }

    fn triggered(&mut self, within: Period, ago: Option<i64>) {
        let field = "triggered_within";
        let ago = ago.map(|seconds| Period::from_seconds(seconds.unsigned_abs()));
        match (&self.unit.triggered, ago) {
            (Err(unknown), _) => self.found.blind(field, unknown.clone()),
            (Ok(_), Some(ago)) if ago <= within => {}
            (Ok(Some(_)), Some(ago)) => {
                self.differs(field, within.to_string(), format!("{ago} ago"));
            }
            (Ok(_), _) => self.differs(field, within.to_string(), "never"),
        }
    }

    /// In a few words: `active (running), enabled`.
    fn seen(&self, absent: bool) -> String {
        if absent {
            return "absent".to_owned();
        }
        let mut parts = Vec::new();
        if self.unit.id != self.name {
            parts.push(format!("is {}", escape(&self.unit.id)));
        }
        if self.unit.load != "loaded" {
            parts.push(escape(&self.unit.load).into_owned());
        }
        if let Ok(active) = &self.unit.active {
            parts.push(state(active));
        }
        match self.unit.enabled.as_deref() {
            Ok("") | Err(_) => {}
            // Said once is enough.
            Ok("masked") if self.unit.load == "masked" => {}
            Ok(word) => parts.push(escape(word).into_owned()),
        }
        if self.source == Source::Files {
            parts.push("by its files".to_owned());
        }
        parts.join(", ")
    }
}

/// What a word means that does not say it by itself.
pub(super) fn explained(word: &str) -> Option<&'static str> {
    Some(match word {
        "static" => "it has no [Install] section, so it can be neither enabled nor disabled",
        "indirect" => {
            "only something else is enabled that its [Install] section names, or another instance"
        }
        "generated" => "a generator wrote it, so it can be neither enabled nor disabled",
        "transient" => "a program made it while the system runs",
        "linked" | "linked-runtime" => {
            "its file lies outside the search path and nothing starts it"
        }
        "enabled-runtime" | "masked-runtime" => "until the next boot only",
        _ => return None,
    })
}

fn state(active: &Active) -> String {
    let (state, sub) = (escape(&active.state), escape(&active.sub));
    if state == sub { state.into_owned() } else { format!("{state} ({sub})") }
}

fn passing(active: &Active) -> Unknown {
    let detail = format!("it is still {}; looked at again for 3 s", state(active));
    Unknown::new(Reason::ChangedWhileReading, detail)
}
