//! `[package.NAME]`: a package in a given version, or none of that name; and which packages there are.
//!
//! Installed means wholly installed: half-configured is a difference that names the state.

mod check;
mod look;
mod version;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::closed::{self, is_pattern};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::packages::Package as Found;
use version::Debian;

/// The table of a package.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    /// Who manages it: "dpkg", "rpm" or "pip". Default: "dpkg".
    #[serde(default)]
    manager: Manager,
    /// Its name, where the key of the table is another one. Default: the key.
    name: Option<String>,
    /// `false`: no package of this name is installed; configuration that dpkg left behind does not count. Default: true.
    present: Option<bool>,
    /// Its version, in full: with epoch and revision for dpkg and rpm.
    version: Option<String>,
    /// Its version without epoch and revision, as its own authors count. For dpkg and rpm.
    upstream_version: Option<String>,
    /// The lowest version that will do, in dpkg's order. For dpkg.
    at_least: Option<String>,
    /// The lowest version that is too high, in dpkg's order. For dpkg.
    below: Option<String>,
    /// The machines it is for, such as "amd64". For dpkg and rpm.
    architecture: Option<String>,
    /// Is it held back from upgrades? For dpkg.
    hold: Option<bool>,
    /// The folders of Python's path, in their order: the first that has a distribution of the name decides. For pip.
    paths: Option<Vec<String>>,
    /// For a name with `*`: the names of all packages that it may match.
    only: Option<Vec<String>>,
}

/// Who manages a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Manager {
    /// Debian's and Ubuntu's.
    #[default]
    Dpkg,
    /// Red Hat's and SUSE's.
    Rpm,
    /// Python's.
    Pip,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// Everything of the name: more than one for several architectures or versions.
    Named {
        found: Vec<Instance>,
        /// Folders of `paths` that do not exist.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        no_folder: Vec<String>,
    },
    /// All packages that the pattern matches.
    Matched(BTreeMap<String, Option<String>>),
}

/// One package of the name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Instance {
    version: String,
    architecture: Option<String>,
    state: String,
}

impl Instance {
    fn of(found: &Found) -> Self {
        let (version, architecture) = (found.version.clone(), found.architecture.clone());
        Self { version, architecture, state: found.state.clone() }
    }

    /// The words of its state: what is wanted of it, whether it has an error, what it is.
    fn words(&self) -> [&str; 3] {
        let mut words = self.state.split(' ');
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }

    /// Is more of it there than configuration that was left behind?
    fn is_there(&self) -> bool {
        !matches!(self.words()[2], "config-files" | "not-installed")
    }

    fn is_installed(&self) -> bool {
        matches!(self.words(), ["install" | "hold", "ok", "installed"])
    }

    fn brief(&self) -> String {
        match &self.architecture {
            Some(architecture) => format!("{} {architecture}", self.version),
            None => self.version.clone(),
        }
    }
}

impl Package {
    fn present(&self) -> bool {
        self.present != Some(false)
    }

    /// The name that is looked for, and the architecture that dpkg writes behind it.
    fn looked_for<'a>(&'a self, key: &'a str) -> (&'a str, Option<&'a str>) {
        let name = self.name.as_deref().unwrap_or(key);
        match name.split_once(':') {
            Some((name, architecture)) if self.manager == Manager::Dpkg => {
                (name, Some(architecture))
            }
            _ => (name, None),
        }
    }

    fn of_one(&self) -> [(&'static str, bool); 6] {
        [
            ("version", self.version.is_some()),
            ("upstream_version", self.upstream_version.is_some()),
            ("at_least", self.at_least.is_some()),
            ("below", self.below.is_some()),
            ("architecture", self.architecture.is_some()),
            ("hold", self.hold.is_some()),
        ]
    }

    /// The one package that the table is about.
    fn choose<'a>(
        &self,
        key: &str,
        found: &'a [Instance],
    ) -> Result<Option<&'a Instance>, Unknown> {
        let wanted = self.looked_for(key).1;
        let fits = |instance: &&Instance| {
            wanted.is_none_or(|wanted| instance.architecture.as_deref() == Some(wanted))
        };
        let there: Vec<&Instance> = found.iter().filter(|i| i.is_there()).filter(fits).collect();
        match there.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            many => {
                let same = |i: &&&Instance| {
                    i.architecture == self.architecture && self.architecture.is_some()
                };
                if let [one] = many.iter().filter(same).collect::<Vec<_>>().as_slice() {
                    return Ok(Some(one));
                }
                let each: Vec<String> = many.iter().map(|i| i.brief()).collect();
                let each = one_line(&each.join(", "), 200);
                let detail = format!("there is more than one of this name: {each}");
                Err(Unknown::new(Reason::Undecidable, detail))
            }
        }
    }

    fn compare(&self, is: &Instance, found: &mut Comparison) {
        if !is.is_installed() {
            found.differences.push(Difference::new(
                "state",
                "install ok installed",
                is.state.clone(),
            ));
        }
        if let Some(wanted) = &self.version
            && !self.same(wanted, &is.version)
        {
            found.differences.push(Difference::new("version", wanted.clone(), is.version.clone()));
        }
        let parsed = Debian::parse(&is.version);
        if let Some(wanted) = &self.upstream_version {
            let upstream = parsed.map_or(is.version.as_str(), |parsed| parsed.upstream).to_owned();
            found.expect("upstream_version", Some(wanted), &upstream);
        }
        for (field, wanted) in [("at_least", &self.at_least), ("below", &self.below)] {
            let Some(wanted) = wanted else { continue };
            match (Debian::parse(wanted), parsed) {
                (Ok(bound), Ok(is)) if is.compare(&bound).is_ge() == (field == "at_least") => {}
                (_, Ok(_)) => {
                    found.differences.push(Difference::new(
                        field,
                        wanted.clone(),
                        is.version.clone(),
                    ));
                }
                (_, Err(why)) => {
                    let detail = format!("`{}` is no version: {why}", escape(&is.version));
                    found.blind(field, Unknown::new(Reason::Malformed, detail));
                }
            }
        }
        let architecture = is.architecture.clone().unwrap_or_default();
        found.expect("architecture", self.architecture.as_ref(), &architecture);
        found.expect("hold", self.hold.as_ref(), &(is.words()[0] == "hold"));
    }

    fn same(&self, wanted: &str, is: &str) -> bool {
        match self.manager {
            Manager::Dpkg | Manager::Rpm => wanted == is,
            Manager::Pip => match (version::python(wanted), version::python(is)) {
                (Some(wanted), Some(is)) => wanted == is,
                _ => wanted == is,
            },
        }
    }

    fn compare_named(&self, key: &str, instances: &[Instance], found: &mut Comparison) {
        match self.choose(key, instances) {
            Err(unknown) if self.present() => found.blind("presence", unknown),
            Ok(Some(one)) if self.present() => {
                found.seen = Some(one_line(&one.brief(), 80));
                self.compare(one, found);
            }
            Ok(None) if self.present() => {
                let state = instances.first().map_or("absent", |left| left.state.as_str());
                found.differences.push(Difference::new("presence", "present", state));
            }
            Ok(None) => {
                let left =
                    if instances.is_empty() { "" } else { ", configuration was left behind" };
                found.seen = Some(format!("absent{left}"));
            }
            Ok(Some(_)) | Err(_) => {
                let there = instances.iter().filter(|i| i.is_there());
                let there: Vec<_> = there.map(|i| format!("{} ({})", i.brief(), i.state)).collect();
                found.differences.push(Difference::new("presence", "absent", there.join(", ")));
            }
        }
    }
}

