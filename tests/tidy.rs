//! The house rules that a compiler does not check: layers, registration, lengths, documentation, and where anything may
//! be changed. They are trip-wires over the text of the source; each has a test of its own that it can fail.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, lowest first. A module uses only lower layers; those of one layer do not see each other.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["config"],
    &["killswitch", "sandbox", "action", "ledger", "state"],
    &["probe"],
    &["kinds"],
    &["desired", "observed"],
    &["drift"],
    &["adopt"],
    &["plan"],
    &["approval"],
    &["execute", "proof"],
    &["evidence"],
    &["report"],
    &["package"],
    &["controller"],
    &["web", "hub"],
    &["demo"],
    &["cli"],
];

/// Who may never name whom, whatever the layers say: what runs unattended cannot reach what changes something.
const BANNED: &[(&[&str], &[&str])] = &[(&["controller", "web", "hub"], &["execute", "proof"])];

/// Folders whose files are members of a list, and the file with that list.
const REGISTRIES: &[(&str, &str, &[&str])] = &[
    (
        "src/kinds",
        "src/kinds/mod.rs",
        &[
            "account",
            "adoption",
            "all_rows",
            "bounds",
            "closed",
            "commit",
            "deadline",
            "entry",
            "grant_sql",
            "in_catalog",
            "in_database",
            "in_order",
            "listed",
            "metadata",
            "path",
            "presence",
            "provision",
            "secretive",
            "sql_text",
            "test_world",
            "validity",
        ],
    ),
    ("src/report", "src/report/mod.rs", &["diagnostics", "groups", "value", "wording"]),
    ("src/adopt/from", "src/adopt/from/mod.rs", &[]),
    ("src/approval/rules", "src/approval/rules/mod.rs", &[]),
    ("src/probe/literal", "src/probe/literal/mod.rs", &["number", "path"]),
    (
        "src/cli",
        "src/cli/mod.rs",
        &[
            "asking",
            "attested",
            "context",
            "error",
            "exit",
            "ledgers",
            "looking",
            "monitor",
            "observing",
            "outcomes",
            "output",
            "page",
            "planning",
            "refusal",
            "resting",
            "signing",
            "statements",
            "trusting",
            "world",
        ],
    ),
];

/// Calls that change a file system or start a program, as they look in source.
const CHANGING: &[&str] = &[
    "fs::write(",
    "fs::create_dir",
    "fs::remove_",
    "fs::rename(",
    "fs::set_permissions(",
    "fs::hard_link(",
    "fs::copy(",
    "File::create",
    ".create(true)",
    ".create_new(true)",
    ".write(true)",
    ".append(true)",
    ".truncate(true)",
    ".set_permissions(",
    ".set_len(",
    ".set_times(",
    ".set_modified(",
    "symlink(",
    "chown(",
    "lchown(",
    "mkdirat(",
    "unlinkat(",
    "renameat",
    "::linkat(",
    "symlinkat(",
    "chmodat(",
    "fchmod(",
    "chownat(",
    "fchown(",
    "ftruncate(",
    "utimensat(",
    "setxattr(",
    "removexattr(",
    "mknodat(",
    "fallocate(",
    "copy_file_range(",
    "tempfile",
    "persist(",
    "OFlags::CREATE",
    "OFlags::WRONLY",
    "OFlags::RDWR",
    "OFlags::TRUNC",
    "OFlags::APPEND",
    "Command::new(",
    "kill_process",
    "Repository::init",
    ".checkout",
    ".commit(",
    "treebuilder(",
    "repository.blob(",
    "Connection::to_change(",
    "Connection::to_prove(",
];

/// The rooms where such calls may stand, with the reason.
const ROOMS: &[(&str, &str)] = &[
    ("src/probe/runner", "starts the programs that are needed to look, and ends those that hang"),
    ("src/desired/mirror.rs", "makes the folder of the mirror, below the program's own data"),
    (
        "src/desired/anchor.rs",
        "commits checkpoints to a repository of its own, below the program's own data",
    ),
    ("src/ledger/append", "writes a ledger, below the program's own data"),
    (
        "src/state/",
        "keeps digests of earlier looks and what the controller shows, below the program's own data",
    ),
    ("src/cli/ledgers.rs", "makes the program's own folder, for the executor's ledger"),
    (
        "src/proof/protocol/",
        "runs statements in transactions that cannot commit, on connections that are used once",
    ),
    (
        "src/execute/",
        "does the steps of a plan, each with a permit of its own; starts gpg to import a key",
    ),
    ("src/cli/approve/sign.rs", "starts ssh-keygen, so that the operator's own key signs"),
    ("src/killswitch/marker.rs", "sets and lifts markers of a halt, below the program's own data"),
    ("src/cli/output.rs", "writes the report where the operator asked for it"),
    ("src/sandbox/controller.rs", "tries two changes that must fail, to see that they do"),
    (
        "src/controller/notify/spool.rs",
        "keeps messages until they have arrived, below the program's own data",
    ),
    ("src/controller/written.rs", "writes reports by the clock where the operator asked for them"),
    ("src/controller/endpoint.rs", "takes away the socket that an earlier run of its own left"),
    ("src/demo/", "lays out the sandbox of the demo, and starts its PostgreSQL"),
];

