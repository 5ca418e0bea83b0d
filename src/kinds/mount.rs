//! `[mount."/var/lib/postgresql"]`: what is mounted there, with which options, and that nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed, not_recorded, path,
    presence,
};
use crate::model::display::one_line;
use crate::model::{Code, Comparison, Difference, Evidence, Unknown};
use crate::probe::World;
use crate::probe::kernel::mounts::{self, Mount as Mounted};

/// The table of a mount, or of a pattern over mount points.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Mount {
    /// `false`: nothing is mounted here. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// The device, or what else it comes from, as the kernel names it, such as "/dev/sdb1" or "tmpfs".
    source: Option<String>,
    /// The type of the file system, such as "ext4".
    #[serde(rename = "type")]
    fs_type: Option<String>,
    /// What of the file system is mounted: "/" for all of it, a folder for a bind mount.
    fs_root: Option<String>,
    /// Options that it must have, such as "noexec"; those of the mount and those of its file system count alike.
    #[serde(default)]
    options_include: Vec<String>,
    /// Options that it must not have.
    #[serde(default)]
    options_exclude: Vec<String>,
    /// `true`: nothing can be written there, because the mount or its file system is read-only.
    read_only: Option<bool>,
    /// Does `/etc/fstab` list this place, so that it is mounted again at boot?
    fstab: Option<bool>,
    /// For a name with a `*`: all mount points that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// None or one for a path, all for a pattern.
    mounts: BTreeMap<String, One>,
    /// Asked only where the table says something about it.
    fstab: Option<Result<bool, Unknown>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct One {
    source: String,
    #[serde(rename = "type")]
    fs_type: String,
    fs_root: String,
    options: BTreeSet<String>,
}

