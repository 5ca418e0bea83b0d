//! The pages below docs/ say what the program does: their examples are linted, their lists are complete.

use std::fs;
use std::path::Path;

use countersign::kinds::KINDS;
use countersign::model::{Evidence, REASONS};
use countersign::report::FORMATS;

use crate::program::{World, run};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

#[test]
fn the_examples_of_the_page_about_desired_state_are_one_valid_tree() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let page = page("desired-state.md");
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).collect();
    assert!(blocks.len() > 8);
    for block in blocks {
        let text = block.split("```").next().unwrap();
        write(text.lines().next().unwrap().strip_prefix("# ").unwrap(), text);
    }
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    write("hosts/web-1/manifests/release.sha256", &format!("{hash}  app/__init__.py\n"));
    write("hosts/web-1/files/motd", "hello\n");
    write("hosts/web-1/manifests/public.schema", "countersign.schema 1\n");
    write("hosts/web-1/sql/states.sql", "SELECT state, count(*) FROM public.orders GROUP BY 1");
    write("hosts/web-1/sql/place_order.sql", "BEGIN END\n");
    let ran = run(&["lint", folder.path().to_str().unwrap()]).ends_with(0);
    assert!(ran.stdout.ends_with(" resources, 0 errors, 0 warnings\n"), "{}", ran.stdout);
    let config = page.rsplit("```text\n").next().unwrap().split("```").next().unwrap();
    write("config.toml", config);
    let config = folder.path().join("config.toml");
    let shown = run(&["config", "show", "--config", config.to_str().unwrap()]).ends_with(0).stdout;
    assert!(shown.contains("database.shop.observer.url"), "{shown}");
}

#[test]
fn the_page_about_the_report_names_every_field_reason_and_code() {
    let page = page("report-json.md");
    let named = |word: &str| page.contains(&format!("`{word}`"));
    let world = World::wanting("[file.\"/srv/app\"]\nsource = \"files/app\"\n");
    world.desired("hosts/a/files/app", "one\n");
    world.host_file("srv/app", "two\n");
    let report = world.report(2);
    let resource = &report["resources"][0];
    let difference = &resource["differences"][0];
    assert!(difference.get("unified_diff").is_some());
    for object in [&report, &report["summary"], resource, difference] {
        for field in object.as_object().unwrap().keys() {
            assert!(named(field), "the field `{field}` is missing");
        }
    }
    for reason in REASONS {
        assert!(
            page.contains(&format!("| `{reason}` | {} |", reason.title().replace('|', "\\|"))),
            "{reason}"
        );
    }
    for kind in KINDS {
        let row = format!("\n| `{}` | ", kind.name());
        assert!(page.contains(&row), "the fields of `{}` are missing", kind.name());
    }
    let evidence = [Evidence::Stat, Evidence::Hashed, Evidence::StatCached];
    for evidence in evidence.into_iter().chain([Evidence::Parsed, Evidence::Queried, Evidence::Ran])
    {
        let name = serde_json::to_value(evidence).unwrap();
        assert!(page.contains(&format!("| `{}` | ", name.as_str().unwrap())), "{name}");
    }
    for (code, meaning) in countersign::cli::exit::MEANINGS {
        assert!(page.contains(&format!("| {code} | {meaning}")), "{code} {meaning}");
    }
}

#[test]
fn every_kind_is_in_the_readme_and_in_the_manual() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let manual = page("desired-state.md");
    for kind in KINDS.iter().map(countersign::kinds::Entry::name) {
        assert!(readme.contains(&format!("`{kind}`")), "README.md does not name `{kind}`");
        assert!(manual.contains(&format!("**{kind}**")), "docs/desired-state.md lacks **{kind}**");
        assert!(manual.contains(&format!("[{kind}.")), "docs/desired-state.md has no [{kind}.…]");
    }
}

#[test]
fn the_page_about_the_formats_and_the_help_name_every_one() {
    let page = page("report-formats.md");
    let help = run(&["check", "--help"]).ends_with(0).stdout;
    let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric()).collect();
    for format in FORMATS {
        assert!(page.contains(&format!("| `{}` | ", format.name)), "{}", format.name);
        assert!(words.contains(&format.name), "{} is not in --help", format.name);
    }
    let world = World::wanting("[directory.\"/srv/app\"]\n");
    for line in world.check(&["--output", "prometheus"]).stdout.lines() {
        let name = line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next());
        assert!(name.is_none_or(|name| page.contains(&format!("| `{name}` |"))), "{line}");
    }
}

#[test]
fn the_page_about_approvals_names_every_refusal_and_its_example_is_valid() {
    let page = page("approval.md");
    for word in countersign::approval::WORDS {
        let row = format!("| `{}` | {} | {} |\n", word.code(), word.exit(), word.title());
        assert!(page.contains(&row), "{row}");
    }
    assert!(page.contains(countersign::approval::NAMESPACE));
    assert!(page.contains(countersign::killswitch::NAMESPACE));
    let keys = crate::keys::Keys::new();
    keys.make("ed25519", "one");
    keys.make("ed25519", "two");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    // Keys of the page are not whole; a security key cannot be made here.
    let example = example.replace("sk-ssh-ed25519@openssh.com AAAA… first", &keys.line("one"));
    let example = example.replacen("ssh-ed25519 AAAA… second", &keys.line("two"), 1);
    let example = example.replace("ssh-ed25519 AAAA… third", &keys.line("two"));
    let example = example.replace("require_touch = true", "require_touch = false");
    let trust = countersign::config::Trust::parse(Path::new("trust.toml"), example).unwrap();
    for action in trust.policies.values().flat_map(|policy| &policy.actions) {
        assert!(countersign::action::Action::NAMES.contains(&action.as_str()), "{action}");
    }
}
