//! A new ledger: made beside its place with its key, its first entry and its first checkpoint, then given its name.
//!
//! So there is never half a ledger under the final name, whenever a crash comes.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rustix::rand::GetRandomFlags;

use super::super::checkpoint::Signer;
use super::super::entry::is_plain;
use super::super::error::LedgerError;
use super::super::event::LogOpened;
use super::super::merkle::Frontier;
use super::super::names;
use super::open::{boot_id, lock};
use super::store::{FILE, SECRET, Store};
use super::{Ledger, Writer};
use crate::model::Timestamp;

impl Ledger {
    /// Makes a ledger. `origin` names it in its checkpoints for good, `host` is the id of this machine in every entry.
    ///
    /// # Errors
    /// [`LedgerError::Exists`] where there is one already; nothing is changed then.
    pub fn create(
        dir: &Path,
        origin: &str,
        host: &str,
        writer: Writer,
    ) -> Result<Self, LedgerError> {
        for name in [origin, host] {
            if !is_plain(name) {
                return Err(LedgerError::Name { name: name.to_owned() });
            }
        }
        if dir.exists() {
            return Err(LedgerError::Exists { path: dir.to_owned() });
        }
        let seed = random(dir)?;
        let signer = Signer::new(origin, &seed);
        let beside = folder_beside(dir)?;
        let mut store = Store::open(&beside)?;
        store.create(names::LOCK, &[], SECRET)?;
        store.create(names::KEY, signer.text().as_bytes(), SECRET)?;
        store.create(names::KEY_PUB, format!("{}\n", signer.public()).as_bytes(), FILE)?;
        let segment = store.create(&names::segment(0), &[], FILE)?;
        let lock = lock(&store)?;
        let checkpoint = signer.sign(0, Frontier::default().root());
        let opened = LogOpened { origin: origin.to_owned(), key: signer.public().to_string() };
        let mut ledger = Self {
            store,
            lock,
            signer,
            writer,
            host: host.to_owned(),
            boot: boot_id(),
            segment,
            segment_number: 0,
            segment_bytes: 0,
            frontier: Frontier::default(),
            last: None,
            newest: Timestamp::from_unix_seconds(0),
            checkpoint,
        };
        ledger.append(&opened.into(), &[])?;
        ledger.checkpoint()?;
        ledger.keep_reserve()?;
        ledger.store.publish(dir)?;
        Ok(ledger)
    }
}

/// A folder beside the final one; what a crash leaves of it is never looked at.
fn folder_beside(dir: &Path) -> Result<std::path::PathBuf, LedgerError> {
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| LedgerError::Io { path: parent.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(parent).map_err(failed)?;
    let [a, b, c, d, ..] = random(dir)?;
    let beside = parent.join(format!(".creating-{:08x}", u32::from_be_bytes([a, b, c, d])));
    std::fs::DirBuilder::new().mode(0o750).create(&beside).map_err(failed)?;
    Ok(beside)
}

/// 32 bytes from the kernel.
fn random(dir: &Path) -> Result<[u8; 32], LedgerError> {
    let mut seed = [0; 32];
    match rustix::rand::getrandom(&mut seed, GetRandomFlags::empty()) {
        Ok(32) => Ok(seed),
        other => {
            let source = other.map_or_else(std::io::Error::from, |length| {
                std::io::Error::other(format!("the kernel gave {length} random bytes of 32"))
            });
            Err(LedgerError::Io { path: dir.to_owned(), source })
        }
    }
}