impl Kind for Mount {
    const NAME: &'static str = "mount";
    const ABOUT: &'static str = "a mount point: presence, source, type, options; or all of them";
    const DOC: &'static str = "\
The key is the mount point as the kernel has it, without symbolic links. Of several mounts at one place the one that was made
last counts, and what another mount covers is not there. The mounts are those that process 1 sees; without the right to
ask that, those that this program sees.

A key with a `*` stands for every place that it matches, and `only` is the whole list of them: `[mount.\"/opt/*\"] only = []`
is \"nothing is mounted below /opt\".

`read_only` is what writing will meet; an option `ro` of either the mount or its file system decides. `fstab` asks for an
entry in `/etc/fstab`; units of systemd that mount something are not looked at.";
    const EXAMPLE: &'static str = r#"
[mount."/var/lib/postgresql"]
source = "/dev/sdb1"
type = "ext4"
options_include = ["nodev", "nosuid"]
read_only = false
fstab = true

[mount."/opt/*"]
only = []
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "mount",
        value: "PATTERN",
        help: "Each mount whose place matches, such as `/` or `/srv/*`",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let of_one = [
            ("source", self.source.is_some()),
            ("type", self.fs_type.is_some()),
            ("fs_root", self.fs_root.is_some()),
            ("options_include", !self.options_include.is_empty()),
            ("options_exclude", !self.options_exclude.is_empty()),
            ("read_only", self.read_only.is_some()),
        ];
        presence::check(self.present, &of_one, problems);
        let others = [("present", !self.present), ("fstab", self.fstab.is_some())];
        closed::check(name, self.only.as_ref(), &[&of_one[..], &others].concat(), problems);
        if !closed::is_pattern(name) {
            path::check_name(name, problems);
        } else if !name.starts_with(['/', '*']) || name.contains("//") || name.ends_with('/') {
            let hint = "a mount point is a path with a `/` in front and none at its end";
            problems.push(
                Problem::resource(Code::BadName, "the name matches no mount point").hint(hint),
            );
        }
        for option in self.options_include.iter().filter(|o| self.options_exclude.contains(o)) {
            let option = crate::model::display::escape(option);
            let message = format!("`{option}` is wanted and excluded");
            problems.push(Problem::key("options_exclude", Code::Contradiction, message));
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "fstab": self.fstab.is_some() })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let asked: Vec<(String, Arc<Self>)> =
            wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        let answers = world.ask(move |host| {
            let all = mounts::read(host.facts())?;
            let listed = asked
                .iter()
                .any(|(_, spec)| spec.fstab.is_some())
                .then(|| mounts::listed(host.facts()));
            let answer = |(name, spec): &(String, Arc<Self>)| {
                let matching = all.iter().filter(|(point, _)| closed::matches(name, point));
                let mounts = matching.map(|(point, mount)| (point.clone(), One::of(mount)));
                let fstab = spec.fstab.and(listed.as_ref()).map(|listed| {
                    listed.as_ref().map(|listed| listed.contains(name)).map_err(Clone::clone)
                });
                (name.clone(), Ok(Seen { mounts: mounts.collect(), fstab }))
            };
            Ok(asked.iter().map(answer).collect())
        });
        answers.await.unwrap_or_else(|unknown| super::answer_all(wanted, &unknown))
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let pattern = asked.to_owned();
        let (mounts, listed) = world
            .ask(move |host| Ok((mounts::read(host.facts())?, mounts::listed(host.facts()))))
            .await?;
        let matching = mounts.iter().filter(|(point, _)| closed::matches(&pattern, point));
        let drafts = matching.map(|(point, mount)| {
            let draft = Draft::new(point)
                .set("source", mount.source.clone())
                .set("type", mount.fs_type.clone())
                .set("read_only", mount.options.contains("ro"));
            // Most of what is not listed there is mounted by the system itself, and nobody would write that down.
            match &listed {
                Ok(listed) if listed.contains(point) => draft.set("fstab", true),
                _ => draft,
            }
        });
        Ok(Adopted { drafts: drafts.collect(), unseen: Vec::new() })
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        if let Some(only) = &self.only {
            let seen = observed.mounts.iter().map(|(at, one)| (at.clone(), Some(one.brief())));
            closed::compare(only, &seen.collect(), &mut found);
            return found;
        }
        let seen = observed.mounts.get(name);
        if presence::compare(self.present, seen.is_some(), &mut found)
            && let Some(seen) = seen
        {
            found.seen = Some(one_line(&seen.brief(), 80));
            self.compare(seen, &mut found);
        }
        match (&self.fstab, &observed.fstab) {
            (None, _) => {}
            (Some(wanted), Some(Ok(is))) => found.expect("fstab", Some(wanted), is),
            (Some(_), Some(Err(unknown))) => found.blind("fstab", unknown.clone()),
            (Some(_), None) => found.blind("fstab", not_recorded()),
        }
        found
    }
}

impl Mount {
    fn compare(&self, seen: &One, found: &mut Comparison) {
        found.expect("source", self.source.as_ref(), &seen.source);
        found.expect("type", self.fs_type.as_ref(), &seen.fs_type);
        found.expect("fs_root", self.fs_root.as_ref(), &seen.fs_root);
        let options: Vec<&str> = seen.options.iter().map(String::as_str).collect();
        for wanted in self.options_include.iter().filter(|option| !seen.options.contains(*option)) {
            let is = one_line(&options.join(","), 200);
            found.differences.push(Difference::new("options_include", wanted.clone(), is));
        }
        for unwanted in self.options_exclude.iter().filter(|option| seen.options.contains(*option))
        {
            let difference = Difference::new("options_exclude", Value::Null, unwanted.clone());
            found.differences.push(difference);
        }
        found.expect("read_only", self.read_only.as_ref(), &seen.options.contains("ro"));
    }
}

impl One {
    fn of(mount: &Mounted) -> Self {
        Self {
            source: mount.source.clone(),
            fs_type: mount.fs_type.clone(),
            fs_root: mount.root.clone(),
            options: mount.options.clone(),
        }
    }

