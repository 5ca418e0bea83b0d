//! What this machine saw of the ledgers of hosts, in a small file of its own: which checkpoints a statement cites, and when
//! nothing is signed because a ledger is not the one that was seen.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::error::Failure;
use super::super::exit;
use super::super::output::{self, Output};
use super::super::show::Carried;
use crate::approval::witness::{self, Contradiction, Sighting, Witness};
use crate::ledger::{Checkpoint, Key, Signed};
use crate::model::display::escape;
use crate::plan::Plan;

/// Where it is, below the folder of states.
const FILE: &str = "countersign/seen.json";

/// What this machine saw, and what it cites.
pub(super) struct Seen {
    /// The folder of states; `None` where there is no home to keep one in.
    folder: Option<PathBuf>,
    earlier: Witness,
    now: Witness,
    cited: Vec<Checkpoint>,
}

impl Seen {
    /// Compares the checkpoints that came with a plan, and those of files, with what was seen before.
    pub(super) fn of(
        plan: &Plan,
        carried: &Carried,
        files: &[PathBuf],
        output: &Output,
    ) -> Result<Self, Failure> {
        let folder = folder();
        let earlier = folder.as_ref().map(|folder| read(&folder.join(FILE))).transpose()?;
        if earlier.is_none() {
            output.say("note: there is no home to remember in what this machine saw of ledgers\n");
        }
        let earlier = earlier.unwrap_or_default();
        let mut seen = Self { folder, now: earlier.clone(), earlier, cited: Vec::new() };
        for note in &carried.checkpoints {
            seen.meet("the bundle", note, plan, carried, output)?;
        }
        for file in files {
            let name = escape(&file.display().to_string()).into_owned();
            let note = std::fs::read_to_string(file)
                .map_err(|e| Failure::new(exit::VERIFICATION, format!("{name}: {e}")))?;
            seen.meet(&name, &note, plan, carried, output)?;
        }
        // What was seen before is cited where nothing newer came: the host then has to have been that.
        for key in plan.ledgers.values().filter_map(|ledger| ledger.key.parse::<Key>().ok()) {
            let newest = seen.now.seen(&key)?;
            if !seen.cited.iter().any(|cited| cited.origin == key.origin()) {
                seen.cited.extend(newest);
            }
        }
        Ok(seen)
    }

    fn meet(
        &mut self,
        name: &str,
        note: &str,
        plan: &Plan,
        carried: &Carried,
        output: &Output,
    ) -> Result<(), Failure> {
        let mut keys = plan.ledgers.values().filter_map(|ledger| ledger.key.parse::<Key>().ok());
        let opened = keys.find_map(|key| Some((key.open(note).ok()?, key)));
        let (signed, key): (Signed, Key) = opened.ok_or_else(|| {
            let why = format!("{name}: it is no checkpoint that a ledger of this plan signed");
            Failure::new(exit::VERIFICATION, why)
        })?;
        let found = signed.checkpoint.clone();
        let shown = escape(&found.origin).into_owned();
        let size = found.size;
        match self.now.meet(&key, &signed, carried.growth.get(&found.origin))? {
            Sighting::First => output.say(&format!(
                "note: this machine sees ledger {shown} for the first time, with {size} entries\n"
            )),
            Sighting::Grown => {}
            Sighting::Apart(newest) => {
                output.say(&format!(
                    "warning: this machine saw ledger {shown} with {} entries, and {name} has {size}: nothing here shows that \
                     they are one ledger. Both are cited, and the host refuses the statement unless it was both\n",
                    newest.size
                ));
                self.cite(newest);
            }
        }
        self.cite(found);
        Ok(())
    }

    fn cite(&mut self, checkpoint: Checkpoint) {
        if !self.cited.contains(&checkpoint) {
            self.cited.push(checkpoint);
        }
    }

    /// The checkpoints for the statement.
    pub(super) fn cited(&self) -> Vec<Checkpoint> {
        self.cited.clone()
    }

    /// Remembers what was seen. A statement that was signed is not lost because this fails.
    pub(super) fn keep(&self, output: &Output) {
        let Some(folder) = self.folder.as_ref().filter(|_| self.now != self.earlier) else {
            return;
        };
        let kept = self
            .now
            .text()
            .map_err(|error| Failure::of(exit::ERROR, &error))
            .and_then(|text| output::place(folder, Path::new(FILE), &text));
        if let Err(why) = kept {
            output.say(&format!(
                "warning: what this machine saw of the ledger is not remembered: {}\n",
                why.message
            ));
        }
    }
}

/// `$XDG_STATE_HOME`, or its default below a home that is there.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    named.filter(|folder| folder.is_absolute()).or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        (home.is_absolute() && home.is_dir()).then(|| home.join(".local/state"))
    })
}

fn read(file: &Path) -> Result<Witness, Failure> {
    let shown = escape(&file.display().to_string()).into_owned();
    let failed = |error: io::Error| {
        Failure::new(exit::ERROR, format!("cannot read what was seen of ledgers, {shown}: {error}"))
    };
    let mut bytes = Vec::new();
    match std::fs::File::open(file) {
        Ok(opened) => opened.take(witness::BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Witness::default()),
        Err(error) => return Err(failed(error)),
    };
    Witness::parse(&bytes).map_err(|error| {
        let failure = Failure::of(exit::ERROR, &error);
        let message = format!("what was seen of ledgers, {shown}: {}", failure.message);
        Failure { message, ..failure }
            .hint("find out who changed it; without the file this machine begins to remember anew")
    })
}

impl From<Contradiction> for Failure {
    fn from(error: Contradiction) -> Self {
        Self::of(exit::VERIFICATION, &error)
            .hint("the ledger was shortened, forked or begun anew: sign nothing; ask on the host, with `countersign ledger verify` and its anchors")
    }
}
