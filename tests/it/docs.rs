//! The pages below docs/ say what the program does: their examples are linted, their lists are complete.

use std::fs;
use std::path::Path;

use countersign::model::REASONS;

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
    write("hosts/web-1/sql/states.sql", "SELECT state, count(*) FROM public.orders GROUP BY 1");
    let ran = run(&["lint", folder.path().to_str().unwrap()]).ends_with(0);
    assert_eq!(ran.stdout, "1 host, 15 resources, 0 errors, 0 warnings\n");
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
    let world = World::wanting("[directory.\"/srv/app\"]\nmode = \"0750\"\n");
    let report = world.report(2);
    let resource = &report["resources"][0];
    let difference = &resource["differences"][0];
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
    for (code, meaning) in countersign::cli::exit::MEANINGS {
        assert!(page.contains(&format!("| {code} | {meaning}")), "{code} {meaning}");
    }
}
