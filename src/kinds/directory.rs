//! `[directory."PATH"]`: a directory that exists with a given owner, group and mode, or does not exist.
//!
//! Looks at the directory itself and whether it has entries; what they are is the business of other kinds.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::metadata::{Metadata, Wanted};
use super::provision::{self, Make, Place};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, path};
use crate::action::{Depth, Mended, Needs, Remedy, Surroundings};
use crate::model::{Comparison, Difference, Evidence, Mode, Reason, Unknown};
use crate::probe::World;
use crate::probe::host::{Contents, DirEntry, FileType, Host, Links};

/// The most directories that one flag writes down.
const ADOPTED_MAX: usize = 1_000;
/// The most entries of one of them.
const ENTRIES_MAX: usize = 100_000;

/// The table of a directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Directory {
    /// `false`: nothing at all may stand at this path. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// The name of its owner; the number as text for an owner that has no name.
    owner: Option<String>,
    /// The name of its group; the number as text for a group that has no name.
    group: Option<String>,
    /// Its mode, such as "0750".
    mode: Option<Mode>,
    /// `true`: it has no entries. `false`: it has at least one.
    empty: Option<bool>,
    /// Look through symbolic links on the way to it, beneath the root of the host. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    metadata: Metadata,
    /// Asked only where the table says something about it.
    empty: Option<Result<bool, Unknown>>,
}

impl Directory {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            present: self.present,
            file_type: FileType::Directory,
            owner: self.owner.as_ref(),
            group: self.group.as_ref(),
            mode: self.mode,
        }
    }

    fn links(&self) -> Links {
        Links::through(self.through_links)
    }

    fn differs_in_entries(&self, seen: Option<&Seen>) -> bool {
        let is = seen.and_then(|seen| seen.empty.as_ref()).and_then(|empty| empty.as_ref().ok());
        self.empty.is_some() && self.empty.as_ref() != is
    }

    fn look(&self, host: &Host, path: &Path) -> Result<Option<Seen>, Unknown> {
        let Some(stat) = host.stat(path, self.links())? else { return Ok(None) };
        let mut empty = None;
        if self.empty.is_some() && stat.file_type == FileType::Directory {
            empty = host.is_empty(path, self.links()).transpose();
        }
        Ok(Some(Seen { metadata: Metadata::of(host, &stat), empty }))
    }
}

impl Kind for Directory {
    const NAME: &'static str = "directory";
    const ABOUT: &'static str = "a directory: presence, owner, group, mode, emptiness";
    const DOC: &'static str = "\
The key is an absolute path. Without other keys the directory must exist.

What stands at the path is looked at without following it: a symbolic link to a directory is a difference of `type`. A
link on the way to the path is named, and the verdict is unknown, unless `through_links = true`.

Owners and groups are compared by the names that the host's own `/etc/passwd` and `/etc/group` give them.";
    const EXAMPLE: &'static str = r#"
[directory."/var/lib/cutter"]
owner = "root"
group = "root"
mode = "0750"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "directory",
        value: "DIR",
        help: "A directory and those below it, at most 1,000: owner, group, mode",
        all: None,
    });
    type Observed = Option<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_name(name, problems);
        self.wanted().check(&[("empty", self.empty.is_some())], problems);
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "empty": self.empty.is_some(), "through_links": self.through_links })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        world.sweep(items, |host, path, spec: &Arc<Self>| spec.look(host, Path::new(path))).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = path::asked(asked)?;
        world.ask(move |host| Ok(adopt(host, &asked))).await
    }

    fn diff(&self, _path: &str, observed: &Option<Seen>) -> Comparison {
        let mut found = Comparison::by(Evidence::Stat);
        let metadata = observed.as_ref().map(|seen| &seen.metadata);
        if !self.wanted().compare(metadata, &mut found) {
            return found;
        }
        match (self.empty, observed.as_ref().and_then(|seen| seen.empty.as_ref())) {
            (None, _) => {}
            (Some(wanted), Some(Ok(is))) if wanted == *is => {}
            (Some(wanted), Some(Ok(is))) => {
                found.differences.push(Difference::new("empty", wanted, *is));
            }
            (Some(_), Some(Err(unknown))) => found.blind("empty", unknown.clone()),
            (Some(_), None) => found.blind("empty", super::not_recorded()),
        }
        found
    }

    fn needs(&self, path: &str) -> Needs {
        provision::needs(path, &self.wanted(), Depth::Attributes)
    }

    fn remedy(&self, path: &str, seen: &Option<Seen>, around: &Surroundings) -> Mended {
        let wanted = self.wanted();
        let place = Place::of(path, &wanted, self.through_links, around);
        let nothing = |why: &str| Ok(Remedy::Nothing(why.to_owned()));
        place.remedy(
            || match self.empty {
                Some(false) => nothing("nobody says what its entries are"),
                _ => place.create(&Make::Directory),
            },
            |is| {
                if self.differs_in_entries(seen.as_ref()) {
                    return nothing("its entries are nobody's to make or remove");
                }
                place.attributes(is)
            },
        )
    }
}

