//! `[systemd_unit."NAME"]`: what systemd says about one unit, and `[systemd_unit."PATTERN"]`: which units may exist.
//!
//! States are compared in the words of systemd, each apart from the others: masked is not disabled, static is neither
//! enabled nor disabled, and what holds until the next boot is not what holds.

mod adopt;
mod compare;
mod remedy;
mod word;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::closed::{self, is_pattern};
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Problem, path, presence};
use crate::action::{Mended, Surroundings};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Digest, Evidence, Period, Unknown};
use crate::probe::World;
use crate::probe::systemd::{self, Asked, Listed, Source, Unit, UnitName, is_suffix, suffixes};
use word::{Active, Enabled, Load, Words};

/// The most files that may add to one unit.
const DROP_INS_MAX: usize = 1_000;

/// The table of a unit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SystemdUnit {
    /// `false`: there is no such unit, and nothing of it runs. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// `LoadState`, or a list of those that are fine. When nothing is said, it has to be loaded.
    load: Option<Words<Load>>,
    /// `ActiveState`, or a list of those that are fine.
    active: Option<Words<Active>>,
    /// `UnitFileState`, as `systemctl is-enabled` prints it, or a list of those that are fine.
    enabled: Option<Words<Enabled>>,
    /// The path of the unit file.
    fragment: Option<String>,
    /// The SHA-256 of the unit file.
    fragment_sha256: Option<Digest>,
    /// The paths of all files that add to the unit file, in any order. `[]`: none does.
    drop_ins: Option<Vec<String>>,
    /// The SHA-256 of what `sha256sum FRAGMENT DROP_IN…` prints, the files in the order of `systemctl cat`.
    definition_sha256: Option<Digest>,
    /// `false`: the manager has read the files as they are now.
    needs_reload: Option<bool>,
    /// How it ended last: `success`, or another word of systemd such as `exit-code`.
    result: Option<String>,
    /// The user of its processes, as its files say; `""` where they say nothing.
    user: Option<String>,
    /// How long ago a timer may have fired last, such as "26h".
    triggered_within: Option<Period>,
    /// For a name with a `*`: all units that it matches, loaded or with a unit file, and no others. `[]`: none.
    only: Option<Vec<String>>,
    /// `"files"`: read the unit files, and do not ask the manager. When nothing is said, the manager of a running system
    /// is asked, and the files of any other root are read.
    source: Option<Wish>,
}

/// Who shall answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wish {
    /// The unit files.
    Files,
}

/// What was seen, and who said so.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    source: Source,
    #[serde(flatten)]
    found: Found,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Found {
    Unit {
        #[serde(flatten)]
        unit: Box<Unit>,
        /// For a timer that fired: how many seconds before the look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        triggered_seconds_ago: Option<i64>,
    },
    Units(Listed),
}

impl SystemdUnit {
    /// Keys that are about one unit that is there, and whether they are set.
    fn of_one(&self) -> [(&'static str, bool); 12] {
        [
            ("present", !self.present),
            ("load", self.load.is_some()),
            ("active", self.active.is_some()),
            ("enabled", self.enabled.is_some()),
            ("fragment", self.fragment.is_some()),
            ("fragment_sha256", self.fragment_sha256.is_some()),
            ("drop_ins", self.drop_ins.is_some()),
            ("definition_sha256", self.definition_sha256.is_some()),
            ("needs_reload", self.needs_reload.is_some()),
            ("result", self.result.is_some()),
            ("user", self.user.is_some()),
            ("triggered_within", self.triggered_within.is_some()),
        ]
    }

    fn check_paths(&self, problems: &mut Vec<Problem>) {
        let drop_ins = self.drop_ins.iter().flatten();
        if drop_ins.clone().count() > DROP_INS_MAX {
            let message = format!("more than {DROP_INS_MAX} paths are listed, which is the limit");
            problems.push(Problem::key("drop_ins", Code::Limit, message));
        }
        let fragment = self.fragment.iter().map(|path| ("fragment", path));
        for (key, file) in fragment.chain(drop_ins.map(|path| ("drop_ins", path))) {
            path::check_key(key, file, problems);
        }
    }

    fn check_contradictions(&self, name: &str, problems: &mut Vec<Problem>) {
        presence::check(self.present, &self.of_one()[1..], problems);
        let timer = UnitName::parse(name).is_some_and(|name| name.suffix == "timer");
        if self.triggered_within.is_some() && !timer {
            let message = "only a timer fires";
            problems.push(Problem::key("triggered_within", Code::Contradiction, message));
        }
    }
}

/// Refuses what systemd would not take as the name of a unit.
fn check_name(name: &str, problems: &mut Vec<Problem>) {
    let hint = if is_pattern(name) {
        // A star may stand for the type, and for an instance.
        let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@*".contains(c);
        if name.chars().all(plain) && name.len() <= 255 {
            return;
        }
        "a pattern is a name with `*` for any text".to_owned()
    } else if UnitName::parse(name).is_some() {
        return;
    } else if name.rsplit_once('.').is_none_or(|(_, end)| !is_suffix(end)) {
        format!(
            "a unit is named with its type: `{}.service`, for one; types are {}",
            escape(name),
            suffixes()
        )
    } else {
        "letters, digits and `:-_.\\@` make up the name of a unit".to_owned()
    };
    let message = format!("`{}` is no name of a unit", escape(name));
    problems.push(Problem::resource(Code::BadName, message).hint(hint));
}

impl Kind for SystemdUnit {
    const NAME: &'static str = "systemd_unit";
    const ABOUT: &'static str =
        "a unit of systemd: states, files, drop-ins; or all units that a pattern matches";
    const DOC: &'static str = include_str!("systemd_unit.md");
    const EXAMPLE: &'static str = r#"
[systemd_unit."ssh.service"]
active = "active"
enabled = ["enabled", "alias"]
drop_ins = []
needs_reload = false

[systemd_unit."*cutter*"]
only = []
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "unit",
        value: "PATTERN",
        help: "Units that the pattern matches, as systemd has them now, and the closed list of them",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        check_name(name, problems);
        closed::check(name, self.only.as_ref(), &self.of_one(), problems);
        self.check_paths(problems);
        if !is_pattern(name) {
            self.check_contradictions(name, problems);
        }
    }

