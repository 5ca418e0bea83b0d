//! The published JSON Schema takes every example, and refuses what the program refuses.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::run;

struct Schema {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn published() -> Self {
        let text = run(&["schema"]).ends_with(0).stdout;
        let schema: Value = serde_json::from_str(&text).unwrap();
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource("countersign.json", schema).unwrap();
        let index = compiler.compile("countersign.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn takes(&self, toml: &str) -> Result<(), String> {
        let value: toml::Table = toml.parse().map_err(|e| format!("{e}"))?;
        let value = serde_json::to_value(value).map_err(|e| e.to_string())?;
        self.schemas.validate(&value, self.index).map_err(|e| e.to_string())
    }
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(toml_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "toml") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_schema_takes_every_example() {
    let schema = Schema::published();
    let mut taken = 0;
    for kind in countersign::kinds::KINDS {
        let outcome = schema.takes(kind.example());
        assert_eq!(outcome, Ok(()), "the example of {}", kind.name());
        taken += 1;
    }
    for file in toml_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("desired-state")) {
        let outcome = schema.takes(&fs::read_to_string(&file).unwrap());
        assert_eq!(outcome, Ok(()), "{}", file.display());
        taken += 1;
    }
    assert!(taken > countersign::kinds::KINDS.len() + 5, "only {taken} examples were found");
}

#[test]
fn the_schema_refuses_what_is_misspelt() {
    let schema = Schema::published();
    for bad in [
        "[directory.\"/x\"]\nonwer = \"root\"\n",
        "[directory.\"/x\"]\nmode = 750\n",
        "[directry.\"/x\"]\n",
        "[directory.\"/x\"]\nseverity = \"bad\"\n",
        "[waiver.\"directory./x\"]\nowner = \"o\"\n",
    ] {
        assert!(schema.takes(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_kind_and_every_code_has_a_page_and_a_working_example() {
    let world = crate::program::World::new();
    world.desired(
        "hosts/a/host.toml",
        "[host]\nidentity = { hostname = \"testhost\" }\n[database.directus]\n",
    );
    for kind in countersign::kinds::KINDS {
        let page = run(&["explain", kind.name()]).ends_with(0).stdout;
        for part in [kind.about(), kind.example().trim(), "Keys of every resource"] {
            assert!(page.contains(part), "{}: {part}", kind.name());
        }
        // What an example refers to is provided; everything else in it has to be right as it stands.
        for (file, content) in [
            ("manifests/iu-cutter-v0.6.sha256", format!("{}  a\n", "0".repeat(64))),
            ("files/app.conf", String::new()),
            ("manifests/public.schema", "countersign.schema 1\n".to_owned()),
            ("sql/units.sql", "select 1".to_owned()),
        ] {
            world.desired(&format!("hosts/a/{file}"), content);
        }
        world.desired("hosts/a/example.toml", kind.example());
        let ran = run(&["lint", world.path("desired").to_str().unwrap()]);
        let errors = ran.stdout.lines().filter(|l| l.starts_with("error")).collect::<Vec<_>>();
        assert!(errors.is_empty(), "{}: {}", kind.name(), ran.stdout);
    }
    for code in countersign::model::CODES {
        let page = run(&["explain", &code.to_string()]).ends_with(0).stdout;
        assert!(page.contains(code.title()), "{code}");
    }
    let ran = run(&["explain", "directry"]).ends_with(64);
    assert!(ran.stderr.contains("did you mean `directory`?"), "{}", ran.stderr);
}
