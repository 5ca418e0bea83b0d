//! Every format of the report, on recorded worlds: each says what its golden file says, byte for byte, and is what the
//! programs that read it take.
//!
//! `tests/goldens/CASE.EXIT.FORMAT` is what `check --replay` prints of `tests/goldens/worlds/CASE`. After a change that is
//! meant, `COUNTERSIGN_BLESS=1 cargo test formats` rewrites them; the difference is for the reviewer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::report::FORMATS;
use serde_json::Value;

use crate::program::{Ran, World, command, git, ran, resource};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// A number of a report, to count or to index with.
fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// A recorded world with its desired state in a repository of its own.
struct Case {
    name: String,
    folder: tempfile::TempDir,
    commits: Vec<String>,
}

impl Case {
    fn all() -> Vec<Self> {
        let worlds = fs::read_dir(goldens().join("worlds")).unwrap();
        let mut names: Vec<String> =
            worlds.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.iter().map(|name| Self::open(name)).collect()
    }

    fn open(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = goldens().join("worlds").join(name);
        let into = folder.path().join("ops");
        fs::create_dir(&into).unwrap();
        git(&into, &["init", "--quiet", "--initial-branch=main"]);
        let mut commits = Vec::new();
        for version in ["before", "desired"] {
            if world.join(version).is_dir() {
                copy(&world.join(version), &into);
                git(&into, &["add", "--all"]);
                git(&into, &["commit", "--quiet", "-m", version]);
                commits.push(git(&into, &["rev-parse", "HEAD"]).trim().to_owned());
            }
        }
        fs::copy(world.join("world.json"), folder.path().join("world.json")).unwrap();
        Self { name: name.to_owned(), folder, commits }
    }

    fn check(&self, more: &[&str]) -> Ran {
        let mut words = vec!["check", "--desired", "ops", "--replay", "world.json"];
        if self.commits.len() > 1 {
            words.extend(["--since", "HEAD~1"]);
        }
        words.extend(more);
        ran(&command(&words).current_dir(self.folder.path()).output().unwrap())
    }

    /// What a format prints, with the names that differ from run to run replaced.
    fn print(&self, format: &str) -> (i32, String) {
        let ran = self.check(&["--output", format]);
        assert_eq!(ran.stderr, "", "{} {format}", self.name);
        let mut text = ran.stdout;
        let folder = self.folder.path().canonicalize().unwrap();
        let names = ["BEFORE", "DESIRED"].iter().skip(2 - self.commits.len());
        for (commit, name) in self.commits.iter().zip(names) {
            text = text.replace(commit, &format!("{name:0>40}"));
            text = text.replace(&commit[..12], &format!("{name:0>12}"));
        }
        let version = format!("\"semanticVersion\": \"{}\"", env!("CARGO_PKG_VERSION"));
        let text = text.replace(&version, "\"semanticVersion\": \"0.0.0\"");
        (ran.code, text.replace(folder.to_str().unwrap(), "/FOLDER"))
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let name = entry.unwrap().file_name();
            (from.join(&name), to.join(&name))
        };
        if from.is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// What every format prints of every world, by the name of its golden file.
fn printed() -> BTreeMap<String, String> {
    let mut printed = BTreeMap::new();
    for case in Case::all() {
        for format in FORMATS {
            let (code, text) = case.print(format.name);
            printed.insert(format!("{}.{code}.{}", case.name, format.name), text);
        }
    }
    printed
}

fn kept() -> BTreeMap<String, String> {
    let files = fs::read_dir(goldens()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// What is wrong with the golden files: those that differ, are missing, or are left over.
fn faults(kept: &BTreeMap<String, String>, printed: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = kept.keys().chain(printed.keys()).collect();
    let fault = |name: &&String| match (kept.get(*name), printed.get(*name)) {
        (Some(kept), Some(printed)) if kept == printed => None,
        (Some(kept), Some(printed)) => {
            let lines = kept.lines().zip(printed.lines()).position(|(one, other)| one != other);
            let at = lines.unwrap_or_else(|| kept.lines().count().min(printed.lines().count()));
            let line = |text: &str| text.lines().nth(at).unwrap_or("(its end)").to_owned();
            let (kept, printed) = (line(kept), line(printed));
            Some(format!("{name}:{}: is\n  {printed}\nand not\n  {kept}", at + 1))
        }
        (None, _) => Some(format!("{name} is missing")),
        (_, None) => Some(format!("{name} is left over")),
    };
    names.iter().filter_map(fault).collect()
}

#[test]
fn every_format_prints_its_golden_file() {
    let printed = printed();
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        for name in kept().keys() {
            fs::remove_file(goldens().join(name)).unwrap();
        }
        for (name, text) in &printed {
            fs::write(goldens().join(name), text).unwrap();
        }
    }
    let faults = faults(&kept(), &printed);
    assert!(faults.is_empty(), "{}\nCOUNTERSIGN_BLESS=1 rewrites them", faults.join("\n"));
}

#[test]
fn a_golden_file_that_differs_is_missing_or_left_over_is_a_fault() {
    let files = |files: &[(&str, &str)]| -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let kept = files(&[("same", "1\n"), ("other", "1\n2\n"), ("shorter", "1\n"), ("old", "")]);
    let printed =
        files(&[("same", "1\n"), ("other", "1\n3\n"), ("shorter", "1\n2\n"), ("new", "")]);
    let faults = faults(&kept, &printed);
    let first: Vec<&str> = faults.iter().map(|fault| fault.lines().next().unwrap()).collect();
    assert_eq!(first, ["new is missing", "old is left over", "other:2: is", "shorter:2: is"]);
}

/// `None` where there is no Python to ask, which is said.
fn python(script: &str, argument: &Path) -> Option<String> {
    let output = Command::new("python3").args(["-I", "-c", script]).arg(argument).output();
    match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(text)
        }
        Err(error) => {
            eprintln!("not tried, there is no python3: {error}");
            None
        }
    }
}

