//! Desired state for the sandbox: the worked example with the sandbox's own pins in place of the true ones.
//!
//! The example is the only source, so that the two cannot come apart: a pin that is no longer found in it is an error.
//! Only texts; `repository` puts them into git.

use std::collections::BTreeMap;

use super::fixture::{Loaded, ROWS};
use super::layout::{DUMP, Sandbox};

/// The folder of the repository that desired state stands in.
pub const FOLDER: &str = "desired-state";
/// The name of the host: the folder below `hosts/`.
pub const HOST: &str = "contabo";

const NOTE: &str = "# Derived from the worked example for the sandbox of `countersign demo`: the same resources under the same names, and\n\
                    # the sandbox's own owner, digests and identities.\n\n";
/// The true pins of [`PINNED`](super::fixture::PINNED), in its order.
const TRUE_DEFINITIONS: [&str; 4] = [
    "dcade99af1ef096892748c9f14082e11",
    "6ca9bc39e2d2be93dd8a71739fa80dc4",
    "42e96b6c9e81a2d0a28b30644d178a26",
    "6e716a808c3825cde0adc32605185ec3",
];
const MANIFEST: &str = "hosts/contabo/manifests/iu-cutter-v0.6.sha256";

macro_rules! example {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../desired-state/", $path)))),*]
    };
}

/// The files of the example that are taken over; the list of the tree is written anew. `containers.toml` is left out: the
/// sandbox has no container engine, and one that is made up would be no measurement.
static EXAMPLE: &[(&str, &str)] = &example![
    "fleet.toml",
    "hosts/contabo/accounts.toml",
    "hosts/contabo/attestations.toml",
    "hosts/contabo/backups.toml",
    "hosts/contabo/constants.toml",
    "hosts/contabo/cron.toml",
    "hosts/contabo/database.toml",
    "hosts/contabo/directories.toml",
    "hosts/contabo/disk.toml",
    "hosts/contabo/files.toml",
    "hosts/contabo/gaps.toml",
    "hosts/contabo/gates.toml",
    "hosts/contabo/git.toml",
    "hosts/contabo/host.toml",
    "hosts/contabo/keys.toml",
    "hosts/contabo/packages.toml",
    "hosts/contabo/pg_constraint.toml",
    "hosts/contabo/pg_function.toml",
    "hosts/contabo/pg_grant.toml",
    "hosts/contabo/pg_membership.toml",
    "hosts/contabo/pg_role.toml",
    "hosts/contabo/pg_setting.toml",
    "hosts/contabo/pg_table.toml",
    "hosts/contabo/pg_trigger.toml",
    "hosts/contabo/proofs.toml",
    "hosts/contabo/reports.toml",
    "hosts/contabo/smoke.toml",
    "hosts/contabo/tree.toml",
    "hosts/contabo/units.toml",
    "hosts/contabo/waivers.toml",
    "roles/base/accounts.toml",
];

/// Its files that are no tables: content that is provisioned, and what proofs run.
static CONTENT: &[(&str, &str)] = &example![
    "hosts/contabo/files/cutter-README.md",
    "hosts/contabo/files/orchestrator.config.json",
    "hosts/contabo/sql/change-sets.sql",
    "hosts/contabo/sql/exec-verifies.sql",
    "hosts/contabo/sql/exec-writes-unit.sql",
    "hosts/contabo/sql/governance-inserts.sql",
    "hosts/contabo/sql/governance-left.sql",
    "hosts/contabo/sql/iu-create.sql",
    "hosts/contabo/sql/live.sql",
    "hosts/contabo/sql/results.sql",
    "hosts/contabo/sql/units-left.sql",
    "hosts/contabo/sql/units.sql",
    "hosts/contabo/sql/verify-path.sql",
];

/// The worked example and this module have come apart.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worked example no longer says `{text}` in {file}")]
pub struct DesiredError {
    /// Which file.
    pub file: &'static str,
    /// What was looked for in it.
    pub text: String,
}

