//! What a table may not say: keys that its manager cannot tell, versions that are none, names that nobody can have.

use super::super::closed::is_pattern;
use super::super::{Problem, path};
use super::version::{self, Debian};
use super::{Manager, Package};
use crate::model::Code;
use crate::model::display::escape;

impl Package {
    pub(super) fn check_manager(&self, problems: &mut Vec<Problem>) {
        let none_of = |manager: &str, keys: &[&str], problems: &mut Vec<Problem>| {
            let set = self.of_one().into_iter().filter(|(_, set)| *set);
            for (key, _) in set.filter(|(key, _)| keys.contains(key)) {
                let message = format!("`{key}` cannot be told of a package of {manager}");
                problems.push(Problem::key(key, Code::Unsupported, message));
            }
        };
        match self.manager {
            Manager::Dpkg => {}
            Manager::Rpm => none_of("rpm", &["at_least", "below", "hold"], problems),
            Manager::Pip => {
                let keys = ["upstream_version", "at_least", "below", "architecture", "hold"];
                none_of("pip", &keys, problems);
            }
        }
        match (&self.paths, self.manager) {
            (None, Manager::Pip) => {
                let message = "nothing says where pip installs";
                let hint = "name the folders that `python3 -m site` prints, as `paths`";
                problems.push(Problem::resource(Code::MissingKey, message).hint(hint));
            }
            (Some(_), Manager::Dpkg | Manager::Rpm) => {
                let message = "`paths` is about packages of pip";
                problems.push(Problem::key("paths", Code::Contradiction, message));
            }
            (Some(paths), Manager::Pip) if paths.is_empty() => {
                problems.push(Problem::key("paths", Code::Empty, "no folder would be looked into"));
            }
            _ => {}
        }
        for folder in self.paths.iter().flatten() {
            path::check_key("paths", folder, problems);
        }
    }

    pub(super) fn check_versions(&self, problems: &mut Vec<Problem>) {
        let exact = [("version", &self.version), ("upstream_version", &self.upstream_version)];
        let stated: Vec<&str> =
            self.of_one()[..4].iter().filter(|(_, set)| *set).map(|(key, _)| *key).collect();
        let range = ["at_least", "below"];
        if let [first, second, ..] = stated.as_slice()
            && !(range.contains(first) && range.contains(second))
        {
            let message = format!("`{second}` cannot stand beside `{first}`");
            problems.push(Problem::key(second, Code::Contradiction, message));
        }
        let ranged = [("at_least", &self.at_least), ("below", &self.below)];
        for (key, text) in exact.into_iter().chain(ranged) {
            let Some(text) = text else { continue };
            let bad = match self.manager {
                Manager::Dpkg => Debian::parse(text).err(),
                Manager::Pip if version::python(text).is_none() => {
                    Some("it is no version of Python")
                }
                Manager::Rpm | Manager::Pip => text.is_empty().then_some("it is empty"),
            };
            if let Some(why) = bad {
                problems.push(Problem::key(
                    key,
                    Code::WrongType,
                    format!("this is no version: {why}"),
                ));
            }
        }
        if let (Some(low), Some(high)) = (&self.at_least, &self.below)
            && let (Ok(low), Ok(high)) = (Debian::parse(low), Debian::parse(high))
            && low.compare(&high).is_ge()
        {
            let message = "no version is at least the one and below the other";
            problems.push(Problem::key("below", Code::Contradiction, message));
        }
    }

    pub(super) fn check_name(&self, key: &str, problems: &mut Vec<Problem>) {
        let (name, architecture) = self.looked_for(key);
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let message = "no package can have this name";
            problems.push(Problem::resource(Code::BadName, message));
        }
        if self.name.as_deref().is_some_and(is_pattern) {
            let message = "a pattern is the key of the table";
            problems.push(Problem::key("name", Code::BadName, message));
        }
        if let (Some(suffix), Some(key)) = (architecture, &self.architecture)
            && suffix != key
        {
            let message = format!("the name says `{}`", escape(suffix));
            problems.push(Problem::key("architecture", Code::Contradiction, message));
        }
    }
}
