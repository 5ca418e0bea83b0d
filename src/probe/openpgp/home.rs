//! A keyring on the host: a file, or the folder that GnuPG calls its home. `gpg` is not started: it writes.

use std::path::{Path, PathBuf};

use super::{Key, key, keybox, keys, of_packets};
use crate::model::{Digest, Reason, Unknown, shown_path};
use crate::probe::host::{Contents, FileType, Host, Links};

/// The most bytes of a keyring: the Debian one has five million.
const BYTES_MAX: u64 = 64 << 20;
/// The most entries of the folder of private keys.
const ENTRIES_MAX: usize = 10_000;
/// Where GnuPG 2.4 keeps public keys when a daemon of its own, keyboxd, does it.
const KEYBOXD: &str = "public-keys.d/pubring.db";

/// A keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// Is it a home, with a place of its own for private keys?
    pub home: bool,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// Reads a keyring. What does not exist holds no key.
///
/// # Errors
/// Unknown, when it cannot be read or is none.
pub fn read(host: &Host, path: &Path, links: Links) -> Result<Ring, Unknown> {
    match host.stat(path, links)?.map(|stat| stat.file_type) {
        None => Ok(Ring { home: true, keys: Vec::new() }),
        Some(FileType::Directory) => Ok(Ring { home: true, keys: of_home(host, path, links)? }),
        Some(FileType::File) => {
            let (_, bytes) = host.read(path, links, BYTES_MAX)?.unzip();
            Ok(Ring { home: false, keys: parse(path, &bytes.unwrap_or_default())? })
        }
        Some(other) => {
            let detail = format!("`{}` is a {}", shown_path(path), other.name());
            Err(Unknown::new(Reason::NotSupported, detail))
        }
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Key>, Unknown> {
    keys(bytes).map_err(|fault| fault.of(&shown_path(path)))
}

/// The digest of all that a home holds of one public key; `None` where it does not have it.
///
/// # Errors
/// Unknown, when that cannot be read.
pub fn material(host: &Host, home: &Path, fingerprint: &str) -> Result<Option<Digest>, Unknown> {
    let Some((path, bytes)) = ring(host, home, Links::Refuse)? else { return Ok(None) };
    let all = of_packets(&bytes, key::materials).map_err(|fault| fault.of(&shown_path(&path)))?;
    let mut own = all.into_iter().filter(|(name, _)| name == fingerprint);
    match (own.next(), own.next()) {
        (None, _) => Ok(None),
        (Some((_, digest)), None) => Ok(Some(digest)),
        (Some(_), Some(_)) => {
            let detail = format!("`{}` holds the key more than once", shown_path(&path));
            Err(Unknown::new(Reason::Undecidable, detail))
        }
    }
}

fn of_home(host: &Host, home: &Path, links: Links) -> Result<Vec<Key>, Unknown> {
    ring(host, home, links)?.map_or_else(|| Ok(Vec::new()), |(path, bytes)| parse(&path, &bytes))
}

/// The file in which a home keeps its public keys, with its bytes.
fn ring(host: &Host, home: &Path, links: Links) -> Result<Option<(PathBuf, Vec<u8>)>, Unknown> {
    let database = home.join(KEYBOXD);
    if host.stat(&database, links)?.is_some() {
        let detail = format!(
            "`{}` exists: keyboxd keeps the keys in a database that this version does not read",
            shown_path(&database)
        );
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let (keybox, keyring) = (home.join("pubring.kbx"), home.join("pubring.gpg"));
    let read =
        |path: &Path| host.read(path, links, BYTES_MAX).map(|read| read.map(|(_, bytes)| bytes));
    match (read(&keybox)?, read(&keyring)?) {
        // As gpg does: of two, the keybox counts only if it says that it is for OpenPGP.
        (Some(boxed), None) => Ok(Some((keybox, boxed))),
        (Some(boxed), Some(_)) if keybox::is_for_openpgp(&boxed) => Ok(Some((keybox, boxed))),
        (_, Some(ring)) => Ok(Some((keyring, ring))),
        (None, None) => Ok(None),
    }
}

/// How many private keys lie in a home, by their names alone. Whose they are, those names do not say.
///
/// # Errors
/// Unknown, when that cannot be told.
pub fn private_parts(host: &Host, home: &Path, links: Links) -> Result<u64, Unknown> {
    let folder = home.join("private-keys-v1.d");
    let mut count = match host.entries(&folder, links, ENTRIES_MAX)? {
        Contents::Absent => 0,
        Contents::Regular(_, entries) => entries.len() as u64,
        Contents::Other(stat) => {
            let detail = format!("`{}` is a {}", shown_path(&folder), stat.file_type.name());
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
    };
    // Where GnuPG before 2.1 kept all of them.
    if host.stat(&home.join("secring.gpg"), links)?.is_some_and(|stat| stat.size > 0) {
        count += 1;
    }
    Ok(count)
}
