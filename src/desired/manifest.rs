//! TOML to typed resources. Every error of every file is collected before anything is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::blob::Blob;
use super::host::Defaults;
use super::tree::Tree;
use super::{Desired, Loaded, gap_tables, gate_tables, lint, proof_tables, report_tables};
use crate::kinds::{self, Entry, KINDS};
use crate::model::document::{self, Table};
use crate::model::{Code, Diagnostic, Lines, Pieces as _, ResourceName, Span, Timestamp};

/// The largest TOML file that is parsed.
const TOML_BYTES_MAX: u64 = 4 << 20;
/// The top-level tables that are no kinds of resources.
const SECTIONS: &[&str] = &[
    "host",
    "values",
    "database",
    "waiver",
    "proof",
    "proofset",
    "attestation",
    "gate",
    "gap",
    "report",
    "defaults",
];

/// Reads what `tree` wants of `host`. A host without resources is refused: any machine would pass for it.
#[must_use]
pub fn read(tree: &Tree, host: &str, now: Timestamp) -> Loaded {
    let mut loaded = read_begun(tree, host, now);
    if loaded.desired.as_ref().is_some_and(|desired| desired.resources.is_empty()) {
        loaded.desired = None;
        let main = format!("hosts/{host}/host.toml");
        let message = "this host has no resources: there is nothing to check";
        loaded.diagnostics.push(Diagnostic::error(Code::Empty, main, 0..0, message));
        loaded.diagnostics.sort();
    }
    loaded
}

/// Why nothing is known of a host that has no `host.toml`.
fn nothing_of(tree: &Tree, host: &str, main: String) -> Diagnostic {
    let folder = format!("hosts/{host}/");
    let error = |message| Diagnostic::error(Code::MissingFile, main, 0..0, message);
    if tree.files.keys().any(|path| path.starts_with(&folder)) {
        return error(format!("there are files in {folder}, and no host.toml among them")).hint(
            "it says which machine that is, in its table `[host]`: `countersign explain host`",
        );
    }
    let known = tree.hosts();
    error(format!("there is no host `{host}`")).suggest(host, known.iter().map(String::as_str))
}

/// The same for a host of which nothing may be written down yet.
#[must_use]
pub fn read_begun(tree: &Tree, host: &str, now: Timestamp) -> Loaded {
    let main = format!("hosts/{host}/host.toml");
    let mut reader = Reader::new(tree, host);
    let Some(own) = tree.files.get(&main) else {
        return Loaded { desired: None, diagnostics: vec![nothing_of(tree, host, main)] };
    };
    let mut texts = BTreeMap::new();
    let fleet = tree.files.get("fleet.toml").map(|blob| ("fleet.toml".to_owned(), blob));
    for (path, blob) in fleet.into_iter().chain([(main.clone(), own)]) {
        reader.text(&path, blob, &mut texts);
    }
    let mut roles = Vec::new();
    for (path, text) in &texts {
        let (table, wrong) = document::parse(path, text);
        reader.torn |= !wrong.is_empty();
        reader.found.extend(wrong);
        roles.extend(reader.sections(&table));
    }
    for role in &roles {
        for (path, blob) in tree.below(&format!("roles/{role}/")) {
            reader.resource_file(path, blob, &mut texts);
        }
    }
    reader.desired.roles = roles;
    for (path, blob) in tree.below(&format!("hosts/{host}/")) {
        reader.resource_file(path, blob, &mut texts);
    }
    for (path, text) in &texts {
        reader.resources(path, text);
    }
    reader.finish(now)
}

