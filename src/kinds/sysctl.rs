//! `[sysctl."net.ipv4.ip_forward"]`: the value of a kernel setting, now and after the next boot.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed, not_recorded};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Content, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::host::Facts;
use crate::probe::kernel::settings::{self, Boot};

/// The table of a setting.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sysctl {
    /// The value, as text. Blanks, tabs and line breaks between its parts are all the same.
    value: String,
    /// `true`: the files of `sysctl.d` set this value at boot as well.
    #[serde(default)]
    persistent: bool,
}

/// What was seen of a setting that exists.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    value: Content,
    /// Asked only where the table says `persistent`. Inside: `None` when nothing sets it.
    boot: Option<Result<Option<AtBoot>, Unknown>>,
}

/// What a file sets it to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AtBoot {
    value: Content,
    file: String,
}

impl Kind for Sysctl {
    const NAME: &'static str = "sysctl";
    const ABOUT: &'static str = "a kernel setting: its value now, and at the next boot";
    const DOC: &'static str = "\
The key is the name of the setting with dots or slashes. The first of the two that stands in it divides: write
`net/ipv4/conf/eth0.100/rp_filter` where a part has a dot in it. A setting that this kernel does not have is a difference;
one that can only be written, or that needs rights, is unknown. Settings below `net` are those of the network namespace of
this program.

`persistent = true` asks as well what `systemd-sysctl` will set at boot: the files `*.conf` of `/etc/sysctl.d`,
`/run/sysctl.d`, `/usr/local/lib/sysctl.d` and `/usr/lib/sysctl.d` in the order of their names, where the first folder
that has a name wins and a later assignment wins over an earlier one. `/etc/sysctl.conf` counts where a link in
`/etc/sysctl.d` leads to it, as Debian and Ubuntu make it. A value that is right now and that nothing sets will be gone.

A value that not every user of the machine may read is compared, and shown as a digest only.";
    const EXAMPLE: &'static str = r#"
[sysctl."net.ipv4.ip_forward"]
value = "0"
persistent = true

[sysctl."net.ipv4.tcp_rmem"]
value = "4096 131072 6291456"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "sysctl",
        value: "NAME",
        help: "The value of each setting whose name matches, such as `net.ipv4.conf.*.rp_filter`; with a `*` only of those \
               that can be written",
        all: None,
    });
    /// `None`: this kernel has no such setting.
    type Observed = Option<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        if settings::path(name).is_none() || closed::is_pattern(name) {
            let message = "the name is not that of one setting";
            let hint = "write `net.ipv4.ip_forward` or `net/ipv4/ip_forward`";
            problems.push(Problem::resource(Code::BadName, message).hint(hint));
        }
        self.value = settings::plain(&self.value);
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "persistent": self.persistent })
    }

    fn pinned(&self) -> Option<Value> {
        Some(self.value.clone().into())
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let asked: Vec<(String, Arc<Self>)> =
            wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        let answers = world.ask(move |host| {
            let facts = host.facts();
            facts.kernel()?;
            let persistent = asked.iter().any(|(_, spec)| spec.persistent);
            let boot = persistent.then(|| Boot::read(facts));
            let answer = |(name, spec): &(String, Arc<Self>)| {
                let boot = boot.as_ref().filter(|_| spec.persistent);
                (name.clone(), look(facts, name, boot))
            };
            Ok(asked.iter().map(answer).collect())
        });
        answers.await.unwrap_or_else(|unknown| super::answer_all(wanted, &unknown))
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let pattern = settings::path(asked).ok_or_else(|| {
            let detail = format!("`{}` is no name of a setting", escape(asked));
            Unknown::new(Reason::NotSupported, detail)
        })?;
        world.ask(move |host| adopt(host.facts(), &pattern)).await
    }

    fn diff(&self, _name: &str, observed: &Option<Seen>) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        let Some(seen) = observed else {
            found.differences.push(Difference::new("presence", "present", "absent"));
            return found;
        };
        let wanted = Value::from(self.value.clone());
        found.differences.extend(seen.value.differs("value", &wanted));
        if self.persistent {
            match &seen.boot {
                Some(Ok(Some(boot))) => {
                    if let Some(mut difference) = boot.value.differs("persistent", &wanted) {
                        let actual = difference.actual.as_str().unwrap_or_default();
                        difference.actual = format!("{actual} ({})", escape(&boot.file)).into();
                        found.differences.push(difference);
                    }
                }
                Some(Ok(None)) => {
                    found.differences.push(Difference::new("persistent", wanted, Value::Null));
                }
                Some(Err(unknown)) => found.blind("persistent", unknown.clone()),
                None => found.blind("persistent", not_recorded()),
            }
        }
        found.seen = seen.value.shown.as_ref().and_then(Value::as_str).map(|v| one_line(v, 60));
        found
    }
}

