//! What goss tests becomes tables of desired state. What has no counterpart here is told, line by line, and left out.
//!
//! Its file is YAML or JSON: `file`, `package`, `service`, `user`, `group`, `process`, `port`, `mount` and `kernel-param` are
//! taken over. Values that are matchers (maps) and not plain are left out: a wish is one value here.

use serde_json::{Map, Value};

use super::{Format, Imported, Source};
use crate::kinds::Draft;
use crate::model::display::one_line;
use crate::probe::literal;

pub(super) const FORMAT: Format =
    Format { name: "goss", about: "tests of goss, in YAML or JSON", needs_root: false, read };

/// Keys that say something about the test, and nothing about the host.
const ABOUT_THE_TEST: &[&str] = &["title", "meta", "skip", "timeout"];
/// No more of a name is shown.
const WIDTH_MAX: usize = 80;

fn read(source: &Source<'_>) -> Result<Imported, String> {
    let document = literal::yaml_document(source.bytes).map_err(|error| error.to_string())?;
    let Some(Value::Object(kinds)) = document else {
        return Err("it is no mapping of kinds of tests".to_owned());
    };
    let mut imported = Imported::default();
    for (kind, tests) in kinds {
        let Value::Object(tests) = tests else {
            imported.left_out.push(format!("{kind}: it is no mapping of tests"));
            continue;
        };
        for (name, attributes) in tests {
            one(&kind, &name, attributes, &mut imported);
        }
    }
    if imported.drafts.is_empty() && imported.left_out.is_empty() {
        return Err("it tests nothing".to_owned());
    }
    Ok(imported)
}

/// One test: what of it was not used yet, and the table that it becomes.
struct Test<'a> {
    kind: &'a str,
    name: &'a str,
    left: Map<String, Value>,
    left_out: &'a mut Vec<String>,
}

fn one(kind: &str, name: &str, attributes: Value, imported: &mut Imported) {
    let mut left = match attributes {
        Value::Object(left) => left,
        Value::Null => Map::new(),
        _ => {
            imported
                .left_out
                .push(format!("{kind} {}: it is no mapping", one_line(name, WIDTH_MAX)));
            return;
        }
    };
    left.retain(|key, _| !ABOUT_THE_TEST.contains(&key.as_str()));
    let mut test = Test { kind, name, left, left_out: &mut imported.left_out };
    let drafts = match kind {
        "file" => vec![test.file()],
        "package" => vec![test.package()],
        "service" => vec![test.service()],
        "user" => vec![test.user()],
        "group" => vec![test.group()],
        "process" => vec![test.process()],
        "port" => test.port(),
        "mount" => vec![test.mount()],
        "kernel-param" => test.kernel_param().into_iter().collect(),
        _ => {
            test.leave("nothing here corresponds to it");
            return;
        }
    };
    test.leave_the_rest();
    imported.drafts.extend(drafts);
}