pub(super) struct Reader<'a> {
    pub(super) tree: &'a Tree,
    pub(super) desired: Desired,
    pub(super) values: BTreeMap<String, String>,
    pub(super) defaults: Defaults,
    pub(super) found: Vec<Diagnostic>,
    /// Every resource that has a table, those with errors included.
    pub(super) declared: BTreeSet<ResourceName>,
    /// How many bytes of values may still be put in place.
    room: usize,
    /// A file could not be parsed whole: what seems to be missing may stand in the part that was lost.
    pub(super) torn: bool,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a Tree, host: &str) -> Self {
        let desired = Desired {
            host: host.to_owned(),
            roles: Vec::new(),
            identity: super::HostIdentity::default(),
            databases: BTreeMap::new(),
            resources: BTreeMap::new(),
            waivers: BTreeMap::new(),
            proofs: BTreeMap::new(),
            proofsets: BTreeMap::new(),
            attestations: BTreeMap::new(),
            gates: BTreeMap::new(),
            gaps: BTreeMap::new(),
            reports: BTreeMap::new(),
            commit: tree.commit.clone(),
            pinned: tree.pinned,
            folder: tree.folder.clone(),
            origin: tree.origin.clone(),
        };
        let (values, defaults) = (BTreeMap::new(), Defaults::default());
        Self {
            tree,
            desired,
            values,
            defaults,
            found: Vec::new(),
            declared: BTreeSet::new(),
            room: document::SUBSTITUTED_BYTES_MAX,
            torn: false,
        }
    }

    pub(super) fn error(&mut self, code: Code, file: &str, span: Span, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, file, span, message));
    }

    fn text(&mut self, path: &str, blob: &Blob, texts: &mut BTreeMap<String, String>) {
        let at = |code, message| Diagnostic::error(code, path, 0..0, message);
        let read = if blob.size() > TOML_BYTES_MAX {
            let message = format!("{} bytes, more than {TOML_BYTES_MAX}", blob.size());
            Err(at(Code::Limit, message))
        } else {
            let bytes = blob.read().map_err(|why| at(Code::MissingFile, why));
            bytes.and_then(|bytes| document::utf8(path, &bytes).map(str::to_owned))
        };
        match read {
            Ok(text) => {
                texts.insert(path.to_owned(), text);
            }
            Err(wrong) => {
                self.torn = true;
                self.found.push(wrong);
            }
        }
    }

    /// Takes the file when it is one of resources: directly in the folder of a host or a role.
    fn resource_file(&mut self, path: &str, blob: &Blob, texts: &mut BTreeMap<String, String>) {
        let inner = path.splitn(3, '/').nth(2).unwrap_or("");
        let is_toml = std::path::Path::new(inner)
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("toml"));
        let first = inner.split_once('/').map(|(folder, _)| folder);
        match first {
            None if is_toml && !texts.contains_key(path) => self.text(path, blob, texts),
            Some(folder) if is_toml && !matches!(folder, "files" | "manifests" | "sql") => {
                let message =
                    "resources are not looked for in folders of folders; move the file up";
                self.found.push(Diagnostic::error(Code::Misplaced, path, 0..0, message).warning());
            }
            _ => {}
        }
    }

    pub(super) fn section<'t>(&mut self, root: &Table<'t>, name: &str) -> Option<Table<'t>> {
        root.table(name).unwrap_or_else(|wrong| {
            self.found.push(wrong);
            None
        })
    }

    /// Says so when a name stands in two places, or there are more of them than the most that may be.
    pub(super) fn is_new(
        &mut self,
        (what, name): (&str, &str),
        first: Option<String>,
        (count, most): (usize, usize),
        (file, span): (&str, &Span),
    ) -> bool {
        if let Some(first) = first {
            let message = format!("`{what}.{name}` stands in {first} too");
            self.error(Code::Duplicate, file, span.clone(), message);
            return false;
        }
        if count >= most {
            self.error(Code::Limit, file, span.clone(), format!("more than {most} {what}s"));
        }
        count < most
    }

    pub(super) fn decode<T: serde::de::DeserializeOwned + schemars::JsonSchema + 'static>(
        &mut self,
        table: &Table<'_>,
    ) -> Option<T> {
        let (value, wrong) = table.decode::<T>();
        self.found.extend(wrong);
        value
    }

    fn resources(&mut self, path: &str, text: &str) {
        let is_main =
            path == "fleet.toml" || path == format!("hosts/{}/host.toml", self.desired.host);
        let (mut root, wrong) = document::parse(path, text);
        if !is_main {
            self.torn |= !wrong.is_empty();
            self.found.extend(wrong);
        }
        let lines = Lines::of(text.to_owned());
        let mut dangling = Vec::new();
        root.substitute(text, &self.values, &mut self.room, &mut dangling);
        if !self.torn {
            self.found.extend(dangling);
        }
        for (name, span) in root.keys() {
            if let Some(kind) = kinds::kind(&name) {
                if path == "fleet.toml" {
                    let message = format!("`[{name}]`: resources stand below hosts/ or roles/");
                    self.error(Code::Misplaced, path, span, message);
                } else if let Some(table) = self.section(&root, &name) {
                    self.of_kind(kind, &table, &lines);
                }
            } else if name == "waiver" {
                self.waivers(&root);
            } else if name == "proof" {
                self.proofs(&root, &lines);
            } else if name == "proofset" {
                self.proofsets(&root, &lines);
            } else if name == "attestation" {
                self.attestations(&root, &lines);
            } else if name == "gate" {
                self.gates(&root, &lines);
            } else if name == "gap" {
                self.gaps(&root, &lines);
            } else if name == "report" {
                self.reports(&root, &lines);
            } else if !SECTIONS.contains(&name.as_str()) {
                let known = KINDS.iter().map(Entry::name).chain(SECTIONS.iter().copied());
                let message = format!("`{name}` is neither a kind of resource nor a section");
                self.found.push(
                    Diagnostic::error(Code::UnknownTable, path, span, message)
                        .suggest(&name, known),
                );
            } else if !self.belongs(&name, path) {
                let message = format!("`[{name}]` does not belong in this file");
                let place = match name.as_str() {
                    "defaults" => "it stands in fleet.toml",
                    "values" => "it stands in fleet.toml or hosts/NAME/host.toml",
                    _ => "it stands in hosts/NAME/host.toml",
                };
                let error = Diagnostic::error(Code::Misplaced, path, span, message);
                self.found.push(error.hint(place));
            }
        }
    }

    fn belongs(&self, section: &str, path: &str) -> bool {
        let main = path == format!("hosts/{}/host.toml", self.desired.host);
        match section {
            "defaults" => path == "fleet.toml",
            "values" => path == "fleet.toml" || main,
            _ => main,
        }
    }

    fn finish(mut self, now: Timestamp) -> Loaded {
        if !self.torn {
            lint::references(&self.desired, &self.declared, now, &mut self.found);
            proof_tables::references(&self.desired, &mut self.found);
            gate_tables::references(&self.desired, &mut self.found);
            gap_tables::references(&self.desired, &mut self.found);
            report_tables::references(&self.desired, &mut self.found);
        }
        drop_consequences(&mut self.found);
        self.found.sort();
        self.found.dedup();
        let mut loaded = Loaded { desired: None, diagnostics: self.found };
        if loaded.errors() == 0 {
            loaded.desired = Some(self.desired);
        }
        loaded
    }
}

/// A value that could not be put in its place leaves a text of the wrong form; only the cause is worth reading.
fn drop_consequences(found: &mut Vec<Diagnostic>) {
    let mut causes: BTreeMap<(String, usize), usize> = BTreeMap::new();
    for cause in found.iter().filter(|d| d.code == Code::Reference) {
        let end = causes.entry((cause.file.clone(), cause.span.0)).or_insert(cause.span.1);
        *end = cause.span.1.min(*end);
    }
    found.retain(|d| {
        let mut inside = causes.range((d.file.clone(), d.span.0)..=(d.file.clone(), d.span.1));
        // Places of values do not overlap, so the first that begins inside ends first.
        d.code != Code::WrongType || inside.next().is_none_or(|(_, end)| *end > d.span.1)
    });
}
