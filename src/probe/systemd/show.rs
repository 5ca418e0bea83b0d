//! The manager through `systemctl`, where the bus does not answer: its own socket needs no bus, and root may use it.
//!
//! `show`, `list-units` and `list-unit-files` only read. Their output is parsed strictly: what is not as expected is
//! Unknown, and never half an answer.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::{Active, Answered, Asked, Listed, Source, Told, Unit, UnitName, no_digest};
use crate::model::display::one_line;
use crate::model::{Reason, Unknown};
use crate::probe::runner::{OUTPUT_BYTES_MAX, Run, RunError};

const PROPERTIES: &str = "Id,LoadState,LoadError,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,\
                          NeedDaemonReload,Result,User";
/// How much of what `systemctl` complains about is kept.
const ERROR_WIDTH_MAX: usize = 200;

pub(super) fn look(asked: &Asked, deadline: Duration) -> Result<Answered, Unknown> {
    let mut units = BTreeMap::new();
    if !asked.names.is_empty() {
        let property = format!("--property={PROPERTIES}");
        let mut words = vec!["show", property.as_str(), "--"];
        words.extend(asked.names.iter().map(String::as_str));
        units = parse_units(&asked.names, &run(&words, deadline)?)?;
    }
    let mut lists = BTreeMap::new();
    if !asked.patterns.is_empty() {
        let ask = |verb| run(&[verb, "--all", "--full", "--plain", "--no-legend"], deadline);
        let loaded = parse_lines(&ask("list-units")?)?;
        let unit_files = parse_lines(&ask("list-unit-files")?)?;
        for pattern in &asked.patterns {
            let fits = |name: &str| (asked.matches)(pattern, name);
            let list = list(&loaded, &unit_files, fits);
            lists.insert(pattern.clone(), Ok((Source::Systemctl, list)));
        }
    }
    Ok(Answered { units, lists })
}

fn run(words: &[&str], deadline: Duration) -> Result<String, Unknown> {
    let mut arguments: Vec<OsString> = vec!["--no-pager".into(), "--no-ask-password".into()];
    arguments.extend(words.iter().map(OsString::from));
    let run = Run {
        program: "systemctl",
        arguments,
        environment: vec![("SYSTEMD_COLORS", "0".into())],
        folder: Path::new("/"),
        deadline,
    };
    let output = run.output().map_err(|error| match error {
        RunError::Deadline { .. } => Unknown::new(Reason::Deadline, error.to_string()),
        RunError::Start { ref source, .. } => {
            Unknown::new(Reason::Unreachable, format!("{error}: {source}"))
        }
    })?;
    if !output.status.success() {
        let said = one_line(String::from_utf8_lossy(&output.stderr).trim(), ERROR_WIDTH_MAX);
        return Err(Unknown::new(Reason::Unreachable, format!("{}: {said}", output.status)));
    }
    if output.stdout.len() >= OUTPUT_BYTES_MAX {
        let detail = format!("it printed {OUTPUT_BYTES_MAX} bytes or more, which is the limit");
        return Err(Unknown::new(Reason::TooLarge, detail));
    }
    String::from_utf8(output.stdout).map_err(|_| malformed("it printed what is not UTF-8"))
}

fn malformed(detail: &str) -> Unknown {
    Unknown::new(Reason::Malformed, detail)
}

/// The blocks of `systemctl show`, one for each name, in their order.
fn parse_units(names: &[String], text: &str) -> Result<BTreeMap<String, Told<Unit>>, Unknown> {
    let blocks: Vec<&str> = text.trim_end_matches('\n').split("\n\n").collect();
    if blocks.len() != names.len() {
        let (asked, came) = (names.len(), blocks.len());
        return Err(malformed(&format!("{asked} units were asked for and {came} came back")));
    }
    let units = names.iter().zip(blocks).map(|(name, block)| {
        let unit = parse_unit(name, block)?;
        Ok((name.clone(), Ok((Source::Systemctl, unit))))
    });
    units.collect()
}

fn parse_unit(name: &str, block: &str) -> Result<Unit, Unknown> {
    let mut values = BTreeMap::new();
    for line in block.lines() {
        let (key, value) = line.split_once('=').ok_or_else(|| malformed("a line without `=`"))?;
        if values.insert(key, value).is_some() {
            return Err(malformed("a property that is told twice"));
        }
    }
    let get = |key: &str| values.get(key).map(|value| (*value).to_owned());
    let must = |key: &str| get(key).ok_or_else(|| malformed(&format!("no property `{key}`")));
    let some = |key: &str| get(key).filter(|value| !value.is_empty());
    let id = must("Id")?;
    let enabled =
        if id == name { get("UnitFileState").unwrap_or_default() } else { "alias".into() };
    let needs_reload = match must("NeedDaemonReload")?.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(malformed("`NeedDaemonReload` is neither `yes` nor `no`")),
    };
    Ok(Unit {
        load: must("LoadState")?,
        load_error: some("LoadError"),
        active: Ok(Active { state: must("ActiveState")?, sub: must("SubState")? }),
        enabled: Ok(enabled),
        fragment: some("FragmentPath"),
        fragment_sha256: no_digest(),
        definition_sha256: no_digest(),
        drop_ins: some("DropInPaths").map(|paths| parse_paths(&paths)).unwrap_or_default(),
        needs_reload: Ok(needs_reload),
        result: Ok(get("Result")),
        user: Ok(get("User")),
        triggered: Err(Unknown::new(
            Reason::NotSupported,
            "`systemctl` writes times for people; only the bus tells them exactly",
        )),
        id,
    })
}

