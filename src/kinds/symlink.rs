//! `[symlink."PATH"]`: a symbolic link with a given target, or nothing at that path.
//!
//! The link itself is looked at and not followed, unless the table asks where it leads; then it is followed beneath the
//! root of the host and never out of it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::metadata::{Metadata, Wanted};
use super::provision::{self, Make, Place};
use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, not_recorded, path};
use crate::action::{Depth, Mended, Needs, PathState, Remedy, Surroundings};
use crate::model::display::{escape_bytes, one_line};
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown, shown_path};
use crate::probe::World;
use crate::probe::host::{Contents, FileType, Host, Links};

/// The table of a symbolic link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Symlink {
    /// `false`: nothing at all may stand at this path. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// What the link says, byte for byte: "../app" and "/opt/app" are two targets.
    target: Option<String>,
    /// The name of the link's own owner; the number as text for an owner that has no name.
    owner: Option<String>,
    /// The name of the link's own group; the number as text for a group that has no name.
    group: Option<String>,
    /// `true`: following the link, and every link that it leads to, ends at something that exists. `false`: it does not.
    target_exists: Option<bool>,
    /// A directory: following the link ends there or below it, at something that exists.
    inside: Option<String>,
    /// Look through symbolic links on the way to it, beneath the root of the host. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    metadata: Metadata,
    /// What the link says, escaped; `None` when it is no link.
    target: Option<String>,
    /// Asked only where the table says something about it.
    leads_to: Option<Result<End, Unknown>>,
}

/// Where following the link ended.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    /// Without links, escaped.
    path: String,
    exists: bool,
}

impl Symlink {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            present: self.present,
            file_type: FileType::Symlink,
            owner: self.owner.as_ref(),
            group: self.group.as_ref(),
            mode: None,
        }
    }

    fn follows(&self) -> bool {
        self.target_exists.is_some() || self.inside.is_some()
    }

    fn look(&self, host: &Host, path: &Path) -> Result<Option<Seen>, Unknown> {
        let links = Links::through(self.through_links);
        let (stat, target) = match host.target(path, links)? {
            Contents::Absent => return Ok(None),
            Contents::Other(stat) => (stat, None),
            Contents::Regular(stat, target) => (stat, Some(target)),
        };
        let leads_to = (self.follows() && target.is_some()).then(|| {
            let place = host.follow(path)?;
            Ok(End { path: shown_path(&place.path), exists: place.exists })
        });
        let target = target.map(|target| escape_bytes(target.as_bytes()));
        Ok(Some(Seen { metadata: Metadata::of(host, &stat), target, leads_to }))
    }

    fn compare_end(&self, seen: &Seen, found: &mut Comparison) {
        if !self.follows() {
            return;
        }
        let end = match &seen.leads_to {
            Some(Ok(end)) => end,
            Some(Err(unknown)) => return found.blind("target_exists", unknown.clone()),
            None => return found.blind("target_exists", not_recorded()),
        };
        // What does not exist lies nowhere, so `inside` wants it to exist as well.
        let exists = self.target_exists.unwrap_or(true);
        if exists != end.exists {
            return found.differences.push(Difference::new("target_exists", exists, end.exists));
        }
        // Escaping leaves slashes alone and keeps different names different.
        if let Some(inside) = &self.inside
            && !Path::new(&end.path).starts_with(escape_bytes(inside.as_bytes()))
        {
            found.differences.push(Difference::new("inside", inside.clone(), end.path.clone()));
        }
    }
}

