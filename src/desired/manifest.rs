//! TOML to typed resources. Every error of every file is collected before anything is refused.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;

use super::host::{DatabaseSection, Defaults, HostSection};
use super::resource::{COMMON_KEYS, Common, Resource, Waiver, WaiverSection};
use super::tree::{Beside, Tree};
use super::{Desired, Loaded, lint};
use crate::kinds::{self, Entry, KINDS, Place, Problem};
use crate::model::document::{self, Table};
use crate::model::{Code, Diagnostic, ResourceName, Span, Timestamp};

/// The largest TOML file that is parsed.
const TOML_BYTES_MAX: usize = 4 << 20;
/// The most resources of one host.
const RESOURCES_MAX: usize = 100_000;
/// The top-level tables that are no kinds of resources.
const SECTIONS: &[&str] = &["host", "values", "database", "waiver", "defaults"];

/// Reads what `tree` wants of `host`.
#[must_use]
pub fn read(tree: &Tree, host: &str, now: Timestamp) -> Loaded {
    let main = format!("hosts/{host}/host.toml");
    let mut reader = Reader::new(tree, host);
    let Some(own) = tree.files.get(&main) else {
        let known = tree.hosts();
        let error =
            Diagnostic::error(Code::MissingFile, main, 0..0, format!("there is no host `{host}`"));
        let error = error.suggest(host, known.iter().map(String::as_str));
        return Loaded { desired: None, diagnostics: vec![error] };
    };
    let mut texts = BTreeMap::new();
    let fleet = tree.files.get("fleet.toml").map(|bytes| ("fleet.toml".to_owned(), bytes));
    for (path, bytes) in fleet.into_iter().chain([(main.clone(), own)]) {
        reader.text(&path, bytes, &mut texts);
    }
    let mut roles = Vec::new();
    for (path, text) in &texts {
        let (table, wrong) = document::parse(path, text);
        reader.torn |= !wrong.is_empty();
        reader.found.extend(wrong);
        roles.extend(reader.sections(&table));
    }
    for role in &roles {
        for (path, bytes) in tree.below(&format!("roles/{role}/")) {
            reader.resource_file(path, bytes, &mut texts);
        }
    }
    for (path, bytes) in tree.below(&format!("hosts/{host}/")) {
        reader.resource_file(path, bytes, &mut texts);
    }
    for (path, text) in &texts {
        reader.resources(path, text);
    }
    reader.finish(main, now)
}

