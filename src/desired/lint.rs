//! What can only be seen across files: references, circles, waivers, identity. Reads the whole, changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Resource, Tree};
use crate::model::{Code, Diagnostic, Period, ResourceName, Timestamp, nearest};

/// The most findings before a suggestion is no longer looked for.
const SUGGESTED_MAX: usize = 50;

/// Finds what is wrong between the resources of one host. `declared` also holds those that have errors of their own.
pub(super) fn references(
    desired: &Desired,
    declared: &BTreeSet<ResourceName>,
    now: Timestamp,
    found: &mut Vec<Diagnostic>,
) {
    if desired.identity.hostname.is_none() {
        let main = format!("hosts/{}/host.toml", desired.host);
        let message = "without `identity.hostname` this could be checked against the wrong machine";
        let warning = Diagnostic::error(Code::Unpinned, main, 0..0, message).warning();
        found.push(warning.hint("[host]\nidentity = { hostname = \"…\" }"));
    }
    for resource in desired.resources.values() {
        dependencies(desired, declared, resource, found);
        database(desired, resource, found);
        interval(resource, found);
    }
    circles(desired, found);
    waivers(desired, declared, now, found);
}

/// Finds what no host reads: files of resources where none are looked for, and roles that nobody takes part in.
#[must_use]
pub fn astray(tree: &Tree, used: &BTreeSet<String>) -> Vec<Diagnostic> {
    let warn =
        |code, file: &str, message: String| Diagnostic::error(code, file, 0..0, message).warning();
    let mut found = Vec::new();
    for path in tree.files.keys().filter(|path| is_toml(path)) {
        let parts: Vec<&str> = path.split('/').collect();
        let read = matches!(parts.as_slice(), ["fleet.toml"] | ["hosts" | "roles", _, _, ..]);
        if !read {
            let message = "nobody reads this file: resources stand in hosts/NAME/ and roles/NAME/";
            found.push(warn(Code::Misplaced, path, message.to_owned()));
        }
    }
    for role in tree.roles().iter().filter(|role| !used.contains(*role)) {
        let folder = format!("roles/{role}/");
        if let Some((file, _)) = tree.below(&folder).find(|(file, _)| is_toml(file)) {
            let message = format!("no host takes part in the role `{role}`");
            found.push(warn(Code::Redundant, file, message));
        }
    }
    found
}

fn is_toml(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|ext| ext.eq_ignore_ascii_case("toml"))
}

fn at(resource: &Resource, code: Code, message: String) -> Diagnostic {
    Diagnostic::error(code, resource.file.clone(), resource.span.clone(), message)
}

/// The nearest name, for the first errors only: to compare each of many names with each of many takes too long.
fn nearest_resource(desired: &Desired, wanted: &ResourceName, errors: usize) -> Option<String> {
    if errors > SUGGESTED_MAX {
        return None;
    }
    let names: Vec<String> = desired.resources.keys().map(ToString::to_string).collect();
    nearest(&wanted.to_string(), names.iter().map(String::as_str)).map(str::to_owned)
}

fn dependencies(
    desired: &Desired,
    declared: &BTreeSet<ResourceName>,
    resource: &Resource,
    found: &mut Vec<Diagnostic>,
) {
    for wanted in &resource.common.depends_on {
        if declared.contains(wanted) {
            continue;
        }
        let error = at(
            resource,
            Code::Reference,
            format!("`{}` depends on `{wanted}`, which is not declared", resource.name),
        );
        found.push(match nearest_resource(desired, wanted, found.len()) {
            Some(name) => error.hint(format!("did you mean `{name}`?")),
            None => error,
        });
    }
}