/// The directory and those below it, breadth first.
fn adopt(host: &Host, asked: &str) -> Adopted {
    let mut adopted = Adopted::default();
    let mut todo = VecDeque::from([asked.to_owned()]);
    while let Some(path) = todo.pop_front() {
        if adopted.drafts.len() == ADOPTED_MAX {
            let detail =
                format!("there are more than {ADOPTED_MAX} directories, these are the first");
            adopted.unseen.push((asked.to_owned(), Unknown::new(Reason::TooLarge, detail)));
            break;
        }
        let seen = host.stat(Path::new(&path), Links::Refuse);
        let draft = seen.and_then(|stat| match stat {
            Some(stat) if stat.file_type == FileType::Directory => {
                Metadata::of(host, &stat).adopt(Draft::new(&path)).map(Some)
            }
            Some(_) if path == asked => Err(path::not_a(FileType::Directory)),
            _ => Ok(None),
        });
        match draft {
            Ok(Some(draft)) => adopted.drafts.push(draft),
            Ok(None) => continue,
            Err(unknown) => {
                adopted.unseen.push((path, unknown));
                continue;
            }
        }
        if elsewhere(host, asked, &path) {
            let detail =
                "another file system is mounted there; name it to write down what is below";
            adopted.unseen.push((format!("{path}/*"), Unknown::new(Reason::NotSupported, detail)));
            continue;
        }
        match host.entries(Path::new(&path), Links::Refuse, ENTRIES_MAX) {
            Ok(contents) => todo.extend(folders(&path, contents, &mut adopted.unseen)),
            Err(unknown) => adopted.unseen.push((format!("{path}/*"), unknown)),
        }
    }
    adopted
}

/// Does a directory lie on another mount than the one that was asked for? `/proc` is no part of what somebody wants to be
/// below `/`. Where that cannot be told, reading its entries says why.
fn elsewhere(host: &Host, asked: &str, path: &str) -> bool {
    let place = |path| host.place(Path::new(path), Links::Refuse).ok().flatten();
    match (place(asked), place(path)) {
        (Some(asked), Some(there)) => asked != there,
        _ => false,
    }
}

/// The directories among the entries of one, as paths. A name that TOML cannot hold is told apart.
fn folders(
    above: &str,
    contents: Contents<Vec<DirEntry>>,
    unseen: &mut Vec<(String, Unknown)>,
) -> Vec<String> {
    let Contents::Regular(_, entries) = contents else { return Vec::new() };
    let mut paths = Vec::new();
    for entry in entries {
        if !matches!(entry.file_type, Some(FileType::Directory) | None) {
            continue;
        }
        match path::below(above, &entry.name) {
            Ok(path) => paths.push(path),
            Err((shown, unknown)) => unseen.push((shown, unknown)),
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, check};

    #[test]
    fn presence_type_and_attributes_are_compared() {
        let root = test_world::Root::new();
        root.dir("d", 0o750).dir("d/full/x", 0o755).file("f", b"").link("l", "d").link("way", "d");
        let cases: &[(&str, &str, &[&str])] = &[
            ("/d", "owner = 'USER'\ngroup = 'GROUP'\nmode = '0750'\nempty = false", &[]),
            ("/d", "mode = '0755'", &["mode \"0755\" \"0750\""]),
            ("/d", "owner = 'other'", &["owner \"other\" \"USER\""]),
            ("/d", "empty = true", &["empty true false"]),
            ("/d/full/x", "empty = true", &[]),
            ("/d/full/x", "empty = false", &["empty false true"]),
            ("/d", "present = false", &["presence \"absent\" \"present\""]),
            ("/none", "present = false", &[]),
            ("/none", "", &["presence \"present\" \"absent\""]),
            ("/f", "mode = '0750'", &["type \"directory\" \"file\""]),
            ("/l", "", &["type \"directory\" \"symlink\""]),
            ("/f/below", "", &["presence \"present\" \"absent\""]),
            ("/way/full", "", &["blind symlink_on_path"]),
            ("/way/full", "through_links = true", &[]),
        ];
        for (name, toml, expected) in cases {
            check::<Directory>(&root, name, toml, expected);
        }
    }

    #[test]
    fn what_is_mounted_below_is_not_walked() {
        let host = Host::open(Path::new("/"), crate::config::Policy::everything()).expect("a root");
        let places = ["/dev", "/dev/shm"].map(|path| host.place(Path::new(path), Links::Refuse));
        if !matches!(&places, [Ok(Some(above)), Ok(Some(below))] if above != below) {
            eprintln!("SKIPPED: nothing is mounted at /dev/shm");
            return;
        }
        let adopted = adopt(&host, "/dev");
        let unseen: Vec<&str> = adopted.unseen.iter().map(|(path, _)| path.as_str()).collect();
        assert!(unseen.contains(&"/dev/shm/*"), "{unseen:?}");
        assert!(
            adopted.drafts.iter().any(|draft| draft.name == "/dev/shm"),
            "its own attributes are"
        );
    }

    #[test]
    fn absence_has_no_attributes() {
        let toml = "present = false\nowner = 'root'\nmode = '0755'\nempty = true";
        let problems = test_world::prepare::<Directory>("/d", toml).1;
        let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
        assert_eq!(codes, ["CS0008", "CS0008", "CS0008"]);
        assert_eq!(test_world::prepare::<Directory>("d", "").1.len(), 1);
    }
}
