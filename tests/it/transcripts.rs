//! Console transcripts: every fenced block of `console` in README.md and tests/transcripts/*.md is run and compared.
//!
//! A line `$ countersign …` runs the program in a sandbox; the lines after it are what it prints, with `[..]` for a part
//! of a line and `...` for any number of lines. `? N` after them is its exit code, 0 without it. Lines `$ cat > FILE`,
//! `$ mkdir -p DIR`, `$ rm FILE`, `$ git …` and `$ sql …` set the stage.

use std::fs;
use std::path::{Path, PathBuf};

use snapbox::{Assert, IntoData as _, Redactions, assert::Action};

use crate::program::{command, git, ran};

/// One command with what it has to print.
#[derive(Debug, Default)]
struct Step {
    line: usize,
    command: String,
    expected: String,
    code: i32,
}

fn steps(text: &str) -> Vec<Step> {
    let (mut steps, mut inside) = (Vec::<Step>::new(), false);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line.trim() == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            steps.push(Step { line: number + 1, command: command.to_owned(), ..Step::default() });
        } else if let (true, Some(step)) = (inside, steps.last_mut()) {
            match line.strip_prefix("? ") {
                Some(code) => step.code = code.trim().parse().unwrap(),
                None => step.expected.extend([line, "\n"]),
            }
        }
    }
    steps
}

/// The words of a command, with double and single quotes.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote, mut word, mut open) = (Vec::new(), None, String::new(), false);
    for c in command.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => (quote, open) = (Some(c), true),
            (' ', None) => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (c, _) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Where a transcript plays.
struct Stage {
    folder: tempfile::TempDir,
    #[cfg(feature = "execute")]
    sandboxes: Vec<PathBuf>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            #[cfg(feature = "execute")]
            sandboxes: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a step; what it printed, and its exit code.
    fn run(&mut self, step: &Step) -> (String, i32) {
        let words = words(&step.command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["countersign", arguments @ ..] => self.program(arguments),
            ["cat", ">", file] => {
                let file = self.path(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, &step.expected).unwrap();
                (step.expected.clone(), 0)
            }
            ["mkdir", "-p", folders @ ..] => {
                for folder in folders {
                    fs::create_dir_all(self.path(folder)).unwrap();
                }
                (String::new(), 0)
            }
            ["echo", text, ">>", file] => {
                let file = self.path(file);
                let before = fs::read_to_string(&file).unwrap_or_default();
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, format!("{before}{text}\n")).unwrap();
                (String::new(), 0)
            }
            ["git", arguments @ ..] => (git(self.folder.path(), arguments), 0),
            other => panic!("line {}: a transcript cannot run {other:?}", step.line),
        }
    }

    fn program(&mut self, arguments: &[&str]) -> (String, i32) {
        #[cfg(feature = "execute")]
        if let ["demo", "--keep", folder] = arguments {
            self.sandboxes.push(self.path(folder));
        }
        let output = command(arguments).current_dir(self.folder.path()).output().unwrap();
        let ran = ran(&output);
        (format!("{}{}", ran.stdout, ran.stderr), ran.code)
    }
}

#[cfg(feature = "execute")]
impl Drop for Stage {
    /// A transcript that failed half way leaves no server behind.
    fn drop(&mut self) {
        for sandbox in self.sandboxes.iter().filter(|sandbox| sandbox.exists()) {
            let _ = command(&["demo", "--down", sandbox.to_str().unwrap()]).output();
        }
    }
}

fn replay(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{} has no console block", file.display());
    if cfg!(not(feature = "execute")) && text.contains("$ countersign demo") {
        eprintln!("not replayed without the feature `execute`: {}", file.display());
        return;
    }
    let mut stage = Stage::new();
    let folder = stage.folder.path().canonicalize().unwrap();
    let mut redactions = Redactions::new();
    redactions.insert("[FOLDER]", folder).unwrap();
    let compare = Assert::new().action(Action::Verify).redact_with(redactions);
    for step in steps {
        let (printed, code) = stage.run(&step);
        let place = format!("{}:{}: $ {}", file.display(), step.line, step.command);
        if step.command.starts_with("countersign") {
            let outcome = compare.try_eq(
                Some(&place),
                printed.clone().into_data(),
                step.expected.into_data(),
            );
            assert!(outcome.is_ok(), "{place}\n{}\n--- printed:\n{printed}", outcome.unwrap_err());
        }
        assert_eq!(code, step.code, "{place}\n{printed}");
    }
}

#[test]
fn the_readme_is_true() {
    replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
}

#[test]
fn every_transcript_is_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        replay(&file);
    }
}

#[test]
fn a_wrong_transcript_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.md");
    let wrong = ["countersign 9.9.9 (full build)\n", "countersign [..]\n? 2\n"];
    for expected in wrong {
        fs::write(&file, format!("```console\n$ countersign version\n{expected}```\n")).unwrap();
        let outcome = std::panic::catch_unwind(|| replay(&file));
        assert!(outcome.is_err(), "{expected}");
    }
    fs::write(&file, "```console\n$ countersign version\ncountersign [..] ([..])\n```\n").unwrap();
    replay(&file);
}
