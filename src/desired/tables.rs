//! The tables of resources and waivers, taken into the reader.

use toml::de::DeValue;

use super::Declared;
use super::manifest::Reader;
use super::resource::{COMMON_KEYS, Common, Resource};
use super::tree::Beside;
use super::waiver::{Waiver, WaiverSection, Wrong};
use crate::kinds::{Entry, Place, Problem};
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Lines, ResourceName, Span};

/// The most resources of one host.
const RESOURCES_MAX: usize = 100_000;
/// The most waivers of one host.
const WAIVERS_MAX: usize = 1000;

impl Reader<'_> {
    pub(super) fn of_kind(&mut self, kind: &'static Entry, table: &Table<'_>, lines: &Lines) {
        for (name, span) in table.keys() {
            if let Some(inner) = self.section(table, &name) {
                let line = lines.place(span.start).0 as u64;
                self.resource(kind, &name, (span, line), inner);
            }
        }
    }

    fn resource(
        &mut self,
        kind: &'static Entry,
        name: &str,
        (span, line): (Span, u64),
        table: Table<'_>,
    ) {
        let file = table.file().to_owned();
        let id = ResourceName::new(kind.name(), name);
        if let Some(error) = self.misnamed(kind, &id, &span, &table) {
            self.found.push(error);
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
        let keys = common;
        let common = self.decode::<Common>(&keys);
        let (spec, wrong) = kind.decode(&own);
        self.found.extend(wrong);
        let Some(spec) = spec else { return };
        let folder = folder_of(&file);
        let mut problems = Vec::new();
        let files = Beside::of(self.tree, &folder, &self.values);
        let spec = spec.prepare(name, &files, &mut problems);
        let mut of_keys = Vec::new();
        let declared =
            common.as_ref().and_then(|common| Declared::read(common, kind, &files, &mut of_keys));
        let files = files.used.into_inner();
        for (problems, table) in [(problems, &own), (of_keys, &keys)] {
            for problem in problems {
                self.problem(problem, table, &span, &folder);
            }
        }
        let Some(mut common) = common else { return };
        common.severity = common.severity.or(self.defaults.severity);
        common.contact = common.contact.or_else(|| self.defaults.contact.clone());
        let table = serde_json::Value::Object(data.into_iter().collect());
        let resource = Resource {
            name: id.clone(),
            common,
            spec,
            kind,
            declared,
            file,
            files,
            span,
            line,
            table,
        };
        self.desired.resources.insert(id, resource);
    }

    /// What is wrong with a name in its place.
    fn misnamed(
        &self,
        kind: &Entry,
        id: &ResourceName,
        span: &Span,
        table: &Table<'_>,
    ) -> Option<Diagnostic> {
        let (file, span) = (table.file().to_owned(), span.clone());
        if let Some(whole) = unquoted(kind, &id.name, table) {
            let message = "the name has a dot and no quotes around it";
            let error = Diagnostic::error(Code::BadName, file, span, message);
            return Some(error.hint(format!("write [{}.\"{whole}\"]", kind.name())));
        }
        let first = self.desired.resources.get(id)?;
        let message = format!("`{id}` stands in two places");
        let error = Diagnostic::error(Code::Duplicate, file, span, message);
        Some(error.and(first.file.clone(), first.span.clone(), "it stands here too"))
    }

    pub(super) fn problem(
        &mut self,
        problem: Problem,
        table: &Table<'_>,
        name: &Span,
        folder: &str,
    ) {
        let (file, span) = match problem.place {
            Place::Resource => (table.file().to_owned(), name.clone()),
            Place::Key(key) => {
                (table.file().to_owned(), table.value_span(&key).unwrap_or_else(|| name.clone()))
            }
            Place::Item(key, at) => {
                let span = table.item_span(&key, at).or_else(|| table.value_span(&key));
                (table.file().to_owned(), span.unwrap_or_else(|| name.clone()))
            }
            Place::File(path, span) => (format!("{folder}{path}"), span),
        };
        let mut diagnostic = Diagnostic::error(problem.code, file, span, problem.message);
        if let Some(hint) = problem.hint {
            diagnostic = diagnostic.hint(hint);
        }
        self.found.push(if problem.warning { diagnostic.warning() } else { diagnostic });
    }

    pub(super) fn waivers(&mut self, root: &Table<'_>) {
        let Some(waivers) = self.section(root, "waiver") else { return };
        for (name, span) in waivers.keys() {
            let Some(table) = self.section(&waivers, &name) else { continue };
            let Some(section) = self.decode::<WaiverSection>(&table) else { continue };
            let file = table.file();
            if self.desired.waivers.contains_key(&name) {
                let message = format!("`{name}` is waived in two places");
                self.error(Code::Duplicate, file, span, message);
                continue;
            }
            if self.desired.waivers.len() == WAIVERS_MAX {
                self.error(Code::Limit, file, span, format!("more than {WAIVERS_MAX} waivers"));
                return;
            }
            match Waiver::new(&name, section, file, span.clone()) {
                Ok(waiver) => {
                    self.desired.waivers.insert(name, waiver);
                }
                Err(Wrong::Name) => {
                    let message = "a waiver names a resource as KIND.NAME, in quotes";
                    let error = Diagnostic::error(Code::BadName, file, span, message);
                    self.found.push(error.hint("or has any name, and a `selector`"));
                }
                Err(Wrong::Pattern(key, why)) => {
                    let place = table.value_span(key).unwrap_or(span);
                    self.error(Code::WrongType, file, place, format!("no pattern: {why}"));
                }
            }
        }
    }
}

/// The folder of a host or role that a file belongs to, with a slash at its end.
pub(super) fn folder_of(file: &str) -> String {
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