impl Test<'_> {
    fn leave(&mut self, why: &str) {
        let (kind, name) = (self.kind, one_line(self.name, WIDTH_MAX));
        self.left_out.push(format!("{kind} {name}: {why}"));
    }

    fn leave_the_rest(&mut self) {
        let keys: Vec<String> = self.left.keys().cloned().collect();
        for key in keys {
            self.leave(&format!("`{}` has no counterpart", one_line(&key, WIDTH_MAX)));
        }
    }

    /// A plain value; a matcher is left where it is, and told at the end.
    fn take(&mut self, key: &str) -> Value {
        match self.left.get(key) {
            Some(Value::Object(_)) | None => Value::Null,
            Some(_) => self.left.remove(key).unwrap_or_default(),
        }
    }

    fn take_text(&mut self, key: &str) -> Value {
        match self.take(key) {
            Value::Number(number) => number.to_string().into(),
            other => other,
        }
    }

    /// Shall it be there at all? Said only where it shall not.
    fn absent(&mut self, key: &str, draft: Draft) -> Draft {
        match self.take(key) {
            Value::Bool(false) => draft.set("present", false),
            _ => draft,
        }
    }

    fn file(&mut self) -> (&'static str, Draft) {
        let kind = match self.take("filetype").as_str() {
            Some("directory") => "directory",
            Some("symlink") => "symlink",
            _ if self.left.contains_key("linked-to") => "symlink",
            _ => "file",
        };
        let mut draft = self.absent("exists", Draft::new(self.name));
        draft = draft.set("owner", self.take("owner")).set("group", self.take("group"));
        if kind == "symlink" {
            // The mode of a link means nothing.
            self.left.remove("mode");
            return (kind, draft.set("target", self.take("linked-to")));
        }
        draft = draft.set("mode", self.take_text("mode"));
        if kind == "file" {
            draft = draft.set("sha256", self.take("sha256"));
        }
        (kind, draft)
    }

    fn package(&mut self) -> (&'static str, Draft) {
        let draft = self.absent("installed", Draft::new(self.name));
        let versions = self.left.get("versions").and_then(Value::as_array).cloned();
        let draft = match versions.as_deref() {
            Some([only]) if only.is_string() => {
                self.left.remove("versions");
                draft.set("version", only.clone())
            }
            _ => draft,
        };
        ("package", draft)
    }

    fn service(&mut self) -> (&'static str, Draft) {
        let name = if self.name.contains('.') {
            self.name.to_owned()
        } else {
            format!("{}.service", self.name)
        };
        let (enabled, running) = (self.take("enabled"), self.take("running"));
        let mut draft = Draft::new(name);
        draft = match running.as_bool() {
            Some(true) => draft.set("active", "active"),
            Some(false) => draft.set("active", vec!["inactive", "failed"]),
            None => draft,
        };
        draft = match enabled.as_bool() {
            Some(true) => draft.set("enabled", "enabled"),
            Some(false) => draft.set("enabled", vec!["disabled", "masked", "static", "indirect"]),
            None => draft,
        };
        ("systemd_unit", draft)
    }

    fn user(&mut self) -> (&'static str, Draft) {
        let draft = self.absent("exists", Draft::new(self.name)).set("uid", self.take("uid"));
        let draft = draft.set("home", self.take("home")).set("shell", self.take("shell"));
        ("user", draft)
    }

    fn group(&mut self) -> (&'static str, Draft) {
        ("group", self.absent("exists", Draft::new(self.name)).set("gid", self.take("gid")))
    }

    fn process(&mut self) -> (&'static str, Draft) {
        ("process", self.absent("running", Draft::new(self.name)).set("name", self.name))
    }

    /// `tcp:22` with its addresses is one listener each; without them, those of every address.
    fn port(&mut self) -> Vec<(&'static str, Draft)> {
        let (protocol, port) = self.name.split_once(':').unwrap_or(("tcp", self.name));
        let addresses = self.left.get("ip").and_then(Value::as_array).cloned();
        let addresses: Vec<String> = match addresses {
            Some(list) if list.iter().all(Value::is_string) => {
                self.left.remove("ip");
                list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let listening = self.take("listening").as_bool() != Some(false);
        let (protocol, any) = match protocol.strip_suffix('6') {
            Some(protocol) => (protocol, "::"),
            None => (protocol, "0.0.0.0"),
        };
        let addresses = if addresses.is_empty() { vec![any.to_owned()] } else { addresses };
        let name = |address: &String| {
            if address.contains(':') {
                format!("{protocol}/[{address}]:{port}")
            } else {
                format!("{protocol}/{address}:{port}")
            }
        };
        let drafts = addresses.iter().map(|address| {
            let draft = Draft::new(name(address));
            ("listener", if listening { draft } else { draft.set("present", false) })
        });
        drafts.collect()
    }

    fn mount(&mut self) -> (&'static str, Draft) {
        let draft = self.absent("exists", Draft::new(self.name));
        let draft = draft.set("source", self.take("source")).set("type", self.take("filesystem"));
        ("mount", draft.set("options_include", self.take("opts")))
    }

    fn kernel_param(&mut self) -> Option<(&'static str, Draft)> {
        match self.take_text("value") {
            Value::Null => {
                self.leave("it has no plain value");
                None
            }
            value => Some(("sysctl", Draft::new(self.name).set("value", value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
file:
  /etc/passwd:
    exists: true
    mode: "0644"
    owner: root
    filetype: file
    contents: ["/root/"]
  /etc/old: { exists: false }
  /srv/current: { exists: true, filetype: symlink, linked-to: release }
package:
  openssl: { installed: true, versions: ["3.0.13"] }
  telnet: { installed: false }
service:
  sshd: { enabled: true, running: true }
user:
  app: { exists: true, uid: 1001, groups: [app], shell: /bin/sh }
port:
  tcp:22: { listening: true, ip: ["0.0.0.0"] }
  tcp6:22: { listening: true }
kernel-param:
  net.ipv4.ip_forward: { value: "0" }
process:
  nginx: { running: true }
mount:
  /srv: { exists: true, source: /dev/vdb, filesystem: ext4, opts: [rw, nodev], usage: { lt: 95 } }
command:
  "uname -r": { exit-status: 0 }
"#;

    fn import(text: &str) -> Result<Imported, String> {
        read(&Source { file: "goss.yaml", bytes: text.as_bytes(), root: None })
    }

    #[test]
    fn what_corresponds_is_taken_over_and_the_rest_is_told() {
        let imported = import(TEXT).expect("tests of goss");
        let names: Vec<String> =
            imported.drafts.iter().map(|(kind, draft)| format!("{kind} {}", draft.name)).collect();
        for name in [
            "file /etc/passwd",
            "symlink /srv/current",
            "package openssl",
            "systemd_unit sshd.service",
            "user app",
            "listener tcp/0.0.0.0:22",
            "listener tcp/[::]:22",
            "sysctl net.ipv4.ip_forward",
            "process nginx",
            "mount /srv",
        ] {
            assert!(names.iter().any(|n| n == name), "{name} of {names:?}");
        }
        let left = imported.left_out.join("\n");
        for line in [
            "file /etc/passwd: `contents` has no counterpart",
            "user app: `groups` has no counterpart",
            "mount /srv: `usage` has no counterpart",
            "command uname -r: nothing here corresponds to it",
        ] {
            assert!(left.contains(line), "{line} of {left}");
        }
        assert_eq!(imported.left_out.len(), 4, "{left}");
    }

    #[test]
    fn json_is_read_and_matchers_are_left_out() {
        let text = r#"{"file": {"/x": {"exists": true, "mode": {"match-regexp": "06.."}}}}"#;
        let imported = import(text).expect("JSON is YAML");
        assert_eq!(imported.drafts[0].1.keys, []);
        assert_eq!(imported.left_out, ["file /x: `mode` has no counterpart"]);
    }

    #[test]
    fn what_is_no_test_is_refused() {
        for text in ["", "[1, 2]", "file: {a: 1", "gossfile: {}\n"] {
            assert!(import(text).is_err(), "{text:?}");
        }
    }
}
