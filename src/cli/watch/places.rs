//! Which places on the host are worth hearing of, and the thread that watches them.
//!
//! Every absolute path that a question names, the key where it is one, and for some kinds the files in which the system itself
//! keeps what they ask about. Nothing rests on this list: what it lacks is found by the periodic scan, which counts that.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::config::Config;
use crate::desired::Desired;
use crate::drift;
use crate::probe::host::Host;
use crate::probe::watches::{How, Wanted, Watches};

/// Where the system keeps what a kind asks about, in files that few others change.
const KEPT: &[(&str, &[&str])] = &[
    ("user", &["/etc/passwd", "/etc/group", "/etc/shadow"]),
    ("group", &["/etc/passwd", "/etc/group"]),
    ("package", &["/var/lib/dpkg/status", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db"]),
    ("cron_entry", &["/etc/crontab", "/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron"]),
];

/// The places of desired state.
pub(super) fn of(desired: &Desired) -> BTreeSet<Wanted> {
    let mut places = BTreeSet::new();
    for question in drift::questions(desired) {
        if question.spec.database().is_some() {
            continue;
        }
        let kind = question.name.kind.as_str();
        let kept = KEPT.iter().filter(|(of, _)| *of == kind).flat_map(|(_, paths)| *paths);
        places.extend(kept.map(|path| Wanted { path: path.into(), how: How::Fact }));
        let how = if kind == "tree" { How::Below } else { How::Itself };
        let mut paths = Vec::new();
        named(&Value::String(question.name.name.clone()), &mut paths);
        named(&question.text(), &mut paths);
        for path in paths {
            if kind == "git_head" {
                places.insert(Wanted { path: Path::new(&path).join(".git"), how: How::Itself });
            }
            places.insert(Wanted { path: path.into(), how });
        }
    }
    places
}

fn named(value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with('/') => paths.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| named(one, paths)),
        Value::Object(all) => all.values().for_each(|one| named(one, paths)),
        _ => {}
    }
}

/// Watches them.
pub(super) fn watch(config: &Config, wanted: &BTreeSet<Wanted>) -> Result<Watches, String> {
    let host = Host::open(&config.root.value, config.observe.value.clone())
        .map_err(|error| format!("cannot open the root: {error}"))?;
    Watches::of_host(&host, wanted, &config.data.value).map_err(|error| error.to_string())
}
