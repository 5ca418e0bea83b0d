//! `[disk."/opt"]`: the room that is left on the file system of a directory, and which other directory shares it.

mod adopt;

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::metadata::not_asked;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem, path};
use crate::model::{Code, Comparison, Difference, Evidence, Percent, Reason, Size, Unknown};
use crate::probe::World;
use crate::probe::host::{self, Host, Links};

/// The table of a file system, by a directory on it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Disk {
    /// As much has to be free for users other than root, such as "10GiB" or "500MB".
    free_at_least: Option<Size>,
    /// No more may be in use, such as "90%"; counted as `df` does.
    used_at_most: Option<Percent>,
    /// As many inodes have to be free. A file system that makes them as it goes has always enough.
    inodes_free_at_least: Option<u64>,
    /// Another directory that lies on the same device and mount, so that a rename between the two is atomic.
    same_device_as: Option<String>,
    /// Look through symbolic links on the way to the directories, beneath the root of the host. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen. Bytes and inodes are those of the moment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    bytes_used: u64,
    bytes_free: u64,
    /// `None` where inodes are made as needed.
    inodes_free: Option<u64>,
    /// Asked only where the table says something about it.
    together: Option<Result<Together, Unknown>>,
}

/// How the two directories lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Together {
    SameMount,
    OtherMount,
    OtherDevice,
    /// There is no second directory.
    Absent,
}

impl Kind for Disk {
    const NAME: &'static str = "disk";
    const ABOUT: &'static str =
        "the file system of a directory: free space, free inodes, shared with another directory";
    const DOC: &'static str = "\
The key is an absolute path of a directory; what is compared is the file system that holds it. A directory that is not there
is a difference.

Sizes have a unit: `GiB`, `MiB`, `KiB` count by 1024, `GB`, `MB`, `kB` by 1000. What counts as free is what users other than
root can still write. The share in use is that of what they could ever use, rounded up, as `df` shows it.

`same_device_as` is what programs rely on that write a file in one place and then `mv` it to another in one step. The same
device is not enough for that: a bind mount of it is a place of its own, between which `mv` copies. So both have to be in
one mount as well, which kernels before 5.8 do not tell.

The numbers change all the time. They are compared exactly, shown rounded down to a tenth of their unit, and take part in
a difference only when a limit is crossed.";
    const EXAMPLE: &'static str = r#"
[disk."/opt"]
free_at_least = "10GiB"
used_at_most = "90%"
inodes_free_at_least = 100000
same_device_as = "/tmp"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "disk",
        value: "DIR",
        help: "the file system of a directory: half of what is free as the limit",
        all: None,
    });
    type Observed = Option<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_name(name, problems);
        if let Some(other) = &self.same_device_as
            && let Err(why) = path::absolute(other)
        {
            let message = format!("it is a path, and it {why}");
            problems.push(Problem::key("same_device_as", Code::WrongType, message));
        }
        let says = self.free_at_least.is_some()
            || self.used_at_most.is_some()
            || self.inodes_free_at_least.is_some()
            || self.same_device_as.is_some();
        if !says {
            problems.push(Problem {
                place: Place::Resource,
                code: Code::Empty,
                message: "the table says nothing about the file system".into(),
                hint: Some("add a limit, such as `free_at_least = \"10GiB\"`".into()),
                warning: false,
            });
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "same_device_as": self.same_device_as, "through_links": self.through_links })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        world.sweep(items, |host, path, spec: &Arc<Self>| spec.look(host, Path::new(path))).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopt::adopt(host, &asked)).await
    }

    fn diff(&self, _path: &str, observed: &Option<Seen>) -> Comparison {
        let mut found = Comparison::by(Evidence::Stat);
        let Some(seen) = observed else {
            found.differences.push(Difference::new("presence", "present", "absent"));
            return found;
        };
        let free = Size::of(seen.bytes_free);
        let used = Percent::of(seen.bytes_used, seen.bytes_used.saturating_add(seen.bytes_free));
        let mut expect = |field: &str, wanted: String, is: String| {
            found.differences.push(Difference::new(field, wanted, is));
        };
        if let Some(wanted) = self.free_at_least.filter(|wanted| free < *wanted) {
            expect("free_at_least", wanted.to_string(), free.to_string());
        }
        if let Some(wanted) = self.used_at_most.filter(|wanted| used > *wanted) {
            expect("used_at_most", wanted.to_string(), used.to_string());
        }
        if let (Some(wanted), Some(is)) = (self.inodes_free_at_least, seen.inodes_free)
            && is < wanted
        {
            expect("inodes_free_at_least", wanted.to_string(), is.to_string());
        }
        if let Some(other) = &self.same_device_as {
            match &seen.together {
                Some(Ok(Together::SameMount)) => {}
                Some(Ok(how)) => expect("same_device_as", other.clone(), how.text().to_owned()),
                Some(Err(unknown)) => found.blind("same_device_as", unknown.clone()),
                None => found.blind("same_device_as", not_asked()),
            }
        }
        found.seen = Some(format!("{used} used, {free} free"));
        found
    }
}

impl Together {
    const fn text(self) -> &'static str {
        match self {
            Self::SameMount => "the same mount",
            Self::OtherMount => "another mount of the same device",
            Self::OtherDevice => "another device",
            Self::Absent => "no such directory",
        }
    }

    fn of(one: host::Location, other: host::Location) -> Result<Self, Unknown> {
        if one.device != other.device {
            return Ok(Self::OtherDevice);
        }
        match (one.mount, other.mount) {
            (Some(one), Some(other)) if one == other => Ok(Self::SameMount),
            (Some(_), Some(_)) => Ok(Self::OtherMount),
            _ => {
                let detail = "the device is the same; this kernel does not tell whether the mount is (5.8 does)";
                Err(Unknown::new(Reason::NotSupported, detail))
            }
        }
    }
}