struct Reader<'a> {
    tree: &'a Tree,
    desired: Desired,
    values: BTreeMap<String, String>,
    defaults: Defaults,
    found: Vec<Diagnostic>,
    /// Every resource that has a table, those with errors included.
    declared: BTreeSet<ResourceName>,
    /// A file could not be parsed whole: what seems to be missing may stand in the part that was lost.
    torn: bool,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a Tree, host: &str) -> Self {
        let desired = Desired {
            host: host.to_owned(),
            identity: super::HostIdentity::default(),
            databases: BTreeMap::new(),
            resources: BTreeMap::new(),
            waivers: BTreeMap::new(),
            commit: tree.commit.clone(),
            pinned: tree.pinned,
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
            torn: false,
        }
    }

    fn error(&mut self, code: Code, file: &str, span: Span, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, file, span, message));
    }

    fn text(&mut self, path: &str, bytes: &[u8], texts: &mut BTreeMap<String, String>) {
        if bytes.len() > TOML_BYTES_MAX {
            self.torn = true;
            let message = format!("{} bytes, more than {TOML_BYTES_MAX}", bytes.len());
            return self.error(Code::Limit, path, 0..0, message);
        }
        match document::utf8(path, bytes) {
            Ok(text) => {
                texts.insert(path.to_owned(), text.to_owned());
            }
            Err(wrong) => {
                self.torn = true;
                self.found.push(wrong);
            }
        }
    }

    /// Takes the file when it is one of resources: directly in the folder of a host or a role.
    fn resource_file(&mut self, path: &str, bytes: &[u8], texts: &mut BTreeMap<String, String>) {
        let inner = path.splitn(3, '/').nth(2).unwrap_or("");
        let is_toml = std::path::Path::new(inner)
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("toml"));
        let first = inner.split_once('/').map(|(folder, _)| folder);
        match first {
            None if is_toml && !texts.contains_key(path) => self.text(path, bytes, texts),
            Some(folder) if is_toml && !matches!(folder, "files" | "manifests" | "sql") => {
                let message =
                    "resources are not looked for in folders of folders; move the file up";
                self.found.push(Diagnostic::error(Code::Misplaced, path, 0..0, message).warning());
            }
            _ => {}
        }
    }

    /// `[host]`, `[values]`, `[database.NAME]`, `[defaults]`; answers the roles.
    fn sections(&mut self, root: &Table<'_>) -> Vec<String> {
        let fleet = root.file() == "fleet.toml";
        let mut roles = Vec::new();
        if let Some(table) = self.section(root, "values") {
            self.take_values(&table);
        }
        if fleet {
            if let Some(table) = self.section(root, "defaults")
                && let Some(defaults) = self.decode::<Defaults>(&table)
            {
                self.defaults = defaults;
            }
            return roles;
        }
        if let Some(table) = self.section(root, "host") {
            if let Some(host) = self.decode::<HostSection>(&table) {
                self.desired.identity = host.identity;
                roles = self.known_roles(&table, host.roles);
            }
        } else if !self.torn {
            self.error(Code::MissingKey, root.file(), root.header(), "`[host]` is missing");
        }
        if let Some(databases) = self.section(root, "database") {
            for (name, span) in databases.keys() {
                if let Some(table) = self.section(&databases, &name)
                    && let Some(database) = self.decode::<DatabaseSection>(&table)
                {
                    self.database_identity(&table, &database, span);
                    self.desired.databases.insert(name, database.identity);
                }
            }
        }
        roles
    }

    fn database_identity(&mut self, table: &Table<'_>, database: &DatabaseSection, span: Span) {
        if database.identity.system_identifier.is_none() {
            let message =
                "without `identity.system_identifier` any cluster could answer for this database";
            let warning = Diagnostic::error(Code::Unpinned, table.file(), span, message).warning();
            self.found.push(warning.hint("SELECT system_identifier FROM pg_control_system()"));
        }
    }

    fn known_roles(&mut self, table: &Table<'_>, roles: Vec<String>) -> Vec<String> {
        let known = self.tree.roles();
        let (have, lack): (Vec<_>, Vec<_>) =
            roles.into_iter().partition(|role| known.contains(role));
        for role in lack {
            let span = table.value_span("roles").unwrap_or_else(|| table.header());
            let error = Diagnostic::error(
                Code::Reference,
                table.file(),
                span,
                format!("there is no role `{role}`"),
            );
            self.found.push(error.suggest(&role, known.iter().map(String::as_str)));
        }
        have
    }

    fn take_values(&mut self, table: &Table<'_>) {
        for (name, span) in table.keys() {
            let Some(value) = table.value(&name).and_then(DeValue::as_str) else {
                self.error(
                    Code::WrongType,
                    table.file(),
                    span,
                    format!("the value `{name}` is not a string"),
                );
                continue;
            };
            if self.values.insert(name.clone(), value.to_owned()).is_some() {
                let message = format!("the value `{name}` stands in fleet.toml too");
                self.error(Code::Duplicate, table.file(), span, message);
            }
        }
    }

    fn section<'t>(&mut self, root: &Table<'t>, name: &str) -> Option<Table<'t>> {
        root.table(name).unwrap_or_else(|wrong| {
            self.found.push(wrong);
            None
        })
    }

    fn decode<T: serde::de::DeserializeOwned + schemars::JsonSchema + 'static>(
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
        let mut dangling = Vec::new();
        root.substitute(text, &self.values, &mut dangling);
        if !self.torn {
            self.found.extend(dangling);
        }
        for (name, span) in root.keys() {
            if let Some(kind) = kinds::kind(&name) {
                if path == "fleet.toml" {
                    let message = format!("`[{name}]`: resources stand below hosts/ or roles/");
                    self.error(Code::Misplaced, path, span, message);
                } else if let Some(table) = self.section(&root, &name) {
                    self.of_kind(kind, &table);
                }
            } else if name == "waiver" {
                self.waivers(&root);
            } else if !SECTIONS.contains(&name.as_str()) {
                let known = KINDS.iter().map(Entry::name).chain(SECTIONS.iter().copied());
                let message = format!("`{name}` is neither a kind of resource nor a section");
                self.found.push(
                    Diagnostic::error(Code::UnknownTable, path, span, message)
                        .suggest(&name, known),
                );
            } else if !self.belongs(&name, path) {
                let message = format!("`[{name}]` does not belong in this file");
                self.error(Code::Misplaced, path, span, message);
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

    fn of_kind(&mut self, kind: &'static Entry, table: &Table<'_>) {
        for (name, span) in table.keys() {
            if let Some(inner) = self.section(table, &name) {
                self.resource(kind, &name, span, inner);
            }
        }
    }

    fn resource(&mut self, kind: &'static Entry, name: &str, span: Span, table: Table<'_>) {
        let file = table.file().to_owned();
        if let Some(whole) = unquoted(kind, name, &table) {
            let error = Diagnostic::error(
                Code::BadName,
                file,
                span,
                "the name has a dot and no quotes around it",
            );
            self.found.push(error.hint(format!("write [{}.\"{whole}\"]", kind.name())));
            return;
        }
        let id = ResourceName::new(kind.name(), name);
        if let Some(first) = self.desired.resources.get(&id) {
            let error = Diagnostic::error(
                Code::Duplicate,
                file,
                span,
                format!("`{id}` stands in two places"),
            );
            self.found.push(error.and(
                first.file.clone(),
                first.span.clone(),
                "it stands here too",
            ));
            return;
        }
        self.declared.insert(id.clone());
        if self.desired.resources.len() == RESOURCES_MAX {
            return self.error(
                Code::Limit,
                &file,
                span,
                format!("more than {RESOURCES_MAX} resources"),
            );
        }
        let data = table.decode_free::<serde_json::Value>().0.unwrap_or_default();
        let (common, own) = table.split(COMMON_KEYS);
        let common = self.decode::<Common>(&common);
        let (spec, wrong) = kind.decode(&own);
        self.found.extend(wrong);
        let Some(spec) = spec else { return };
        let folder = folder_of(&file);
        let mut problems = Vec::new();
        let spec = spec.prepare(name, &Beside { tree: self.tree, folder: &folder }, &mut problems);
        for problem in problems {
            self.problem(problem, &own, &span, &folder);
        }
        let Some(mut common) = common else { return };
        common.severity = common.severity.or(self.defaults.severity);
        common.contact = common.contact.or_else(|| self.defaults.contact.clone());
        let table = serde_json::Value::Object(data.into_iter().collect());
        self.desired
            .resources
            .insert(id.clone(), Resource { name: id, common, spec, kind, file, span, table });
    }

    fn problem(&mut self, problem: Problem, table: &Table<'_>, name: &Span, folder: &str) {
        let (file, span) = match problem.place {
            Place::Resource => (table.file().to_owned(), name.clone()),
            Place::Key(key) => {
                (table.file().to_owned(), table.value_span(&key).unwrap_or_else(|| name.clone()))
            }
            Place::File(path, span) => (format!("{folder}{path}"), span),
        };
        let mut diagnostic = Diagnostic::error(problem.code, file, span, problem.message);
        if let Some(hint) = problem.hint {
            diagnostic = diagnostic.hint(hint);
        }
        self.found.push(if problem.warning { diagnostic.warning() } else { diagnostic });
    }

    fn waivers(&mut self, root: &Table<'_>) {
        let Some(waivers) = self.section(root, "waiver") else { return };
        for (name, span) in waivers.keys() {
            let Some(table) = self.section(&waivers, &name) else { continue };
            let Some(section) = self.decode::<WaiverSection>(&table) else { continue };
            let file = table.file().to_owned();
            let Some(resource) = ResourceName::parse(&name) else {
                self.error(
                    Code::BadName,
                    &file,
                    span,
                    "a waiver names a resource as KIND.NAME, in quotes",
                );
                continue;
            };
            if self.desired.waivers.contains_key(&resource) {
                self.error(
                    Code::Duplicate,
                    &file,
                    span,
                    format!("`{resource}` is waived in two places"),
                );
                continue;
            }
            self.desired.waivers.insert(resource.clone(), Waiver { resource, section, file, span });
        }
    }

    fn finish(mut self, main: String, now: Timestamp) -> Loaded {
        if !self.torn {
            lint::references(&self.desired, &self.declared, now, &mut self.found);
            let refused = self.found.iter().any(|d| d.level == crate::model::Level::Error);
            if self.desired.resources.is_empty() && !refused {
                let message = "this host has no resources: there is nothing to check";
                self.found.push(Diagnostic::error(Code::Empty, main, 0..0, message));
            }
        }
        self.found.sort();
        self.found.dedup();
        let mut loaded = Loaded { desired: None, diagnostics: self.found };
        if loaded.errors() == 0 {
            loaded.desired = Some(self.desired);
        }
        loaded
    }
}

/// The folder of a host or role that a file belongs to, with a slash at its end.
fn folder_of(file: &str) -> String {
    let mut parts = file.splitn(3, '/');
    format!("{}/{}/", parts.next().unwrap_or(""), parts.next().unwrap_or(""))
}

/// `[row_count.public.unit]` without quotes is a table in a table: the name that was meant.
fn unquoted(kind: &Entry, name: &str, table: &Table<'_>) -> Option<String> {
    let keys = table.keys();
    let (only, _) = keys.first().filter(|_| keys.len() == 1)?;
    let inner = matches!(table.value(only), Some(DeValue::Table(_)));
    let unknown = kind.decode(table).1.iter().any(|d| d.code == Code::UnknownKey);
    (inner && unknown).then(|| format!("{name}.{only}"))
}