    fn brief(&self) -> String {
        let mode = if self.options.contains("ro") { "ro" } else { "rw" };
        format!("{} of {}, {mode}", self.fs_type, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, Root, adopt, check};

    fn root() -> Root {
        let root = Root::new();
        root.file("proc/version", b"Linux\n");
        root.file(
            "proc/1/mountinfo",
            b"1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
              2 1 8:2 / /srv rw,nodev,noexec shared:1 - xfs /dev/sdb1 ro\n\
              3 1 8:1 /var/data /opt/a\\040b rw - ext4 /dev/sda1 rw\n\
              4 3 0:9 / /opt/a\\040b ro - tmpfs tmpfs rw,size=4k\n",
        );
        root.file("etc/fstab", b"# none\n/dev/sdb1 /srv/ xfs nodev,noexec 0 2\n");
        root
    }

    #[test]
    fn mounts_are_compared() {
        let root = root();
        let cases: &[(&str, &str, &[&str])] = &[
            (
                "/",
                "source = '/dev/sda1'\ntype = 'ext4'\nread_only = false\nfs_root = '/'\nfstab = false",
                &[],
            ),
            ("/srv", "options_include = ['nodev', 'noexec']\nread_only = true\nfstab = true", &[]),
            (
                "/srv",
                "options_include = ['nosuid']",
                &["options_include \"nosuid\" \"nodev,noexec,ro\""],
            ),
            ("/srv", "options_exclude = ['nodev', 'x']", &["options_exclude null \"nodev\""]),
            (
                "/srv",
                "read_only = false\ntype = 'ext4'",
                &["type \"ext4\" \"xfs\"", "read_only false true"],
            ),
            ("/", "fstab = true", &["fstab true false"]),
            ("/opt/a b", "type = 'tmpfs'\nread_only = true", &[]),
            ("/opt/a b", "present = false", &["presence \"absent\" \"present\""]),
            ("/opt", "present = false", &[]),
            ("/opt", "", &["presence \"present\" \"absent\""]),
            ("/opt/*", "only = []", &["/opt/a b null \"tmpfs of tmpfs, ro\""]),
            ("/mnt/*", "only = []", &[]),
        ];
        for (name, toml, expected) in cases {
            check::<Mount>(&root, name, toml, expected);
        }
        assert_eq!(
            adopt::<Mount>(&root, "/srv*").expect("told"),
            ["/srv source=\"/dev/sdb1\" type=\"xfs\" read_only=true fstab=true"]
        );
    }

    #[test]
    fn without_a_kernel_nothing_can_be_said() {
        check::<Mount>(&Root::new(), "/opt/*", "only = []", &["blind not_supported"]);
        let root = root();
        root.file("proc/1/mountinfo", b"nonsense\n");
        check::<Mount>(&root, "/opt", "present = false", &["blind malformed"]);
    }

    #[test]
    fn the_tables_of_this_machine_are_read() {
        let root = Root::live();
        check::<Mount>(&root, "/proc", "type = 'proc'", &[]);
        check::<Mount>(&root, "/", "", &[]);
        check::<Mount>(&root, "/no/such/place", "present = false", &[]);
    }

    #[test]
    fn contradictions_are_refused() {
        let codes = |name: &str, toml: &str| {
            let problems = test_world::prepare::<Mount>(name, toml).1;
            problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(codes("srv", ""), ["CS0012"]);
        for bad in ["srv/*", "/srv/*/", "//srv*"] {
            assert_eq!(codes(bad, "only = []"), ["CS0012"], "{bad}");
        }
        assert!(codes("*/data", "only = []").is_empty());
        assert_eq!(codes("/srv", "present = false\ntype = 'x'"), ["CS0008"]);
        assert!(codes("/srv", "present = false\nfstab = false").is_empty());
        assert_eq!(codes("/srv/*", "only = []\nfstab = true"), ["CS0008"]);
        assert_eq!(codes("/srv", "options_include = ['a']\noptions_exclude = ['a']"), ["CS0008"]);
    }
}