    fn question(&self, _name: &str) -> Value {
        match self.source {
            None => Value::Null,
            Some(Wish::Files) => json!({ "source": "files" }),
        }
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let mut answers = Answers::new();
        for wish in [None, Some(Wish::Files)] {
            let same: Vec<&Named<Self>> =
                wanted.iter().filter(|named| named.spec.source == wish).collect();
            if !same.is_empty() {
                answers.extend(observe(world, &same, wish).await);
            }
        }
        answers
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let evidence = match observed.source {
            Source::Files => Evidence::Parsed,
            Source::Bus | Source::Systemctl => Evidence::Queried,
        };
        let mut found = Comparison::by(evidence);
        match (&observed.found, &self.only) {
            (Found::Units(units), Some(only)) => {
                let seen: BTreeMap<String, Option<String>> =
                    units.iter().map(|(name, about)| (name.clone(), Some(about.clone()))).collect();
                closed::compare(only, &seen, &mut found);
            }
            (Found::Unit { unit, triggered_seconds_ago }, None) => {
                compare::Comparing { name, unit, source: observed.source, found: &mut found }
                    .all(self, *triggered_seconds_ago);
            }
            _ => found.blind("only", super::not_recorded()),
        }
        found
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        adopt::adopt(world, asked).await
    }

    fn remedy(&self, name: &str, seen: &Seen, _: &Surroundings) -> Mended {
        remedy::of(self, name, seen)
    }
}

/// Asks once for all of them.
async fn observe(
    world: &World,
    wanted: &[&Named<SystemdUnit>],
    wish: Option<Wish>,
) -> Answers<Seen> {
    let all = || wanted.iter().map(|named| named.name.clone());
    let (patterns, names) = all().partition(|name| is_pattern(name));
    let rests = |named: &&&Named<SystemdUnit>| {
        named.spec.active.as_ref().is_some_and(|words| !words.any(systemd::is_passing))
    };
    let resting = wanted.iter().filter(rests).map(|named| named.name.clone()).collect();
    let files_only = wish == Some(Wish::Files);
    let asked = Asked { names, resting, patterns, matches: closed::matches, files_only };
    let answered = match systemd::look(world, asked).await {
        Ok(answered) => answered,
        Err(unknown) => return all().map(|name| (name, Err(unknown.clone()))).collect(),
    };
    let now = world.now.unix_seconds();
    let units = answered.units.into_iter().map(|(name, unit)| {
        let seen = unit.map(|(source, unit)| {
            let fired = unit.triggered.as_ref().ok().copied().flatten();
            let triggered_seconds_ago = fired.map(|at| now.saturating_sub(at).max(0));
            Seen { source, found: Found::Unit { unit: Box::new(unit), triggered_seconds_ago } }
        });
        (name, seen)
    });
    let lists = answered.lists.into_iter().map(|(pattern, listed)| {
        (pattern, listed.map(|(source, units)| Seen { source, found: Found::Units(units) }))
    });
    units.chain(lists).collect()
}

#[cfg(test)]
mod tests;
