//! The package that is "deployed" in the sandbox: a small cutter of documents that really works, with its suite of tests.
//!
//! Only contents, made from the assets beside this file; nothing is written here. What there is many of - types of
//! sections with their tests, sample documents - is made from one template each. The count of files is part of the
//! worked example and fixed by a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::Digest;

/// Files by their path, relative to one folder; in the order in which `LC_ALL=C sort` puts the paths.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A type of section: the words of the document's language, and how its sections are numbered.
struct Section {
    module: &'static str,
    code: &'static str,
    style: Style,
    level: u8,
}

#[derive(Clone, Copy)]
enum Style {
    Arabic,
    Roman,
    Letter,
}

const SECTIONS: [Section; 23] = [
    section("amendment", "AMD", Style::Arabic, 9),
    section("annex", "ANX", Style::Roman, 1),
    section("appendix", "APP", Style::Arabic, 2),
    section("article", "ART", Style::Arabic, 9),
    section("book", "BOK", Style::Roman, 1),
    section("chapter", "CHA", Style::Roman, 4),
    section("clause", "CLA", Style::Arabic, 10),
    section("definition", "DEF", Style::Arabic, 10),
    section("division", "DIV", Style::Arabic, 5),
    section("exhibit", "EXH", Style::Letter, 2),
    section("footnote", "FTN", Style::Arabic, 15),
    section("item", "ITM", Style::Arabic, 15),
    section("paragraph", "PAR", Style::Arabic, 12),
    section("part", "PRT", Style::Roman, 2),
    section("point", "POI", Style::Letter, 14),
    section("recital", "REC", Style::Arabic, 9),
    section("schedule", "SCH", Style::Arabic, 2),
    section("section", "SEC", Style::Arabic, 7),
    section("subclause", "SCL", Style::Letter, 11),
    section("subdivision", "SDV", Style::Arabic, 6),
    section("subparagraph", "SPA", Style::Letter, 13),
    section("subsection", "SSC", Style::Arabic, 8),
    section("title", "TTL", Style::Roman, 3),
];

/// A sample document: its name, and three types of sections, each inside the one before.
const SAMPLES: [(&str, [&str; 3]); 11] = [
    ("bylaws", ["article", "paragraph", "subparagraph"]),
    ("charter", ["chapter", "article", "point"]),
    ("code", ["division", "subdivision", "section"]),
    ("constitution", ["part", "chapter", "article"]),
    ("contract", ["schedule", "clause", "subclause"]),
    ("directive", ["title", "chapter", "section"]),
    ("ordinance", ["part", "article", "paragraph"]),
    ("protocol", ["exhibit", "clause", "point"]),
    ("regulation", ["appendix", "definition", "item"]),
    ("statute", ["book", "title", "section"]),
    ("treaty", ["annex", "section", "clause"]),
];

const SUBJECTS: [&str; 7] =
    ["scope", "duties", "rights", "procedure", "records", "appeal", "entry into force"];

/// Files that are taken as they are.
const ASSETS: [(&str, &str); 22] = [
    ("CHANGELOG.md", include_str!("assets/tree/CHANGELOG.md")),
    ("README.md", include_str!("assets/tree/README.md")),
    ("pyproject.toml", include_str!("assets/tree/pyproject.toml")),
    ("cutter_agent/__init__.py", include_str!("assets/cutter/package.py")),
    ("cutter_agent/address.py", include_str!("assets/cutter/address.py")),
    ("cutter_agent/cutting.py", include_str!("assets/cutter/cutting.py")),
    ("cutter_agent/gate.py", include_str!("assets/cutter/gate.py")),
    ("cutter_agent/live_adapter.py", include_str!("assets/cutter/live_adapter.py")),
    ("cutter_agent/manifest.py", include_str!("assets/cutter/manifest.py")),
    ("cutter_agent/marker.py", include_str!("assets/cutter/marker.py")),
    ("cutter_agent/numbering.py", include_str!("assets/cutter/numbering.py")),
    ("cutter_agent/sections/__init__.py", include_str!("assets/cutter/sections.py")),
    ("targeted/__init__.py", include_str!("assets/targeted/package.py")),
    ("targeted/live_refusals.py", include_str!("assets/targeted/live_refusals.py")),
    ("tests/__init__.py", include_str!("assets/tests/package.py")),
    ("tests/marker_case.py", include_str!("assets/tests/marker_case.py")),
    ("tests/test_address.py", include_str!("assets/tests/address.py")),
    ("tests/test_cutting.py", include_str!("assets/tests/cutting.py")),
    ("tests/test_gate.py", include_str!("assets/tests/gate.py")),
    ("tests/test_live_adapter.py", include_str!("assets/tests/live_adapter.py")),
    ("tests/test_manifest.py", include_str!("assets/tests/manifest.py")),
    ("tests/test_numbering.py", include_str!("assets/tests/numbering.py")),
];