#[test]
fn junit_is_xml_that_counts_what_the_report_counts() {
    const SCRIPT: &str = "
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
cases = root.findall('./testsuite/testcase')
found = [sum(case.find(kind) is not None for case in cases) for kind in ('failure', 'error', 'skipped')]
said = [int(root.get(kind)) for kind in ('failures', 'errors', 'skipped')]
suites = [sum(int(suite.get(kind)) for suite in root) for kind in ('failures', 'errors', 'skipped')]
assert found == said == suites and int(root.get('tests')) == len(cases), (found, said, suites)
assert all(case.get('name') and case.get('classname') for case in cases)
print(*found)
";
    for case in Case::all() {
        let file = case.folder.path().join("junit.xml");
        let report = case.check(&["--output", "junit=junit.xml", "--output", "json"]).report();
        let summary = |name: &str| report["summary"][name].as_u64().unwrap();
        let failed = summary("drift") + summary("pending");
        let expected = format!("{failed} {} {}\n", summary("unknown"), summary("waived"));
        if let Some(found) = python(SCRIPT, &file) {
            assert_eq!(found, expected, "{}", case.name);
        }
        let text = fs::read_to_string(&file).unwrap();
        let illegal = |c: char| {
            c < ' ' && !matches!(c, '\n' | '\t') || ('\u{fffe}'..='\u{ffff}').contains(&c)
        };
        assert!(!text.contains(illegal), "{}", case.name);
    }
}

#[test]
fn html_is_well_formed_asks_for_nothing_and_holds_no_markup_of_others() {
    const SCRIPT: &str = "
import sys, html.parser
void = {'meta', 'rect', 'br'}
known = set('html head meta title style body header p h1 b svg rect table caption tr th td thead tbody dl dt dd code '
            'time ul li main section h2 span article div h3 details summary pre footer'.split())
class Page(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attributes):
        assert tag in known, (tag, attributes)
        for name, value in attributes:
            assert not name.startswith('on') and name not in ('src', 'href', 'style', 'action'), (tag, name, value)
        if tag not in void: self.open.append(tag)
    def handle_startendtag(self, tag, attributes): assert tag in known, tag
    def handle_endtag(self, tag): assert self.open.pop() == tag, (tag, self.open, self.getpos())
page = Page(); page.feed(open(sys.argv[1], encoding='utf-8').read()); page.close()
assert page.open == [], page.open
";
    for case in Case::all() {
        case.check(&["--output", "html", "-o", "page.html"]);
        let file = case.folder.path().join("page.html");
        python(SCRIPT, &file);
        let text = fs::read_to_string(file).unwrap();
        for outside in ["<script", "<img", "<link", "url(", "@import", "http://", "https://"] {
            assert!(!text.contains(outside), "{} {outside}", case.name);
        }
    }
}