/// A text of the example, and what stands in its place in the sandbox.
struct Edit {
    file: &'static str,
    from: String,
    to: String,
}

/// The files of desired state, by their paths in the repository.
///
/// # Errors
/// When a pin is not found in the worked example.
pub fn derive(
    sandbox: &Sandbox,
    loaded: &Loaded,
) -> Result<BTreeMap<String, Vec<u8>>, DesiredError> {
    let mut files: BTreeMap<&str, String> =
        EXAMPLE.iter().map(|(path, text)| (*path, format!("{NOTE}{text}"))).collect();
    for edit in edits(sandbox, loaded) {
        edit.apply(&mut files)?;
    }
    files.insert(MANIFEST, sandbox.tree.clone());
    files.extend(CONTENT.iter().map(|(path, text)| (*path, (*text).to_owned())));
    Ok(files
        .into_iter()
        .map(|(path, text)| (format!("{FOLDER}/{path}"), text.into_bytes()))
        .collect())
}

impl Edit {
    /// Puts the new text in every place of the old one, of which there must be one at least.
    fn apply(self, files: &mut BTreeMap<&str, String>) -> Result<(), DesiredError> {
        match files.get_mut(self.file) {
            Some(text) if text.contains(&self.from) => *text = text.replace(&self.from, &self.to),
            _ => return Err(DesiredError { file: self.file, text: self.from }),
        }
        Ok(())
    }
}

fn edits(sandbox: &Sandbox, loaded: &Loaded) -> Vec<Edit> {
    let server = &loaded.server;
    let mut edits = owners(sandbox);
    let mut edit = |file, from: &str, to: &str| {
        edits.push(Edit { file, from: from.to_owned(), to: to.to_owned() });
    };
    let (host, database) = ("hosts/contabo/host.toml", "hosts/contabo/database.toml");
    let major = server.version.split('.').next().unwrap_or(&server.version);
    for file in [host, database] {
        edit(file, "\"7611578671664259111\"", &format!("\"{}\"", server.system_identifier));
    }
    edit(host, "server_version = \"16\"", &format!("server_version = \"{major}\""));
    edit(database, "version = \"16.13\"", &format!("version = \"{}\"", server.version));
    for (table, true_rows) in
        [("public.event_outbox", "93686"), ("public.birth_registry", "1170000")]
    {
        let rows = ROWS.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
        edit(database, &format!("from = {true_rows}"), &format!("from = {rows}"));
    }
    for (published, computed) in TRUE_DEFINITIONS.iter().zip(&loaded.definitions) {
        edit("hosts/contabo/pg_function.toml", published, computed);
    }
    let skeleton = "be65de80f6632edbe51f13c59975376c936b2ac12cb8e86577a4c15c0ea173b3";
    edit("hosts/contabo/tree.toml", skeleton, &sandbox.skeleton.to_string());
    edit("hosts/contabo/git.toml", "e93424b", &sandbox.head);
    edit("hosts/contabo/backups.toml", "70000000", &DUMP.len().to_string());
    edit("hosts/contabo/gates.toml", ", \"container.pg-restore-test-*\"", "");
    edit("hosts/contabo/reports.toml", ", \"container.*\"", "");
    // How full the disk of whoever runs the demo is, is no business of the demo.
    edit("hosts/contabo/disk.toml", "\"10GB\"", "\"1MB\"");
    edit("hosts/contabo/disk.toml", "\"90%\"", "\"100%\"");
    edits
}

