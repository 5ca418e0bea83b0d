//! `countersign ledger export`: a verified copy for somebody who has neither this machine nor, perhaps, this program.

use std::path::{Path, PathBuf};

use super::super::error::Failure;
use super::super::exit;
use super::super::output::{Output, place};
use crate::ledger::verify::{Verified, verify};
use crate::model::display::escape;

pub(super) fn run(dir: &Path, output: &Output) -> Result<u8, Failure> {
    let usage = |message: String| Failure::new(exit::USAGE, message);
    let to = output
        .file()
        .ok_or_else(|| usage("the copy needs a folder".to_owned()).hint("name it with -o DIR"))?;
    if std::fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) || to.is_file() {
        let message = format!("{} is there and not empty", escape(&to.display().to_string()));
        return Err(usage(message).hint("name a new folder with -o DIR"));
    }
    let key = verify(dir, None, &[])?.key;
    for file in files(dir)? {
        let relative = file.strip_prefix(dir).unwrap_or(&file);
        let bytes = std::fs::read(&file).map_err(|error| cannot_read(&file, &error))?;
        place(to, relative, &bytes)?;
    }
    // A writer may have appended meanwhile: what counts is what was copied.
    let copied = verify(to, Some(&key), &[])?;
    place(to, Path::new("README.md"), readme(&copied).as_bytes())?;
    output.printed().write(|out| {
        writeln!(
            out,
            "exported: {}, {} entries, {} blobs",
            copied.key.origin(),
            copied.size,
            copied.blobs
        )
    })?;
    Ok(exit::OK)
}

fn cannot_read(file: &Path, error: &std::io::Error) -> Failure {
    let name = file.display().to_string();
    Failure::new(exit::ERROR, format!("cannot read {}: {error}", escape(&name)))
}

/// What is copied: the checkpoint before the entries that it covers, and never the key, the lock or the reserve.
fn files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = vec![dir.join("key.pub"), dir.join("checkpoint")];
    let listed = list(dir)?;
    found.extend(listed.into_iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")));
    for folder in ["blobs/sha256", "torn"] {
        let mut below = vec![dir.join(folder)];
        while let Some(folder) = below.pop() {
            for path in list(&folder)? {
                let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
                if is_folder { below.push(path) } else { found.push(path) }
            }
        }
    }
    let regular = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    Ok(found.into_iter().filter(regular).collect())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| cannot_read(folder, &error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn readme(copied: &Verified) -> String {
    let (origin, key, size) = (copied.key.origin(), &copied.key, copied.size);
    format!(
        r#"# A ledger of countersign

| | |
|---|---|
| ledger | `{origin}` |
| key | `{key}` |
| entries | {size} |
| root | `{root}` |

Each line of `*.jsonl` is one entry. `checkpoint` is a signed note (C2SP tlog-checkpoint) over the tree of RFC 6962 whose
leaves are those lines without their line ends. `blobs/` holds what entries refer to, by digest; `torn/` holds last lines
that a crash cut off.

Compare the key above with the one that you were given by somebody else than the sender of this folder. Then:

With this program, and with a checkpoint that was kept elsewhere where there is one:

    countersign ledger verify --ledger . --key '{key}' --checkpoint FILE

With stock tools: each blob against its name, then each line against the one before, then the signature of the checkpoint.

    find blobs -type f 2>/dev/null | while read -r f; do echo "${{f##*/}}  $f"; done | sha256sum -c --quiet

    cat *.jsonl | (prev=; while IFS= read -r line; do
      case $line in *"\"prev\":\"$prev\""*) ;; *) echo "this line does not follow: $line"; exit 8 ;; esac
      prev=$( (printf '\000'; printf %s "$line") | openssl dgst -sha256 -binary | base64)
    done)

    (printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cut -d+ -f3- key.pub | base64 -d | tail -c 32) > key.der
    head -n 3 checkpoint > body
    sed -n 5p checkpoint | cut -d' ' -f3 | base64 -d | tail -c 64 > signature
    openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in body -sigfile signature

What these cannot show is the root of the tree; `tests/ledger_verify.py` of the source of countersign computes that, in
Python without further packages.
"#,
        root = copied.root,
    )
}