impl Kind for Symlink {
    const NAME: &'static str = "symlink";
    const ABOUT: &'static str = "a symbolic link: presence, target, owner, where it leads";
    const DOC: &'static str = "\
The key is an absolute path. Without other keys a symbolic link must stand there, whatever it says.

`target` is what the link says, byte for byte. With `target_exists` or `inside` it is followed to its end: beneath the root
of the host and never out of it, an absolute target beginning at that root. Where it leads must be allowed by `[observe]`
as well, else the verdict is unknown; so it is when links lead in a circle. `inside` means the directory itself or anything
below it, after all links, and includes that something is there.

Owner and group are those of the link itself. Links have no mode of their own.";
    const EXAMPLE: &'static str = r#"
[symlink."/opt/incomex/current"]
target = "dot/iu-cutter-v0.6"
owner = "root"
target_exists = true
inside = "/opt/incomex/dot"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "symlink",
        value: "PATH",
        help: "A symbolic link: where it leads, owner, group",
        all: None,
    });
    type Observed = Option<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_name(name, problems);
        let others = [
            ("target", self.target.is_some()),
            ("target_exists", self.target_exists.is_some()),
            ("inside", self.inside.is_some()),
        ];
        self.wanted().check(&others, problems);
        if self.target.as_ref().is_some_and(|target| target.is_empty() || target.contains('\0')) {
            let message = "a link says something, and has no NUL character in it";
            problems.push(Problem::key("target", Code::WrongType, message));
        }
        let Some(inside) = &self.inside else { return };
        path::check_key("inside", inside, problems);
        if self.target_exists == Some(false) {
            let message = "`inside` wants that something is there, and `target_exists` does not";
            problems.push(Problem::key("inside", Code::Contradiction, message));
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "follows": self.follows(), "through_links": self.through_links })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        world.sweep(items, |host, path, spec: &Arc<Self>| spec.look(host, Path::new(path))).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = path::asked(asked)?;
        let draft = world.ask(move |host| draft(host, &asked)).await?;
        Ok(Adopted { drafts: draft.into_iter().collect(), unseen: Vec::new() })
    }

    fn diff(&self, _path: &str, observed: &Option<Seen>) -> Comparison {
        let mut found = Comparison::by(Evidence::Stat);
        let metadata = observed.as_ref().map(|seen| &seen.metadata);
        if !self.wanted().compare(metadata, &mut found) {
            return found;
        }
        let Some(seen) = observed else { return found };
        let target = seen.target.clone().unwrap_or_default();
        let wanted = self.target.as_ref().map(|wanted| escape_bytes(wanted.as_bytes()));
        found.expect("target", wanted.as_ref(), &target);
        self.compare_end(seen, &mut found);
        found.seen = Some(format!("-> {}", one_line(&target, 60)));
        found
    }

    fn needs(&self, path: &str) -> Needs {
        provision::needs(path, &self.wanted(), Depth::Attributes)
    }

    fn remedy(&self, path: &str, _seen: &Option<Seen>, around: &Surroundings) -> Mended {
        let wanted = self.wanted();
        let place = Place::of(path, &wanted, self.through_links, around);
        let nothing = |why: &str| Ok(Remedy::Nothing(why.to_owned()));
        let target = self.target.as_deref();
        place.remedy(
            || place.create(&Make::Symlink(target)),
            |is| match is {
                PathState::Symlink { target: is, .. } if target.is_some_and(|want| want != is) => {
                    nothing("the link leads elsewhere; no step changes where a link leads: remove it by hand")
                }
                _ if self.follows() => {
                    nothing("where the link leads is not changed by changing the link")
                }
                _ => place.attributes(is),
            },
        )
    }
}

