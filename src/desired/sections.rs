//! The tables about a host as a whole, taken into the reader: `[host]`, `[values]`, `[database.NAME]`, `[defaults]`.

use toml::de::DeValue;

use super::host::{DatabaseSection, Defaults, HostSection};
use super::manifest::Reader;
use crate::model::document::Table;
use crate::model::{Code, Diagnostic, Span};

impl Reader<'_> {
    /// `[host]`, `[values]`, `[database.NAME]`, `[defaults]`; answers the roles.
    pub(super) fn sections(&mut self, root: &Table<'_>) -> Vec<String> {
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
}