fn database(desired: &Desired, resource: &Resource, found: &mut Vec<Diagnostic>) {
    if let Some(database) = resource.spec.database()
        && !desired.databases.contains_key(database)
    {
        let message =
            format!("`{}` asks the database `{database}`, which is not declared", resource.name);
        let error = at(resource, Code::Reference, message);
        found.push(match nearest(database, desired.databases.keys().map(String::as_str)) {
            Some(name) => error.hint(format!("did you mean `{name}`?")),
            None => error
                .hint(format!("declare [database.{database}] in hosts/{}/host.toml", desired.host)),
        });
    }
}

fn interval(resource: &Resource, found: &mut Vec<Diagnostic>) {
    if let Some(interval) = &resource.common.interval {
        let positive = interval.parse::<Period>().is_ok_and(|period| period.seconds() > 0);
        if !positive {
            let message =
                format!("`interval` of `{}` is no length of time: {interval:?}", resource.name);
            found.push(at(resource, Code::WrongType, message).hint("such as \"5m\" or \"1h 30m\""));
        }
    }
}

/// Reports each circle once, at the first of its resources by name.
fn circles(desired: &Desired, found: &mut Vec<Diagnostic>) {
    let mut done: BTreeSet<&ResourceName> = BTreeSet::new();
    for start in desired.resources.keys() {
        let mut path: Vec<&ResourceName> = Vec::new();
        let mut index: BTreeMap<&ResourceName, usize> = BTreeMap::new();
        // Each entry: a resource, and how many of its dependencies were followed.
        let mut stack: Vec<(&ResourceName, usize)> = vec![(start, 0)];
        while let Some((name, followed)) = stack.pop() {
            if followed == 0 {
                if done.contains(name) {
                    continue;
                }
                index.insert(name, path.len());
                path.push(name);
            }
            let next = desired.resources.get(name).and_then(|r| r.common.depends_on.get(followed));
            let Some(next) = next else {
                path.pop();
                index.remove(name);
                done.insert(name);
                continue;
            };
            stack.push((name, followed + 1));
            if let Some(from) = index.get(next) {
                report_circle(desired, &path[*from..], found);
            } else {
                stack.push((next, 0));
            }
        }
    }
}

fn report_circle(desired: &Desired, circle: &[&ResourceName], found: &mut Vec<Diagnostic>) {
    let Some(resource) = circle.first().and_then(|name| desired.resources.get(*name)) else {
        return;
    };
    let names: Vec<String> = circle.iter().chain(circle.first()).map(ToString::to_string).collect();
    found.push(at(resource, Code::Cycle, format!("a circle: {}", names.join(" -> "))));
}

fn waivers(
    desired: &Desired,
    declared: &BTreeSet<ResourceName>,
    now: Timestamp,
    found: &mut Vec<Diagnostic>,
) {
    for waiver in desired.waivers.values() {
        let at = |code, message: String| {
            Diagnostic::error(code, waiver.file.clone(), waiver.span.clone(), message)
        };
        let text = waiver.selector.text();
        let is_meant = |name: &&ResourceName| waiver.selector.reaches(name);
        let mut reached = desired.resources.keys().filter(is_meant).peekable();
        if reached.peek().is_none() && !declared.iter().any(|name| is_meant(&name)) {
            let wrong = match &waiver.section.selector {
                Some(_) => "is to be waived and reaches no resource",
                None => "is waived and not declared",
            };
            let error = at(Code::Reference, format!("`{text}` {wrong}"));
            let near = ResourceName::parse(text)
                .and_then(|wanted| nearest_resource(desired, &wanted, found.len()));
            found.push(match near {
                Some(name) => error.hint(format!("did you mean `{name}`?")),
                None => error,
            });
            continue;
        }
        let guard = |name: &&ResourceName| {
            desired.resources.get(name).is_some_and(|one| one.common.kill_switch)
        };
        if let Some(guard) = reached.find(guard) {
            found.push(at(Code::GuardWaived, format!("`{guard}` is a guard")));
        } else if waiver.section.expires < now {
            let message = format!("the waiver of `{text}` expired at {}", waiver.section.expires);
            found.push(at(Code::Expired, message).warning());
        }
    }
}