/// Everything in the sandbox belongs to whoever made it.
fn owners(sandbox: &Sandbox) -> Vec<Edit> {
    let owner = |file, from: &str, to: String| Edit { file, from: from.to_owned(), to };
    let files = [
        "hosts/contabo/directories.toml",
        "hosts/contabo/files.toml",
        "hosts/contabo/tree.toml",
        "roles/base/accounts.toml",
    ];
    let group = format!("group = \"{}\"", sandbox.account.group);
    // First the group that only production has: replaced, it may read like any other.
    let mut edits = vec![owner(files[1], "group = \"incomex\"", "group = \"root\"".to_owned())];
    for file in files {
        edits.push(owner(
            file,
            "owner = \"root\"",
            format!("owner = \"{}\"", sandbox.account.user),
        ));
        edits.push(owner(file, "group = \"root\"", group.clone()));
    }
    edits
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::demo::fixture::{PINNED, ServerIdentity};
    use crate::demo::{cutter, layout};
    use crate::model::Digest;

    fn derived() -> (tempfile::TempDir, Sandbox, BTreeMap<String, Vec<u8>>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sandbox = layout::write(&folder.path().join("root")).expect("written");
        sandbox.account.user = "anna".to_owned();
        sandbox.account.group = "staff".to_owned();
        let server = ServerIdentity { system_identifier: "42".into(), version: "15.18".into() };
        let loaded = Loaded { server, definitions: PINNED.map(computed).to_vec() };
        let files = derive(&sandbox, &loaded).expect("derived");
        (folder, sandbox, files)
    }

    /// Stands for the MD5 of a definition.
    fn computed(function: &str) -> String {
        Digest::of(function.as_bytes()).to_string()[..32].to_owned()
    }

    fn table(files: &BTreeMap<String, Vec<u8>>, path: &str) -> toml::Table {
        let text = std::str::from_utf8(&files[&format!("{FOLDER}/{path}")]).expect("UTF-8");
        text.parse().expect("TOML")
    }

    fn example(path: &str) -> toml::Table {
        let (_, text) =
            EXAMPLE.iter().find(|(name, _)| *name == path).expect("a file of the example");
        text.parse().expect("TOML")
    }

    #[test]
    fn the_same_resources_stand_under_the_same_names() {
        let (_folder, _, files) = derived();
        assert_eq!(files.len(), EXAMPLE.len() + CONTENT.len() + 1);
        for (path, _) in EXAMPLE {
            let names = |table: &toml::Table| -> Vec<String> {
                let inner = |(kind, value): (&String, &toml::Value)| {
                    let keys = value.as_table().map(|t| t.keys().cloned().collect::<Vec<_>>());
                    format!("{kind}: {keys:?}")
                };
                table.iter().map(inner).collect()
            };
            assert_eq!(names(&table(&files, path)), names(&example(path)), "{path}");
        }
    }

    #[test]
    fn the_pins_are_the_sandboxs_own() {
        let (_folder, sandbox, files) = derived();
        let all: String = files.values().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        for gone in [
            "7611578671664259111",
            "e93424b",
            "be65de80",
            "\nversion = \"16.13\"",
            "\"root\"",
            "incomex\"\n",
        ] {
            assert!(!all.contains(gone), "{gone}");
        }
        let host = table(&files, "hosts/contabo/host.toml");
        let identity = &host["database"]["directus"]["identity"];
        assert_eq!(identity["system_identifier"].as_str(), Some("42"));
        assert_eq!(identity["server_version"].as_str(), Some("15"));
        assert_eq!(host["host"]["identity"]["hostname"].as_str(), Some(layout::HOSTNAME));
        let git = table(&files, "hosts/contabo/git.toml");
        assert_eq!(git["git_head"][layout::CHECKOUT]["commit"].as_str(), Some(&*sandbox.head));
        let tree = table(&files, "hosts/contabo/tree.toml");
        assert_eq!(tree["tree"]["cutter-v0_6"]["root"].as_str(), Some(layout::TREE));
        assert_eq!(tree["tree"]["cutter-v0_6"]["owner"].as_str(), Some("anna"));
        assert_eq!(files[&format!("{FOLDER}/{MANIFEST}")], sandbox.tree.as_bytes());
    }

    #[test]
    fn every_definition_that_is_pinned_is_the_sandboxs_own() {
        let (_folder, _, files) = derived();
        let functions = table(&files, "hosts/contabo/pg_function.toml");
        let pinned: BTreeMap<&str, &str> = functions["pg_function"]
            .as_table()
            .expect("tables")
            .iter()
            .filter_map(|(name, spec)| Some((name.as_str(), spec.get("definition_md5")?.as_str()?)))
            .collect();
        let own = PINNED.map(|name| (name, computed(name)));
        assert_eq!(pinned, own.iter().map(|(name, md5)| (*name, md5.as_str())).collect());
    }

    #[test]
    fn every_file_of_the_example_is_taken_over_but_the_containers() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let (mut folders, mut found) = (vec![root.clone()], BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry"))
            {
                if entry.file_type().expect("a type").is_dir() {
                    folders.push(entry.path());
                } else {
                    let path = entry.path();
                    let path = path.strip_prefix(&root).expect("below it").to_owned();
                    found.insert(path.into_os_string().into_string().expect("UTF-8"));
                }
            }
        }
        let others = [MANIFEST, "hosts/contabo/containers.toml"];
        let taken = EXAMPLE.iter().chain(CONTENT).map(|(path, _)| *path);
        let taken = taken.chain(others).map(str::to_owned);
        assert_eq!(found, taken.collect());
    }

    #[test]
    fn a_pin_that_left_the_example_is_an_error() {
        let mut files = BTreeMap::from([("host.toml", "version = \"16\"".to_owned())]);
        let edit = |file, from: &str| Edit { file, from: from.to_owned(), to: "new".to_owned() };
        assert_eq!(edit("host.toml", "\"16\"").apply(&mut files), Ok(()));
        assert_eq!(files["host.toml"], "version = new");
        for (file, text) in [("host.toml", "\"16\""), ("gone.toml", "new")] {
            let refused = DesiredError { file, text: text.to_owned() };
            assert_eq!(edit(file, text).apply(&mut files), Err(refused));
        }
    }

    #[test]
    fn every_count_is_that_of_the_fixture() {
        let (_folder, _, files) = derived();
        let database = table(&files, "hosts/contabo/database.toml");
        let counts = database["row_count"].as_table().expect("a table");
        let pinned: BTreeMap<&str, i64> = counts
            .iter()
            .map(|(name, spec)| {
                let pin = spec.get("rows").or_else(|| spec.get("growth")?.get("from"));
                (name.as_str(), pin.and_then(toml::Value::as_integer).expect("a number"))
            })
            .collect();
        assert_eq!(pinned, ROWS.into_iter().collect());
    }

    #[test]
    fn every_path_of_the_example_is_in_the_sandbox_but_what_is_to_be_made() {
        let (_folder, sandbox, files) = derived();
        let mut absent = Vec::new();
        for (file, kind) in [("directories", "directory"), ("files", "file")] {
            let tables = table(&files, &format!("hosts/contabo/{file}.toml"));
            for path in tables[kind].as_table().expect("a table").keys() {
                if !sandbox.root.join(path.trim_start_matches('/')).exists() {
                    absent.push(path.clone());
                }
            }
        }
        assert_eq!(absent.len(), 10, "{absent:?}");
        assert!(absent.iter().all(|path| path.starts_with("/var/lib/cutter")), "{absent:?}");
    }

    #[test]
    fn the_examples_own_list_names_the_same_files_with_stand_ins() {
        let list =
            include_str!("../../desired-state/hosts/contabo/manifests/iu-cutter-v0.6.sha256");
        let stand_in = |path: &String| {
            format!("{}  {path}", Digest::of(format!("stand-in:{path}").as_bytes()))
        };
        let expected: Vec<String> = cutter::files().keys().map(stand_in).collect();
        let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), 82);
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected);
        }
    }
}
