//! `countersign report sign`: a person's word about a package that verifies, signed with the key they have.

use std::path::Path;

use super::super::approve::sign;
use super::super::error::Failure;
use super::super::output::{Output, place};
use super::super::signing::{Matter, confirm, require_presence};
use super::super::{Global, exit};
use super::{Sign, inspect};
use crate::model::display::{escape, escaped_line};
use crate::model::{Clock as _, SystemClock};
use crate::package::signed::{NAMESPACE, Word};
use crate::package::{self, Trusted};

pub(super) fn run(asked: &Sign, global: &Global, output: &Output) -> Result<u8, Failure> {
    require_presence(asked.i_am_remote)?;
    let believed = inspect::believed(&asked.folder.trusted, global)?;
    let folder = &asked.folder.folder;
    let verified = inspect::verified(folder, &believed)?;
    let digest = verified.statement.digest();
    let matter =
        Matter { noun: "package", verb: "sign", read_first: "`countersign report verify`", digest };
    confirm(&matter, asked.digest.as_deref(), &output.printed(), || {
        inspect::tell(&verified, &believed, output)
    })?;
    let now = SystemClock.now();
    let word = Word::new(&verified.statement, &asked.name, &asked.reason, now);
    let text = word.text().ok_or_else(|| {
        Failure::new(
            exit::USAGE,
            "name and reason are each one line of text that shows all that it holds",
        )
        .hint("the name is one word; the reason has no blanks at its ends")
    })?;
    let file = word.file();
    if folder.join(&file).exists() {
        let message = format!("{} has signed it already: {}", escape(&asked.name), escape(&file));
        return Err(Failure::new(exit::USAGE, message));
    }
    let key = sign::key(asked.key.as_deref())?;
    let signature = sign::sign(&key, text.as_bytes(), NAMESPACE)?;
    counts(
        folder,
        &believed,
        [(file.clone(), text.as_bytes()), (format!("{file}.sig"), &signature)],
    )?;
    // The signature first: a text without one does not verify.
    place(folder, Path::new(&format!("{file}.sig")), &signature)?;
    place(folder, Path::new(&file), text.as_bytes())?;
    let (who, outcome) = (escape(&asked.name), escape(&word.outcome));
    output.write(|out| {
        writeln!(out, "{who} signed {outcome}, sha256:{digest}, in {}", escape(&file))
    })?;
    Ok(exit::OK)
}

/// Would the package verify with these files in it, for those who believe the same trust file? One that would not is of no use
/// to anybody.
fn counts(
    folder: &Path,
    believed: &inspect::Believed,
    more: [(String, &[u8]); 2],
) -> Result<(), Failure> {
    if believed.people.is_none() {
        return Ok(());
    }
    let mut files = inspect::read(folder)?;
    files.extend(more.map(|(name, bytes)| (name, bytes.to_vec())));
    let trusted = Trusted { ledger: &believed.ledger, people: believed.people.as_ref() };
    let Err(faults) = package::verify(&files, trusted) else { return Ok(()) };
    let why: Vec<String> = faults.iter().map(|one| escaped_line(&one.what, 400)).collect();
    let message = format!("nothing is signed: {}", why.join("; "));
    Err(Failure::new(exit::APPROVAL, message)
        .hint("--as NAME and --key FILE are those of one approver of the trust file"))
}