struct Source {
    path: String,
    /// The text without its unit tests.
    code: String,
    /// The same without comments.
    bare: String,
}

fn sources(root: &str) -> Vec<Source> {
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &mut files);
    files.sort();
    files
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs") && !is_test(path))
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let code = without_tests(&text);
            let bare = code.lines().map(without_comment).collect::<Vec<_>>().join("\n");
            let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
            Source { path, code, bare }
        })
        .collect()
}

/// Unit tests that grew into a file of their own.
fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default();
    path.starts_with(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        && (stem == "tests" || stem == "test_world")
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// The part before the unit tests.
fn without_tests(text: &str) -> String {
    let end = text
        .lines()
        .position(|line| line.starts_with("#[cfg(test)]") || line.starts_with("#![cfg(test)]"));
    let lines: Vec<&str> = text.lines().take(end.unwrap_or(usize::MAX)).collect();
    lines.join("\n")
}

fn without_comment(line: &str) -> &str {
    let start = line.trim_start();
    if start.starts_with("//") { "" } else { line }
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The module of a file: `src/kinds/directory.rs` belongs to `kinds`.
fn module_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    Some(rest.split(['/', '.']).next().unwrap_or(rest))
}

/// The modules that a source names with `crate::`.
fn named(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        let rest = &source[at + 7..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = &group[..group.find("};").unwrap_or(group.len())];
            let tops = group
                .split(',')
                .map(|part| part.trim().split([':', '{', '}']).next().unwrap_or(""));
            names.extend(tops.filter(|name| layer_of(name).is_some()).map(str::to_owned));
        } else {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            names.push(rest[..end].to_owned());
        }
    }
    names
}

fn layer_faults(path: &str, code: &str) -> Vec<String> {
    let Some(module) = module_of(path) else { return Vec::new() };
    if matches!(module, "lib" | "main") {
        return Vec::new();
    }
    let Some(own) = layer_of(module) else {
        return vec![format!("{path}: `{module}` is in no layer")];
    };
    let mut faults = Vec::new();
    for name in named(code) {
        let banned =
            BANNED.iter().any(|(who, whom)| who.contains(&module) && whom.contains(&name.as_str()));
        match layer_of(&name) {
            _ if name == module => {}
            Some(layer) if layer < own && !banned => {}
            Some(_) => faults.push(format!("{path}: `{module}` may not use `{name}`")),
            None => faults.push(format!("{path}: `{name}` is in no layer")),
        }
    }
    faults
}