fn draft(host: &Host, path: &str) -> Result<Option<Draft>, Unknown> {
    let (stat, target) = match host.target(Path::new(path), Links::Refuse)? {
        Contents::Regular(stat, target) => (stat, target),
        Contents::Other(_) => return Err(path::not_a(FileType::Symlink)),
        Contents::Absent => return Ok(None),
    };
    let Ok(target) = OsString::into_string(target) else {
        let detail = "where it leads is no UTF-8, and desired state is";
        return Err(Unknown::new(Reason::NotSupported, detail));
    };
    let (owner, group) = Metadata::of(host, &stat).names()?;
    let draft = Draft::new(path).set("target", target);
    Ok(Some(draft.set("owner", owner).set("group", group)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, adopted, check};

    fn root() -> test_world::Root {
        let root = test_world::Root::new();
        root.dir("opt/app/v1", 0o755).file("opt/app/f", b"").dir("etc/x", 0o755);
        root.link("current", "opt/app/v1").link("up", "../../opt/app/../../etc/x");
        root.link("gone", "/opt/none").link("chain", "/current").link("odd\\", "a\u{1b}b\\");
        root.link("round", "round").link("way", "opt");
        root.link("opt/app/out", "/etc/x");
        root
    }

    #[test]
    fn target_and_owner_are_those_of_the_link() {
        let root = root();
        let cases: &[(&str, &str, &[&str])] = &[
            ("/current", "", &[]),
            ("/current", "target = 'opt/app/v1'\nowner = 'USER'\ngroup = 'GROUP'", &[]),
            ("/current", "target = '/opt/app/v1'", &["target \"/opt/app/v1\" \"opt/app/v1\""]),
            ("/current", "owner = 'other'", &["owner \"other\" \"USER\""]),
            ("/odd\\", "target = \"a\\u001bb\\\\\"", &[]),
            ("/odd\\", "target = 'ab'", &["target \"ab\" \"a\\\\u{1b}b\\\\\\\\\""]),
            ("/current", "present = false", &["presence \"absent\" \"present\""]),
            ("/none", "present = false", &[]),
            ("/none", "target = 'x'", &["presence \"present\" \"absent\""]),
            ("/opt", "target = 'x'", &["type \"symlink\" \"directory\""]),
            ("/way/app/out", "", &["blind symlink_on_path"]),
            ("/way/app/out", "through_links = true", &[]),
        ];
        for (name, toml, expected) in cases {
            check::<Symlink>(&root, name, toml, expected);
        }
    }

    #[test]
    fn a_link_is_followed_beneath_the_root() {
        let root = root();
        let cases: &[(&str, &str, &[&str])] = &[
            ("/current", "target_exists = true\ninside = '/opt/app'", &[]),
            ("/chain", "inside = '/opt/app/v1'", &[]),
            ("/current", "inside = '/opt/ap'", &["inside \"/opt/ap\" \"/opt/app/v1\""]),
            ("/opt/app/out", "inside = '/opt/app'", &["inside \"/opt/app\" \"/etc/x\""]),
            ("/up", "inside = '/etc'", &[]),
            ("/gone", "target_exists = false", &[]),
            ("/gone", "inside = '/opt'", &["target_exists true false"]),
            ("/chain", "target_exists = false", &["target_exists false true"]),
            ("/round", "target_exists = false", &["blind target_exists io_error"]),
            ("/round", "target = 'round'", &[]),
        ];
        for (name, toml, expected) in cases {
            check::<Symlink>(&root, name, toml, expected);
        }
        let mut root = root;
        let roots = ["/current".into(), "/opt/app".into()];
        root.policy = crate::config::Policy::new(&roots, &[], &[]).expect("a policy");
        check::<Symlink>(&root, "/current", "inside = '/opt/app'", &[]);
        let roots = ["/current".into()];
        root.policy = crate::config::Policy::new(&roots, &[], &[]).expect("a policy");
        check::<Symlink>(
            &root,
            "/current",
            "inside = '/opt'",
            &["blind target_exists not_allowed"],
        );
    }

    #[test]
    fn contradictions_are_refused() {
        for toml in [
            "present = false\ntarget = 'x'",
            "present = false\ninside = '/x'",
            "target = ''",
            "inside = 'x'",
            "inside = '/x'\ntarget_exists = false",
        ] {
            assert_eq!(test_world::prepare::<Symlink>("/l", toml).1.len(), 1, "{toml}");
        }
        assert_eq!(test_world::prepare::<Symlink>("l", "").1.len(), 1);
    }

    #[test]
    fn what_is_there_is_written_down_and_in_sync() {
        let root = root();
        let drafts = adopted::<Symlink>(&root, "/current").expect("seen").drafts;
        assert_eq!(drafts[0].keys[0], ("target", "opt/app/v1".into()));
        assert_eq!(adopted::<Symlink>(&root, "/none").expect("seen").drafts, []);
        for path in ["/opt", "x"] {
            let refused = adopted::<Symlink>(&root, path).map(|_| ()).map_err(|u| u.reason);
            assert_eq!(refused, Err(Reason::NotSupported), "{path}");
        }
    }
}