const ORCHESTRATOR: &str = include_str!("assets/cutter/orchestrator.py");
const SWITCH_TESTS: &str = include_str!("assets/tests/switch.py");
const SECTION: &str = include_str!("assets/cutter/section.py");
const SECTION_TESTS: &str = include_str!("assets/tests/section.py");
const DEPLOY_MANIFEST: &str = include_str!("assets/tree/deploy-manifest.txt");

/// All files of the deployed tree.
pub(super) fn files() -> Files {
    let mut files: Files =
        ASSETS.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect();
    files.insert("cutter_agent/orchestrator/__init__.py".to_owned(), ORCHESTRATOR.into());
    files.insert("tests/test_switch.py".to_owned(), SWITCH_TESTS.into());
    for section in &SECTIONS {
        let path = format!("cutter_agent/sections/{}.py", section.module);
        files.insert(path, section.fill(SECTION));
        files.insert(
            format!("tests/test_section_{}.py", section.module),
            section.fill(SECTION_TESTS),
        );
    }
    for (index, (name, sections)) in SAMPLES.iter().enumerate() {
        let (units, text) = sample(index, name, sections);
        files.insert(format!("samples/{name}-{units}.txt"), text.into());
    }
    let manifest = deploy_manifest(&files);
    files.insert("DEPLOY-MANIFEST.txt".to_owned(), manifest);
    files
}

/// The same as `sha256sum` writes it for these paths, in this order.
pub(super) fn hash_list(files: &Files, prefix: &str) -> String {
    files.iter().fold(String::new(), |mut list, (path, bytes)| {
        let _ = writeln!(list, "{}  {prefix}{path}", Digest::of(bytes));
        list
    })
}

/// What the tree says of itself. There is no archive here, so the list of all other files stands in for it.
fn deploy_manifest(others: &Files) -> Vec<u8> {
    DEPLOY_MANIFEST
        .replace("{ARTIFACT}", &Digest::of(hash_list(others, "").as_bytes()).to_string())
        .replace("{FILES}", &(others.len() + 1).to_string())
        .into()
}

const fn section(module: &'static str, code: &'static str, style: Style, level: u8) -> Section {
    Section { module, code, style, level }
}

impl Section {
    fn word(&self) -> String {
        capitalised(self.module)
    }

    fn fill(&self, template: &str) -> Vec<u8> {
        template
            .replace("{WORD}", &self.word())
            .replace("{MODULE}", self.module)
            .replace("{CODE}", self.code)
            .replace("{STYLE}", self.style.name())
            .replace("{SHOWN}", self.style.shown())
            .replace("{LEVEL}", &self.level.to_string())
            .into()
    }
}

impl Style {
    const fn name(self) -> &'static str {
        match self {
            Self::Arabic => "arabic",
            Self::Roman => "roman",
            Self::Letter => "letter",
        }
    }

    const fn shown(self) -> &'static str {
        match self {
            Self::Arabic => "1, 2, 3",
            Self::Roman => "I, II, III",
            Self::Letter => "(a), (b), (c)",
        }
    }

    /// A number from 1 to 3; the samples have no more.
    fn write(self, number: usize) -> String {
        let shown = self.shown().split(", ").nth(number.saturating_sub(1));
        shown.map_or_else(|| number.to_string(), str::to_owned)
    }
}

/// One document: how many units it has, and its text.
fn sample(index: usize, name: &str, sections: &[&str; 3]) -> (usize, String) {
    let counts = [1 + index % 2, 1 + index % 3, 2 + index % 2];
    let mut document = Document { name, units: 0, text: String::new() };
    document.sections(sections, &counts);
    (document.units, document.text)
}

struct Document<'a> {
    name: &'a str,
    units: usize,
    text: String,
}

impl Document<'_> {
    /// Writes the sections of the first type, each with those of the next type inside it.
    fn sections(&mut self, modules: &[&str], counts: &[usize]) {
        let ([module, inner @ ..], [count, inner_counts @ ..]) = (modules, counts) else { return };
        let style =
            SECTIONS.iter().find(|s| s.module == *module).map_or(Style::Arabic, |s| s.style);
        for number in 1..=*count {
            let subject = SUBJECTS[self.units % SUBJECTS.len()];
            let (word, shown) = (capitalised(module), style.write(number));
            let _ = writeln!(self.text, "{word} {shown}  {}", capitalised(subject));
            let _ = writeln!(self.text, "This {module} of the {} is about {subject}.\n", self.name);
            self.units += 1;
            self.sections(inner, inner_counts);
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