impl Kind for Package {
    const NAME: &'static str = "package";
    const ABOUT: &'static str = "a package of dpkg, rpm or pip: presence, state, version, hold";
    const DOC: &'static str = include_str!("package.md");
    const EXAMPLE: &'static str = r#"
[package.postgresql-client-16]
upstream_version = "16.13"

[package.openssl]
at_least = "3.0.13-0ubuntu3.5"
below = "3.1"

[package.psycopg2]
manager = "pip"
paths = ["/usr/local/lib/python3.12/dist-packages", "/usr/lib/python3/dist-packages"]
version = "2.9.11"

[package."telnet*"]
only = []
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "package",
        value: "PATTERN",
        help: "Packages of dpkg whose name the pattern matches, with their versions, and that there are no others",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        self.check_name(name, problems);
        self.check_manager(problems);
        self.check_versions(problems);
        let mut of_one = self.of_one().to_vec();
        if !self.present() {
            for (key, _) in of_one.iter().filter(|(_, set)| *set) {
                let message = format!("`present = false` leaves nothing that could have `{key}`");
                problems.push(Problem::key(key, Code::Contradiction, message));
            }
        }
        of_one.extend([("present", self.present.is_some()), ("name", self.name.is_some())]);
        closed::check(name, self.only.as_ref(), &of_one, problems);
    }

    fn question(&self, name: &str) -> Value {
        json!({ "manager": self.manager, "name": self.looked_for(name).0, "paths": self.paths })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let asked = wanted.to_vec();
        let deadline = world.deadline;
        match world.ask(move |host| Ok(look::all(host, &asked, deadline))).await {
            Ok(answers) => answers,
            Err(unknown) => super::answer_all(wanted, &unknown),
        }
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopted(&look::dpkg(host, &asked)?, &asked)).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        match observed {
            Seen::Matched(seen) => {
                closed::compare(self.only.as_deref().unwrap_or_default(), seen, &mut found);
            }
            _ if is_pattern(name) => found.blind("only", super::metadata::not_asked()),
            Seen::Named { found: instances, no_folder } => {
                for folder in no_folder {
                    found.differences.push(Difference::new("paths", folder.clone(), Value::Null));
                }
                self.compare_named(name, instances, &mut found);
            }
        }
        found
    }
}

/// One table for each, and one for the list where a pattern was asked for.
fn adopted(packages: &[Found], asked: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    if is_pattern(asked) {
        let names: std::collections::BTreeSet<&str> =
            packages.iter().map(|p| p.name.as_str()).collect();
        adopted.drafts.push(Draft::new(asked).set("only", names.into_iter().collect::<Vec<_>>()));
    } else if packages.is_empty() {
        let detail = format!("dpkg has no package `{}`", escape(asked));
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    for package in packages {
        let twin = |other: &&Found| other.name == package.name;
        let name = match &package.architecture {
            Some(architecture) if packages.iter().filter(twin).count() > 1 => {
                format!("{}:{architecture}", package.name)
            }
            _ => package.name.clone(),
        };
        let mut draft = Draft::new(name).set("version", package.version.as_str());
        if package.state.starts_with("hold ") {
            draft = draft.set("hold", true);
        }
        adopted.drafts.push(draft);
    }
    Ok(adopted)
}

#[cfg(test)]
mod tests;