fn look(
    facts: Facts<'_>,
    name: &str,
    boot: Option<&Result<Boot, Unknown>>,
) -> Result<Option<Seen>, Unknown> {
    let path = settings::path(name).ok_or_else(|| {
        Unknown::new(Reason::NotSupported, format!("`{}` is no name of a setting", escape(name)))
    })?;
    let Some(value) = settings::read(facts, &path)? else { return Ok(None) };
    let boot = boot.map(|boot| {
        let assignment = boot.as_ref().map_err(Clone::clone)?.sets(&path)?;
        Ok(assignment.map(|assignment| AtBoot {
            value: Content::of_text(&assignment.text, value.public),
            file: assignment.file.clone(),
        }))
    });
    Ok(Some(Seen { value: Content::of_text(&value.text, value.public), boot }))
}

fn adopt(facts: Facts<'_>, pattern: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    let paths = if closed::is_pattern(pattern) {
        let mut paths = settings::all(facts)?;
        paths.retain(|path| closed::matches(pattern, path));
        // What cannot be asked about is told by name below.
        paths.retain(|path| settings::is_set(facts, path).unwrap_or(true));
        paths
    } else {
        vec![pattern.to_owned()]
    };
    for path in paths {
        // With a dot in a part only slashes can divide.
        let name = if path.contains('.') { path.clone() } else { path.replace('/', ".") };
        match settings::read(facts, &path) {
            Ok(Some(value)) if value.public => {
                adopted.drafts.push(Draft::new(name).set("value", value.text));
            }
            Ok(Some(_)) => {
                let detail = "not every user of the machine may read it, so it is not written down";
                adopted.unseen.push((name, Unknown::new(Reason::NotAllowed, detail)));
            }
            Ok(None) => {
                let unknown = Unknown::new(Reason::NotSupported, "this kernel has no such setting");
                adopted.unseen.push((name, unknown));
            }
            Err(unknown) => adopted.unseen.push((name, unknown)),
        }
    }
    Ok(adopted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, Root, adopt, check};

    fn root() -> Root {
        let root = Root::new();
        root.file("proc/version", b"Linux\n");
        root.file("proc/sys/net/ipv4/ip_forward", b"0\n");
        root.file("proc/sys/net/ipv4/tcp_rmem", b"4096\t131072\t6291456\n");
        root.file("proc/sys/net/ipv4/conf/eth0.100/rp_filter", b"2\n");
        root.file("proc/sys/net/ipv4/tcp_fastopen_key", b"hunter2\n");
        root.mode("proc/sys/net/ipv4/tcp_fastopen_key", 0o600);
        root
    }

    #[test]
    fn values_are_compared_without_their_blanks() {
        let root = root();
        let cases: &[(&str, &str, &[&str])] = &[
            ("net.ipv4.ip_forward", "value = '0'", &[]),
            ("net/ipv4/ip_forward", "value = ' 0 '", &[]),
            ("net.ipv4.ip_forward", "value = '1'", &["value \"1\" \"0\""]),
            ("net.ipv4.tcp_rmem", "value = '4096 131072  6291456'", &[]),
            ("net/ipv4/conf/eth0.100/rp_filter", "value = '2'", &[]),
            ("net.ipv4.conf.eth0/100.rp_filter", "value = '2'", &[]),
            ("net.ipv4.none", "value = '2'", &["presence \"present\" \"absent\""]),
            ("net.ipv4", "value = '2'", &["blind not_supported"]),
        ];
        for (name, toml, expected) in cases {
            check::<Sysctl>(&root, name, toml, expected);
        }
        check::<Sysctl>(&Root::new(), "a.b", "value = '1'", &["blind not_supported"]);
        let unmounted = Root::new();
        unmounted.file("proc/version", b"Linux\n");
        check::<Sysctl>(&unmounted, "a.b", "value = '1'", &["blind not_supported"]);
    }

    #[test]
    fn a_value_that_is_right_and_gone_at_the_next_boot_is_a_difference() {
        let root = root();
        let persistent = "value = '0'\npersistent = true";
        let name = "net.ipv4.ip_forward";
        check::<Sysctl>(&root, name, persistent, &["persistent \"0\" null"]);
        root.file("usr/lib/sysctl.d/50-default.conf", b"net.ipv4.ip_forward = 1\n");
        let expected = ["persistent \"0\" \"1 (/usr/lib/sysctl.d/50-default.conf)\""];
        check::<Sysctl>(&root, name, persistent, &expected);
        // A file of the same name in a stronger folder takes its place, even an empty one.
        root.file("etc/sysctl.d/50-default.conf", b"\n");
        check::<Sysctl>(&root, name, persistent, &["persistent \"0\" null"]);
        root.file("etc/sysctl.conf", b"net/ipv4/ip_forward=0\n");
        check::<Sysctl>(&root, name, persistent, &["persistent \"0\" null"]);
        root.link("etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
        check::<Sysctl>(&root, name, persistent, &[]);
        // Later by its name, whatever the folder.
        root.file("run/sysctl.d/99-z.conf", b"net.ipv4.ip_forward=1\n");
        check::<Sysctl>(
            &root,
            name,
            persistent,
            &["persistent \"0\" \"1 (/run/sysctl.d/99-z.conf)\""],
        );
        root.link("etc/sysctl.d/99-z.conf", "/dev/null");
        check::<Sysctl>(&root, name, persistent, &[]);
    }

    #[test]
    fn what_not_everyone_may_read_is_a_digest() {
        let root = root();
        let spec = test_world::prepare::<Sysctl>("net.ipv4.tcp_fastopen_key", "value = 'other'").0;
        let found = test_world::compare(&root, "net.ipv4.tcp_fastopen_key", spec);
        let lines = test_world::lines(&found);
        assert!(lines[0].contains("sha256:") && !lines[0].contains("hunter2"), "{lines:?}");
        assert_eq!(
            adopt::<Sysctl>(&root, "net.ipv4.tcp_*").expect("told"),
            [
                "net.ipv4.tcp_rmem value=\"4096 131072 6291456\"",
                "net.ipv4.tcp_fastopen_key unseen not_allowed"
            ]
        );
        // A counter that nobody can set, and a switch that nobody can read, are no settings.
        root.file("proc/sys/kernel/random/uuid", b"6a\n");
        root.mode("proc/sys/kernel/random/uuid", 0o444);
        root.file("proc/sys/kernel/random/flush", b"");
        root.mode("proc/sys/kernel/random/flush", 0o200);
        root.file("proc/sys/kernel/ns_last_pid", b"7\n");
        assert_eq!(adopt::<Sysctl>(&root, "kernel.*").expect("told"), [""; 0]);
        let named = adopt::<Sysctl>(&root, "kernel.random.uuid").expect("told");
        assert_eq!(named, ["kernel.random.uuid value=\"6a\""]);
        let lines = adopt::<Sysctl>(&root, "net.ipv4.conf.*.rp_filter").expect("told");
        assert_eq!(lines, ["net/ipv4/conf/eth0.100/rp_filter value=\"2\""]);
    }

    #[test]
    fn a_real_setting_of_this_machine_is_read() {
        let root = Root::live();
        let is = std::fs::read_to_string("/proc/sys/kernel/ostype").expect("a kernel");
        check::<Sysctl>(&root, "kernel.ostype", &format!("value = '{}'", is.trim()), &[]);
        check::<Sysctl>(
            &root,
            "kernel.no_such_setting",
            "value = '1'",
            &["presence \"present\" \"absent\""],
        );
        // It can only be written: even root is refused.
        let flush = "/proc/sys/net/ipv4/route/flush";
        if std::path::Path::new(flush).exists() {
            check::<Sysctl>(
                &root,
                "net.ipv4.route.flush",
                "value = '1'",
                &["blind permission_denied"],
            );
        } else {
            eprintln!("SKIPPED: this machine has no `{flush}`");
        }
    }

    #[test]
    fn names_of_other_forms_are_refused() {
        for name in ["net..x", "net.ipv4.*", "../x", ""] {
            let problems = test_world::prepare::<Sysctl>(name, "value = '1'").1;
            assert_eq!(problems.len(), 1, "{name}");
        }
    }
}