#[test]
fn the_last_line_of_ndjson_counts_the_others() {
    for case in Case::all() {
        let (_, text) = case.print("ndjson");
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (last, resources) = lines.split_last().unwrap();
        assert_eq!(last["lines"], resources.len() as u64);
        let (_, json) = case.print("json");
        let mut report: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(report["resources"].take(), Value::from(resources), "{}", case.name);
        for field in ["verdict", "summary", "host", "commit", "observed_at", "notes"] {
            assert_eq!(report[field], last[field], "{field}");
        }
    }
}

#[test]
fn sarif_points_at_the_line_that_declares_the_resource() {
    for case in Case::all() {
        let (_, text) = case.print("sarif");
        let sarif: Value = serde_json::from_str(&text).unwrap();
        let run = &sarif["runs"][0];
        let results = run["results"].as_array().unwrap();
        let mut prints = BTreeSet::new();
        for result in results {
            let rule = &run["tool"]["driver"]["rules"][number(&result["ruleIndex"])];
            assert_eq!(rule["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let file = case
                .folder
                .path()
                .join("ops")
                .join(place["artifactLocation"]["uri"].as_str().unwrap());
            let line = number(&place["region"]["startLine"]);
            let declared = fs::read_to_string(file).unwrap();
            let declared = declared.lines().nth(line - 1).unwrap().to_owned();
            let kind = result["ruleId"].as_str().unwrap();
            assert!(declared.starts_with(&format!("[{kind}.")), "{declared}");
            assert!(
                prints.insert(result["partialFingerprints"].to_string()),
                "a fingerprint twice"
            );
        }
        let (_, json) = case.print("json");
        let report: Value = serde_json::from_str(&json).unwrap();
        let in_sync = number(&report["summary"]["in_sync"]);
        assert_eq!(results.len() + in_sync, report["resources"].as_array().unwrap().len());
    }
}

#[test]
fn the_place_in_sarif_is_below_the_root_of_the_repository() {
    let world = World::wanting("[directory.\"/srv\"]\n\n  [directory.\"/none\"]\n");
    world.host_folder("srv", 0o755);
    let nested = world.path("desired/deploy/state of record");
    fs::create_dir_all(nested.parent().unwrap()).unwrap();
    fs::create_dir(&nested).unwrap();
    fs::rename(world.path("desired/hosts"), nested.join("hosts")).unwrap();
    world.commit();
    let root = world.path("root");
    let words = ["check", "--root", root.to_str().unwrap(), "--desired", nested.to_str().unwrap()];
    for committed in [true, false] {
        if !committed {
            world.desired("deploy/state of record/hosts/a/more.toml", "[directory.\"/\"]\n");
        }
        let output = command(&[&words[..], &["--output", "sarif"]].concat()).output().unwrap();
        let sarif = ran(&output).ends_with(2).report();
        let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        let uri = "deploy/state%20of%20record/hosts/a/resources.toml";
        assert_eq!(place["artifactLocation"]["uri"], uri, "{committed}");
        assert_eq!(place["region"]["startLine"], 3);
    }
}

/// The samples of the text exposition format; every line has to be one of its forms.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
    };
    let (mut samples, mut typed, mut helped) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    assert!(text.is_empty() || text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty() && helped.insert(name), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.strip_suffix(" gauge").unwrap();
            assert!(helped.contains(name) && typed.insert(name), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = match series.split_once('{') {
            None => series,
            Some((name, labels)) => {
                for label in labels.strip_suffix('}').unwrap().split(',') {
                    let (label, value) = label.split_once('=').unwrap();
                    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap();
                    assert!(["kind", "verdict"].contains(&label) && is_name(value), "{line}");
                }
                name
            }
        };
        assert!(typed.contains(name), "{line}: no TYPE before it");
        assert!(
            samples.insert(series.to_owned(), value.parse().unwrap()).is_none(),
            "{line}: twice"
        );
    }
    samples
}

#[test]
fn metrics_count_the_resources_and_name_no_path() {
    for case in Case::all() {
        let (_, text) = case.print("prometheus");
        let samples = samples(&text);
        let (_, json) = case.print("json");
        let report: Value = serde_json::from_str(&json).unwrap();
        for (verdict, count) in report["summary"].as_object().unwrap() {
            let end = format!("verdict=\"{verdict}\"}}");
            let of_verdict = samples.iter().filter(|(series, _)| series.ends_with(&end));
            let sum: f64 = of_verdict.map(|(_, value)| value).sum();
            assert!((sum - count.as_f64().unwrap()).abs() < f64::EPSILON, "{verdict} {text}");
        }
        let success = samples.get("countersign_observation_last_success_timestamp_seconds");
        let told = report["summary"]["unknown"] == 0;
        assert_eq!(success.copied(), told.then_some(1_779_344_930.0), "{}", case.name);
        promtool(&text);
    }
}

/// What Prometheus itself says, where it is installed.
fn promtool(text: &str) {
    use std::io::Write as _;
    use std::process::Stdio;
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("not tried: there is no promtool");
        return;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nagios_has_one_line_and_four_codes() {
    let codes = [("in-sync", 0), ("pending", 1), ("tree", 2), ("hostile", 2), ("mixed", 3)];
    for (name, code) in codes {
        let ran = Case::open(name).check(&["--output", "nagios"]).ends_with(code);
        let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::try_from(code).unwrap()];
        assert!(ran.stdout.starts_with(&format!("COUNTERSIGN {word} - ")), "{}", ran.stdout);
        assert_eq!((ran.stdout.lines().count(), ran.stdout.matches('|').count()), (1, 1));
        assert!(ran.stdout.split(" | ").nth(1).unwrap().starts_with("drift="), "{}", ran.stdout);
    }
    let waived = World::wanting(
        "[directory.\"/none\"]\n[waiver.\"directory./none\"]\nowner = \"o\"\nreason = \"r\"\nexpires = \"2099-01-01\"\n",
    );
    let ran = waived.check(&["--output", "nagios"]).ends_with(1);
    assert!(ran.stdout.starts_with("COUNTERSIGN WARNING - "), "{}", ran.stdout);
}

#[test]
fn nagios_has_its_line_also_when_there_is_no_report() {
    let world = World::wanting("[directory.\"/srv\"]\nmodus = 1\n");
    let refused = World::new();
    refused.desired("hosts/a/host.toml", "[host]\nidentity = { hostname = \"other\" }\n");
    refused.desired("hosts/a/x.toml", "[directory.\"/srv\"]\n");
    let runs = [
        (world.check(&["--output", "nagios"]), "is not valid"),
        (refused.check(&["--output", "nagios"]), "testhost"),
        (refused.check(&["--output=nagios", "--config", "/nonexistent"]), "/nonexistent"),
        (refused.check(&["--output", "nagios", "--nonsense"]), "--nonsense"),
        (refused.check(&["--output", "nagios", "--deadline", "0"]), "deadline"),
        (refused.check(&["--output", "nagios", "-o", "/nonexistent/x"]), "cannot write"),
    ];
    for (ran, why) in runs {
        let ran = ran.ends_with(3);
        assert!(ran.stdout.starts_with("COUNTERSIGN UNKNOWN - "), "{}", ran.stdout);
        assert!(ran.stdout.contains(why) && ran.stdout.lines().count() == 1, "{}", ran.stdout);
        assert!(!ran.stderr.is_empty(), "people are told as before");
    }
    for verb in ["lint", "version"] {
        assert_eq!(world.run(verb, &["--output", "nagios"]).code, 64, "{verb}");
    }
}

#[test]
fn silent_has_the_code_and_nothing_else() {
    for (name, code) in [("in-sync", 0), ("tree", 2), ("pending", 3), ("mixed", 4)] {
        let ran = Case::open(name).check(&["--output", "silent"]).ends_with(code);
        assert_eq!(ran.everything(), "", "{name}");
    }
}

#[test]
fn one_look_is_told_in_several_forms() {
    let case = Case::open("mixed");
    let outputs = ["json=a.json", "junit=b.xml", "text", "html=c=d.html", "silent"];
    let words = |outputs: &[&str]| -> Vec<String> {
        outputs.iter().flat_map(|one| ["--output".to_owned(), (*one).to_owned()]).collect()
    };
    let check = |outputs: &[&str]| {
        let words = words(outputs);
        case.check(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let ran = check(&outputs[..4]).ends_with(4);
    assert_eq!(ran.stdout, case.check(&[]).stdout);
    let file = |name: &str| fs::read_to_string(case.folder.path().join(name)).unwrap();
    assert_eq!(file("a.json"), case.check(&["--output", "json"]).stdout);
    assert_eq!(file("b.xml"), case.check(&["--output", "junit"]).stdout);
    assert_eq!(file("c=d.html"), case.check(&["--output", "html"]).stdout);
    assert_eq!(check(&["json=a.json", "silent"]).ends_with(4).everything(), "");
    for (outputs, why) in [
        (&["json", "text"][..], "cannot share standard output"),
        (&["json=x", "junit=./x"], "two results cannot go to one file"),
        (&["nagios", "json=x"], "stands alone"),
        (&["silent=x"], "needs no file"),
        (&["json="], "names no file"),
        (&["yaml=x"], "no format `yaml`"),
    ] {
        let ran = check(outputs).ends_with(64);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let ran = case.check(&["--output", "json=x", "-o", "y"]).ends_with(64);
    assert!(ran.stderr.contains("-o names the file"), "{}", ran.stderr);
    let split = ["--output", "json=lost", "check", "--output", "text", "--desired", "ops"];
    let ran = crate::program::run(&split).ends_with(64);
    assert!(ran.stderr.contains("before and after"), "{}", ran.stderr);
    assert!(!case.folder.path().join("x").exists() && !case.folder.path().join("y").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_the_look() {
    let world = World::wanting("[directory.\"/srv\"]\n");
    let none = world.path("none/report").display().to_string();
    let kept = world.path("kept.json").display().to_string();
    let (to_kept, to_none) = (format!("junit={kept}"), format!("json={none}"));
    for words in [
        &["-o", &none][..],
        &["--record", &none, "--output", &to_kept],
        &["--output", &to_kept, "--output", &to_none],
    ] {
        let ran = world.check(words).ends_with(1);
        assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
        assert!(!Path::new(&kept).exists(), "nothing was written");
    }
    let ran = world.check(&["--output", &format!("json={kept}"), "--record", &kept]).ends_with(64);
    assert!(ran.stderr.contains("two results"), "{}", ran.stderr);
    if rustix::process::geteuid().is_root() {
        eprintln!(
            "not tried as root, who may write everywhere: a folder without the right to write"
        );
        return;
    }
    fs::create_dir(world.path("shut")).unwrap();
    fs::set_permissions(world.path("shut"), fs::Permissions::from_mode(0o555)).unwrap();
    let shut = world.path("shut/report").display().to_string();
    let ran = world.check(&["-o", &shut]).ends_with(1);
    assert!(ran.stderr.contains("Permission denied"), "{}", ran.stderr);
}

#[test]
fn a_form_that_cannot_be_written_is_an_error_and_the_others_are_written() {
    let case = Case::open("mixed");
    let program = command(&[]).get_program().to_owned();
    // A limit on the size of files stands for a full disk; its signal is ignored, so that the call fails.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" check --desired ops --replay world.json --since HEAD~1 \
                  --output json=a.json --output prometheus=b.prom --output text 2>&1";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .current_dir(case.folder.path())
        .output()
        .unwrap();
    let ran = ran(&output).ends_with(1);
    assert!(ran.stdout.contains("error: cannot write a.json: File too large"), "{}", ran.stdout);
    assert!(ran.stdout.contains("UNKNOWN: 5 of 14"), "{}", ran.stdout);
    let file = |name: &str| fs::read_to_string(case.folder.path().join(name));
    assert_eq!(file("b.prom").unwrap(), case.check(&["--output", "prometheus"]).stdout);
    assert!(file("a.json").is_err());
    let left = fs::read_dir(case.folder.path()).unwrap().count();
    assert_eq!(left, 3, "ops, world.json and b.prom: no half file is left over");
}

#[test]
fn a_text_that_may_be_shown_is_shown_line_by_line() {
    let world = World::wanting("[file.\"/etc/motd\"]\nsource = \"files/motd\"\n");
    world.desired("hosts/a/files/motd", "one\ntwo\n");
    world.host_file("etc/motd", "one\nthree\n");
    let report = world.report(2);
    let difference = &resource(&report, "file./etc/motd")["differences"][0];
    let unified = "--- wanted\n+++ found\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n";
    assert_eq!(difference["unified_diff"], unified);
    let shown = world.check(&[]).stdout;
    assert!(shown.contains("        -two\n        +three\n"), "{shown}");
    let hidden = "[observe]\nroots = [\"/\"]\n";
    world.write("config.toml", format!("root = \"{}\"\n{hidden}", world.path("root").display()));
    let config = world.path("config.toml").display().to_string();
    let everything =
        world.check(&["--config", &config, "--output", "json"]).ends_with(2).everything();
    assert!(!everything.contains("three") && !everything.contains("unified_diff"), "{everything}");
}

#[test]
fn long_texts_and_lists_are_folded_and_json_is_whole() {
    let case = Case::open("mixed");
    let shown = case.check(&[]).stdout;
    assert!(shown.contains(" more lines (-v or --output json has all)"), "{shown}");
    assert!(
        !shown.contains("debug = true") && case.check(&["-v"]).stdout.contains("+debug = true")
    );
    let (_, json) = case.print("json");
    assert!(json.contains("+debug = true"));
}