#[test]
fn layers_point_down() {
    let faults: Vec<String> =
        sources("src").iter().flat_map(|s| layer_faults(&s.path, &s.bare)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_layer_rule_can_fail() {
    assert!(layer_faults("src/drift/x.rs", "use crate::model::Digest;").is_empty());
    assert_eq!(layer_faults("src/drift/x.rs", "use crate::report::Report;").len(), 1);
    assert_eq!(layer_faults("src/observed/x.rs", "use crate::{model::A, desired::B};").len(), 1);
    assert_eq!(layer_faults("src/controller/x.rs", "crate::execute::run()").len(), 1);
    assert_eq!(layer_faults("src/util/x.rs", "").len(), 1);
}

#[test]
fn every_member_is_registered() {
    let mut faults = Vec::new();
    for (folder, list, helpers) in REGISTRIES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let registry = fs::read_to_string(root.join(list)).unwrap();
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let file = path.extension().is_some_and(|ext| ext == "rs");
            if file
                && stem != "mod"
                && !helpers.contains(&stem.as_str())
                && !registered(&registry, &stem)
            {
                faults.push(format!("{folder}/{stem}.rs is not in the list of {list}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A member is used beyond its `mod` line.
fn registered(registry: &str, stem: &str) -> bool {
    registry.contains(&format!("{stem}::")) || registry.contains(&format!("= {stem},"))
}

#[test]
fn the_registration_rule_can_fail() {
    assert!(registered("mod a;\nKINDS = [Entry::of::<a::A>()];", "a"));
    assert!(!registered("mod a;\n", "a"));
}

#[test]
fn every_integration_test_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(root.join("main.rs")).unwrap();
    for entry in fs::read_dir(&root).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs");
        assert!(
            stem == "main" || main.contains(&format!("mod {stem};")),
            "tests/it/{name} is not compiled"
        );
    }
}

/// Functions with their length in lines, by a count of braces from `fn` on.
fn long_functions(code: &str, lines_max: usize) -> Vec<String> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let start = line.trim_start();
        let is_fn = ["fn ", "pub fn ", "async fn ", "const fn ", "pub async fn ", "pub const fn "]
            .iter()
            .chain(&["pub(super) fn ", "pub(crate) fn ", "pub(super) async fn "])
            .any(|prefix| start.starts_with(prefix));
        if !is_fn {
            continue;
        }
        let indent = &line[..line.len() - start.len()];
        let end = lines[at..].iter().position(|l| *l == format!("{indent}}}"));
        if let Some(length) = end
            && length + 1 > lines_max
        {
            found.push(format!("{} lines: {start}", length + 1));
        }
    }
    found
}

#[test]
fn files_and_functions_are_short() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let lines = source.code.lines().count();
        if lines > 400 {
            faults.push(format!("{}: {lines} lines without tests", source.path));
        }
        let long = long_functions(&source.code, 70);
        faults.extend(long.iter().map(|what| format!("{}: {what}", source.path)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_length_rule_can_fail() {
    let long = format!("fn x() {{\n{}}}\n", "    a();\n".repeat(80));
    assert_eq!(long_functions(&long, 70).len(), 1);
    assert!(long_functions("fn x() {\n    a();\n}\n", 70).is_empty());
}

#[test]
fn every_module_says_what_it_is_for() {
    let mut files = Vec::new();
    for root in ["src", "tests"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), &mut files);
    }
    for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "rs")) {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with //!", file.display());
    }
}

fn changing_calls(path: &str, bare: &str) -> Vec<String> {
    if ROOMS.iter().any(|(room, _)| path.starts_with(room)) {
        return Vec::new();
    }
    let calls = CHANGING.iter().filter(|call| bare.contains(**call));
    calls
        .map(|call| format!("{path}: `{call}` changes something, and this is no room for that"))
        .collect()
}

#[test]
fn nothing_is_changed_outside_its_rooms() {
    let faults: Vec<String> =
        sources("src").iter().flat_map(|s| changing_calls(&s.path, &s.bare)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_rule_about_changes_can_fail() {
    assert_eq!(changing_calls("src/drift/x.rs", "std::fs::write(a, b)").len(), 1);
    assert!(changing_calls("src/demo/x.rs", "std::fs::write(a, b)").is_empty());
}

#[test]
fn the_demo_is_part_of_the_execute_feature() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for room in ["demo", "execute"] {
        if let Some(at) = lib.find(&format!("pub mod {room};")) {
            let before = &lib[..at];
            let gate = before
                .rfind("#[cfg(feature = \"execute\")]")
                .is_some_and(|gate| !before[gate..].contains("pub mod"));
            assert!(gate, "`{room}` is not behind the feature `execute`");
        }
    }
}

#[test]
fn dependencies_have_reasons_and_a_cap() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let packages = lock.lines().filter(|line| line.starts_with("name = ")).count();
    assert!(packages <= 330, "{packages} packages are locked; raise the cap of 330 only knowingly");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut previous = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if matches!(section, "[dependencies]" | "[dev-dependencies]")
            && line.contains(" = ")
            && !line.starts_with('#')
        {
            assert!(previous.starts_with("# "), "no reason stands above: {line}");
        }
        previous = line;
    }
}

#[test]
fn words_that_hide_what_a_module_does_are_not_used() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources("src") {
        for part in source.path.split(['/', '.']) {
            *seen.entry(part.to_owned()).or_default() += 1;
        }
    }
    for word in ["util", "utils", "common", "helpers", "manager", "service", "misc"] {
        assert!(!seen.contains_key(word), "`{word}` says nothing");
    }
}
