//! What a file carries beside its content: capabilities, extended attributes, the immutable flag, the number of its names.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::{Problem, not_recorded};
use super::File;
use crate::model::display::escape_bytes;
use crate::model::{Code, Comparison, Content, Difference, Digest, Unknown};
use crate::probe::host::{CAPABILITY, FileCapabilities, Inside};

/// What the table says, made ready to compare.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    capabilities: Option<FileCapabilities>,
    /// By name as it is shown: the digest of the value.
    xattrs: BTreeMap<String, Digest>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Carried {
    links: u64,
    immutable: Result<bool, Unknown>,
    /// Asked only where the table says something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capabilities: Option<Result<FileCapabilities, Unknown>>,
    /// By name, escaped; without capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xattrs: Option<BTreeMap<String, Content>>,
    /// The digest of the raw capabilities, for a table that counts them among the extended attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw_capabilities: Option<Content>,
}

impl Carried {
    pub(super) fn of(path: &Path, inside: Inside) -> Self {
        let capabilities = inside.capabilities(path);
        let content = |value: &[u8]| {
            // What is no line of text says more as a digest.
            let text = std::str::from_utf8(value).ok().filter(|_| inside.shown);
            let shown = text.filter(|text| !text.contains(char::is_control)).map(Value::from);
            Content { sha256: Digest::of(value), shown }
        };
        let all = inside.xattrs.as_ref();
        let others = |all: &BTreeMap<Vec<u8>, Vec<u8>>| {
            let others = all.iter().filter(|(name, _)| *name != CAPABILITY);
            others.map(|(name, value)| (escape_bytes(name), content(value))).collect()
        };
        Self {
            links: inside.links,
            capabilities,
            xattrs: all.map(others),
            raw_capabilities: all.and_then(|all| all.get(CAPABILITY)).map(|v| content(v)),
            immutable: inside.immutable,
        }
    }
}

impl File {
    pub(super) fn asks_xattrs(&self) -> bool {
        self.capabilities.is_some() || self.xattrs.is_some()
    }

    pub(super) fn asks_carried(&self) -> bool {
        self.asks_xattrs() || self.immutable.is_some() || self.links.is_some()
    }