impl Disk {
    fn links(&self) -> Links {
        if self.through_links { Links::Through } else { Links::Refuse }
    }

    fn look(&self, host: &Host, path: &Path) -> Result<Option<Seen>, Unknown> {
        let Some(usage) = host.usage(path, self.links())? else { return Ok(None) };
        let other = self.same_device_as.as_ref();
        let together = other.map(|other| self.together(host, path, Path::new(other)));
        Ok(Some(Seen {
            bytes_used: usage.bytes_total.saturating_sub(usage.bytes_free),
            bytes_free: usage.bytes_available,
            inodes_free: (usage.inodes_total > 0).then_some(usage.inodes_available),
            together,
        }))
    }

    fn together(&self, host: &Host, one: &Path, other: &Path) -> Result<Together, Unknown> {
        match (host.place(one, self.links())?, host.place(other, self.links())?) {
            (Some(one), Some(other)) => Together::of(one, other),
            _ => Ok(Together::Absent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, Root, check};

    #[test]
    fn a_file_system_of_this_machine_is_measured() {
        let root = Root::new();
        root.dir("opt", 0o755).dir("tmp", 0o755).link("way", "opt").file("f", b"");
        let cases: &[(&str, &str, &[&str])] = &[
            ("/opt", "free_at_least = '1B'\nused_at_most = '100%'\nsame_device_as = '/tmp'", &[]),
            ("/", "free_at_least = '0B'", &[]),
            (
                "/opt",
                "same_device_as = '/none'",
                &["same_device_as \"/none\" \"no such directory\""],
            ),
            ("/none", "free_at_least = '1B'", &["presence \"present\" \"absent\""]),
            ("/f", "free_at_least = '1B'", &["presence \"present\" \"absent\""]),
            ("/way/x", "free_at_least = '1B'", &["blind symlink_on_path"]),
            (
                "/opt",
                "same_device_as = '/way/x'\nfree_at_least = '1B'",
                &["blind same_device_as symlink_on_path"],
            ),
        ];
        for (name, toml, expected) in cases {
            check::<Disk>(&root, name, toml, expected);
        }
        let spec = test_world::prepare::<Disk>("/opt", "free_at_least = '4096PiB'").0;
        let found = test_world::lines(&test_world::compare(&root, "/opt", spec));
        assert!(found[0].starts_with("free_at_least \"4096.0 PiB\""), "{found:?}");
    }

    #[test]
    fn another_device_is_told_from_another_mount() {
        let place = |device, mount| host::Location { device, mount };
        let of = |one, other| Together::of(one, other).map_err(|unknown| unknown.reason);
        assert_eq!(of(place(1, Some(7)), place(1, Some(7))), Ok(Together::SameMount));
        assert_eq!(of(place(1, Some(7)), place(1, Some(8))), Ok(Together::OtherMount));
        assert_eq!(of(place(1, Some(7)), place(2, Some(8))), Ok(Together::OtherDevice));
        assert_eq!(of(place(1, None), place(1, None)), Err(Reason::NotSupported));
        // The pseudo file systems of this machine are devices of their own.
        let host = Host::open(Path::new("/"), crate::config::Policy::everything()).expect("a root");
        let of =
            |path: &str| host.place(Path::new(path), Links::Refuse).expect("told").expect("there");
        assert_eq!(Together::of(of("/proc"), of("/etc")), Ok(Together::OtherDevice));
    }

    fn differences(toml: &str, seen: &Seen) -> Vec<String> {
        let spec = test_world::prepare::<Disk>("/opt", toml).0;
        let found = spec.diff("/opt", &Some(Seen { together: None, ..*seen }));
        found
            .differences
            .iter()
            .map(|d| format!("{} {} {}", d.field, d.desired, d.actual))
            .collect()
    }

    #[test]
    fn a_limit_is_kept_or_crossed() {
        let gb = |n: u64| n * 1_000_000_000;
        let seen =
            Seen { bytes_used: gb(72), bytes_free: gb(25), inodes_free: Some(10), together: None };
        assert!(
            differences(
                "free_at_least = '25GB'\nused_at_most = '75%'\ninodes_free_at_least = 10",
                &seen
            )
            .is_empty()
        );
        assert_eq!(
            differences("free_at_least = '26GB'", &seen),
            ["free_at_least \"24.2 GiB\" \"23.2 GiB\""]
        );
        assert_eq!(differences("used_at_most = '74%'", &seen), ["used_at_most \"74%\" \"75%\""]);
        assert_eq!(
            differences("inodes_free_at_least = 11", &seen),
            ["inodes_free_at_least \"11\" \"10\""]
        );
        let endless = Seen { inodes_free: None, ..seen };
        assert!(differences("inodes_free_at_least = 11", &endless).is_empty());
    }

    #[test]
    fn a_table_without_a_limit_says_nothing() {
        let codes = |name: &str, toml: &str| {
            let problems = test_world::prepare::<Disk>(name, toml).1;
            problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(codes("/opt", ""), ["CS0009"]);
        assert_eq!(codes("opt", "free_at_least = '1B'"), ["CS0012"]);
        assert_eq!(codes("/opt", "same_device_as = 'tmp'"), ["CS0004"]);
        assert!(toml::from_str::<Disk>("free_at_least = '10'").is_err());
        assert!(toml::from_str::<Disk>("used_at_most = '110%'").is_err());
    }
}