/// Absolute paths with a blank between them; one that has a blank of its own stays whole.
fn parse_paths(text: &str) -> Vec<String> {
    let mut paths: Vec<String> = text.split(" /").map(|path| format!("/{path}")).collect();
    if let Some(first) = paths.first_mut() {
        first.remove(0);
    }
    paths
}

/// Lines of columns: the name of a unit, and the words after it.
fn parse_lines(text: &str) -> Result<Lines, Unknown> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace().map(str::to_owned);
        let name = words.next().filter(|name| UnitName::parse(name).is_some());
        let name = name.ok_or_else(|| malformed("a line that starts with no name of a unit"))?;
        found.insert(name, words.take(3).collect());
    }
    Ok(found)
}

type Lines = BTreeMap<String, Vec<String>>;

fn list(loaded: &Lines, unit_files: &Lines, fits: impl Fn(&str) -> bool) -> Listed {
    let mut listed = Listed::new();
    for (name, words) in unit_files {
        let state = words.first().map_or("", String::as_str);
        listed.insert(name.clone(), format!("file, {state}"));
    }
    for (name, words) in loaded {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        if word(0) == "not-found" && word(1) == "inactive" {
            continue;
        }
        let about = format!("{}, {} ({})", word(0), word(1), word(2));
        listed
            .entry(name.clone())
            .and_modify(|file| *file = format!("{about}, {file}"))
            .or_insert(about);
    }
    listed.retain(|name, _| fits(name));
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\n\
        FragmentPath=/etc/systemd/system/a.service\nDropInPaths=/etc/a b.conf /run/c.conf\n\
        UnitFileState=enabled\nNeedDaemonReload=yes\nLoadError=\nResult=success\nUser=postgres\n";

    #[test]
    fn an_answer_of_systemctl_is_read() {
        let unit = parse_unit("a.service", ANSWER).expect("an answer");
        assert_eq!(unit.drop_ins, ["/etc/a b.conf", "/run/c.conf"]);
        assert_eq!((unit.load.as_str(), unit.load_error), ("loaded", None));
        assert_eq!(unit.enabled.as_deref(), Ok("enabled"));
        assert_eq!(unit.needs_reload, Ok(true));
        assert_eq!(unit.user, Ok(Some("postgres".to_owned())));
        let alias = parse_unit("b.service", ANSWER).expect("an answer");
        assert_eq!(alias.enabled.as_deref(), Ok("alias"));
    }

    #[test]
    fn half_an_answer_is_none() {
        let names = ["a.service".to_owned(), "b.service".to_owned()];
        assert!(parse_units(&names[..1], ANSWER).is_ok());
        assert!(parse_units(&names, &format!("{ANSWER}\n{ANSWER}")).is_ok());
        assert!(parse_units(&names, ANSWER).is_err());
        for cut in ["Id=a.service\n", "Id=a.service\nId=b.service\n", "nonsense\n"] {
            assert!(parse_unit("a.service", cut).is_err(), "{cut}");
        }
        assert!(parse_unit("a.service", &ANSWER.replace("=yes", "=perhaps")).is_err());
        assert!(parse_lines("a.service loaded active\nnonsense here\n").is_err());
    }

    #[test]
    fn a_list_joins_what_is_loaded_and_what_lies_there() {
        let loaded = "a.service loaded active running Some words\nb.service not-found inactive dead x\n\
            c.service not-found failed failed c.service\n";
        let files = "a.service enabled enabled\nd@.service disabled enabled\n";
        let (loaded, files) =
            (parse_lines(loaded).expect("lines"), parse_lines(files).expect("lines"));
        let listed = list(&loaded, &files, |_| true);
        let lines: Vec<String> =
            listed.iter().map(|(name, about)| format!("{name}: {about}")).collect();
        assert_eq!(
            lines,
            [
                "a.service: loaded, active (running), file, enabled",
                "c.service: not-found, failed (failed)",
                "d@.service: file, disabled"
            ]
        );
        assert_eq!(list(&loaded, &files, |name| name.starts_with('d')).len(), 1);
    }
}