    /// The keys of this part, and whether they are set.
    pub(super) fn carried_keys(&self) -> [(&'static str, bool); 4] {
        [
            ("capabilities", self.capabilities.is_some()),
            ("xattrs", self.xattrs.is_some()),
            ("immutable", self.immutable.is_some()),
            ("links", self.links.is_some()),
        ]
    }

    /// Named only where it is asked, so that what was recorded before it could be still answers.
    pub(super) fn carried_question(&self) -> Map<String, Value> {
        let asked = [("carried", self.asks_carried()), ("xattrs", self.asks_xattrs())];
        let asked = asked.iter().filter(|(_, asked)| *asked);
        asked.map(|(key, _)| ((*key).to_owned(), true.into())).collect()
    }

    pub(super) fn prepare_carried(&mut self, problems: &mut Vec<Problem>) {
        if let Some(text) = &self.capabilities {
            match text.parse() {
                Ok(parsed) => self.carries.capabilities = Some(parsed),
                Err(why) => {
                    let problem = Problem::key("capabilities", Code::WrongType, format!("{why}"));
                    let hint = "write what `getcap` prints behind the name of the file";
                    problems.push(problem.hint(hint));
                }
            }
        }
        if self.links == Some(0) {
            let message = "a file that is there has at least one name: `links` is 1 or more";
            problems.push(Problem::key("links", Code::WrongType, message));
        }
        for (name, value) in self.xattrs.iter().flatten() {
            if !name.contains('.') {
                let message = format!("`{name}` is no name of an extended attribute");
                let problem = Problem::key("xattrs", Code::BadName, message);
                problems.push(problem.hint("it begins with its class, as in `user.note`"));
            }
            if self.capabilities.is_some() && name.as_bytes() == CAPABILITY {
                let message = "`capabilities` says what `security.capability` holds";
                problems.push(Problem::key("xattrs", Code::Contradiction, message));
            }
            let digest = value.strip_prefix("sha256:").and_then(|hex| hex.parse().ok());
            let digest = digest.unwrap_or_else(|| Digest::of(value.as_bytes()));
            self.carries.xattrs.insert(escape_bytes(name.as_bytes()), digest);
        }
    }

    pub(super) fn compare_carried(
        &self,
        seen: Option<&Result<Carried, Unknown>>,
        found: &mut Comparison,
    ) {
        let seen = match seen {
            Some(Ok(seen)) => seen,
            Some(Err(unknown)) => return self.blind_carried(unknown, found),
            None if self.asks_carried() => return self.blind_carried(&not_recorded(), found),
            None => return,
        };
        found.expect("links", self.links.as_ref(), &seen.links);
        match (self.immutable, &seen.immutable) {
            (Some(_), Err(unknown)) => found.blind("immutable", unknown.clone()),
            (wanted, Ok(is)) => found.expect("immutable", wanted.as_ref(), is),
            (None, Err(_)) => {}
        }
        match (self.carries.capabilities, &seen.capabilities) {
            (None, _) => {}
            (Some(wanted), Some(Ok(is))) => {
                if wanted != *is {
                    let (wanted, is) = (wanted.to_string(), is.to_string());
                    found.differences.push(Difference::new("capabilities", wanted, is));
                }
            }
            (Some(_), Some(Err(unknown))) => found.blind("capabilities", unknown.clone()),
            (Some(_), None) => found.blind("capabilities", not_recorded()),
        }
        match &seen.xattrs {
            _ if self.xattrs.is_none() => {}
            Some(xattrs) => self.compare_xattrs(xattrs, seen.raw_capabilities.as_ref(), found),
            None => found.blind("xattrs", not_recorded()),
        }
    }

    /// All that are there against all that are wanted; values that may not be shown are digests on both sides.
    fn compare_xattrs(
        &self,
        seen: &BTreeMap<String, Content>,
        raw_capabilities: Option<&Content>,
        found: &mut Comparison,
    ) {
        let raw = raw_capabilities.filter(|_| self.capabilities.is_none());
        let capability = escape_bytes(CAPABILITY);
        let mut seen: BTreeMap<&str, &Content> =
            seen.iter().map(|(name, content)| (name.as_str(), content)).collect();
        seen.extend(raw.map(|content| (capability.as_str(), content)));
        let shown = |content: &Content| match &content.shown {
            Some(shown) => shown.clone(),
            None => format!("{:?}", content.sha256).into(),
        };
        for (name, wanted) in &self.carries.xattrs {
            let is = seen.remove(name.as_str());
            if is.is_some_and(|is| is.sha256 == *wanted) {
                continue;
            }
            let text = self.xattrs.as_ref().and_then(|xattrs| xattrs.get(name));
            let desired = match (is.and_then(|is| is.shown.as_ref()), text) {
                (Some(_), Some(text)) => Value::from(text.as_str()),
                _ => format!("{wanted:?}").into(),
            };
            let actual = is.map_or(Value::Null, shown);
            found.differences.push(Difference::new(format!("xattr {name}"), desired, actual));
        }
        for (name, is) in seen {
            let field = format!("xattr {name}");
            found.differences.push(Difference::new(field, Value::Null, shown(is)));
        }
    }

    fn blind_carried(&self, unknown: &Unknown, found: &mut Comparison) {
        for (key, set) in self.carried_keys() {
            if set {
                found.blind(key, unknown.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Policy;
    use crate::kinds::test_world::{self, Root, check};

    /// `false`, and a word about it, where the file system or the rights do not allow it.
    fn set(root: &Root, path: &str, name: &str, value: &[u8]) -> bool {
        let flags = rustix::fs::XattrFlags::empty();
        let outcome = rustix::fs::setxattr(root.path(path), name, value, flags);
        outcome
            .inspect_err(|error| eprintln!("skipped: `{name}` cannot be set here: {error}"))
            .is_ok()
    }

    #[test]
    fn names_and_flags_are_compared() {
        let root = Root::new();
        root.file("f", b"abc").file("d/g", b"");
        check::<File>(&root, "/f", "links = 1", &[]);
        std::fs::hard_link(root.path("f"), root.path("d/f")).expect("a second name");
        check::<File>(&root, "/f", "links = 1", &["links 1 2"]);
        check::<File>(&root, "/f", "links = 2\nempty = false", &[]);
        check::<File>(&root, "/d", "links = 1", &["type \"file\" \"directory\""]);
        let spec = test_world::prepare::<File>("/f", "immutable = true").0;
        let found = test_world::lines(&test_world::compare(&root, "/f", spec));
        let told = ["immutable true false"];
        assert!(found == told || found == ["blind immutable not_supported"], "{found:?}");
    }

    #[test]
    fn extended_attributes_are_compared_as_a_whole() {
        let root = Root::new();
        root.file("f", b"abc");
        check::<File>(&root, "/f", "xattrs = {}", &[]);
        if !set(&root, "f", "user.note", b"one") {
            return;
        }
        let one = Digest::of(b"one");
        check::<File>(&root, "/f", "xattrs = { 'user.note' = 'one' }", &[]);
        check::<File>(&root, "/f", &format!("xattrs = {{ 'user.note' = '{one:?}' }}"), &[]);
        check::<File>(&root, "/f", "mode = '0644'", &[]);
        check::<File>(&root, "/f", "xattrs = {}", &["xattr user.note null \"one\""]);
        let other = "xattrs = { 'user.note' = 'two', 'user.x' = '' }";
        let missing = format!("xattr user.x \"{:?}\" null", Digest::of(b""));
        let changed = "xattr user.note \"two\" \"one\"";
        check::<File>(&root, "/f", other, &[changed, &missing]);
        let closed = Policy::new(&["/".into()], &[], &[]).expect("no pattern");
        let mut root = root;
        root.policy = closed;
        let two = Digest::of(b"two");
        let changed = format!("xattr user.note \"{two:?}\" \"{one:?}\"");
        check::<File>(&root, "/f", other, &[&changed, &missing]);
    }

    #[test]
    fn capabilities_are_compared_as_sets() {
        let root = Root::new();
        root.file("f", b"abc");
        check::<File>(&root, "/f", "capabilities = ''", &[]);
        let bytes = [1, 0, 0, 2, 0, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        if !set(&root, "f", "security.capability", &bytes) {
            return;
        }
        let held = "cap_net_admin,cap_net_raw=ep";
        check::<File>(&root, "/f", &format!("capabilities = '{held}'"), &[]);
        check::<File>(&root, "/f", "capabilities = 'cap_net_raw+ep cap_net_admin=pe'", &[]);
        let drift = format!("capabilities \"\" \"{held}\"");
        check::<File>(&root, "/f", "capabilities = ''\nxattrs = {}", &[&drift]);
        let content = Digest::of(&bytes);
        let counted = format!("xattr security.capability null \"{content:?}\"");
        check::<File>(&root, "/f", "xattrs = {}", &[&counted]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (toml, codes) in [
            ("capabilities = 'cap_net_rawr=ep'", "CS0004"),
            ("capabilities = 'cap_chown=ep cap_kill=p'", "CS0004"),
            ("xattrs = { note = 'x' }", "CS0012"),
            ("xattrs = { 'security.capability' = 'x' }\ncapabilities = ''", "CS0008"),
            ("links = 0", "CS0004"),
            ("present = false\nlinks = 1\nimmutable = true", "CS0008 CS0008"),
        ] {
            let problems = test_world::prepare::<File>("/f", toml).1;
            let found: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
            assert_eq!(found.join(" "), codes, "{toml}");
        }
    }
}
