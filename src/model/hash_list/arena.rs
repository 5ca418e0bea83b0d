//! Where the names of a list lie: one run of bytes, and a folder once for all the lines in a row that have it.

use std::cmp::Ordering;
use std::ffi::CStr;

/// Folders and last parts of names, each with a NUL behind it, which no name holds. A folder has a slash at its end.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Arena(Vec<u8>);

/// Where the two parts of a name start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    folder: u32,
    /// No two names have the same, and that of a later line is greater.
    leaf: u32,
}

impl Arena {
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.0.reserve_exact(bytes);
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Lays the parts of a name where `layout` says; nothing when the arena is full.
    pub(super) fn lay(&mut self, layout: &mut Layout, name: &[u8]) -> Option<Spot> {
        let Laid { spot, folder, leaf } = layout.next(name)?;
        for part in folder.into_iter().chain([leaf]) {
            self.0.extend_from_slice(part);
            self.0.push(0);
        }
        Some(spot)
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    pub(super) fn folder(&self, spot: Spot) -> &[u8] {
        CStr::from_bytes_until_nul(self.tail(spot.folder)).map_or(b"", CStr::to_bytes)
    }

    pub(super) fn leaf(&self, spot: Spot) -> &CStr {
        CStr::from_bytes_until_nul(self.tail(spot.leaf)).unwrap_or_default()
    }

    pub(super) fn name(&self, spot: Spot) -> Vec<u8> {
        [self.folder(spot), self.leaf(spot).to_bytes()].concat()
    }

    /// The bytewise order of two names. Equal ones are in some order that is always the same.
    pub(super) fn order(&self, a: Spot, b: Spot) -> Ordering {
        // As no name holds a NUL, tails of the arena compare as the names at their start do, and need no end.
        let (leaf_of_a, leaf_of_b) = (self.tail(a.leaf), self.tail(b.leaf));
        if a.folder == b.folder {
            return leaf_of_a.cmp(leaf_of_b);
        }
        let (folder_of_a, folder_of_b) = (self.folder(a), self.folder(b));
        // A leaf has no slash, and what one folder has more than the other ends in one: there they differ.
        match (folder_of_a.strip_prefix(folder_of_b), folder_of_b.strip_prefix(folder_of_a)) {
            (Some([]), _) => leaf_of_a.cmp(leaf_of_b),
            (Some(more), _) => more.cmp(leaf_of_b),
            (_, Some(more)) => leaf_of_a.cmp(more),
            (None, None) => folder_of_a.cmp(folder_of_b),
        }
    }

    /// The order of a name and these bytes, which hold no NUL.
    pub(super) fn order_to(&self, spot: Spot, name: &[u8]) -> Ordering {
        let folder = self.folder(spot);
        match name.strip_prefix(folder) {
            Some(rest) => self.leaf(spot).to_bytes().cmp(rest),
            None => folder.cmp(name),
        }
    }

    pub(super) fn equal(&self, a: Spot, b: Spot) -> bool {
        let folders = || self.folder(a) == self.folder(b);
        self.leaf(a) == self.leaf(b) && (a.folder == b.folder || folders())
    }

    /// Does the name at `long` start with the one at `short`?
    pub(super) fn starts_with(&self, long: Spot, short: Spot) -> bool {
        let leaf = self.leaf(short).to_bytes();
        if long.folder == short.folder {
            return self.tail(long.leaf).starts_with(leaf);
        }
        match self.folder(long).strip_prefix(self.folder(short)) {
            Some([]) => self.tail(long.leaf).starts_with(leaf),
            Some(more) => more.starts_with(leaf),
            None => false,
        }
    }

    fn tail(&self, start: u32) -> &[u8] {
        &self.0[start as usize..]
    }
}

impl Spot {
    pub(super) const fn leaf(self) -> u32 {
        self.leaf
    }
}

/// Says where names come to lie, in the order of their lines. Reading the text once more gives the same places.
#[derive(Debug, Default)]
pub(super) struct Layout {
    end: u32,
    folder: Option<Folder>,
}

/// The folder of the name before.
#[derive(Debug)]
struct Folder {
    start: u32,
    bytes: Vec<u8>,
}

/// A name as it is laid.
pub(super) struct Laid<'a> {
    pub(super) spot: Spot,
    /// When it does not lie there already.
    folder: Option<&'a [u8]>,
    leaf: &'a [u8],
}

impl Layout {
    pub(super) fn next<'a>(&mut self, name: &'a [u8]) -> Option<Laid<'a>> {
        let cut = name.iter().rposition(|c| *c == b'/').map_or(0, |slash| slash + 1);
        let (folder, leaf) = name.split_at(cut);
        let known = self.folder.as_ref().filter(|known| known.bytes == folder);
        let (start, new) = match known {
            Some(known) => (known.start, None),
            None => (self.take(folder)?, Some(folder)),
        };
        if new.is_some() {
            self.folder = Some(Folder { start, bytes: folder.to_vec() });
        }
        let spot = Spot { folder: start, leaf: self.take(leaf)? };
        Some(Laid { spot, folder: new, leaf })
    }

    /// Makes room for a part and its NUL.
    fn take(&mut self, part: &[u8]) -> Option<u32> {
        let start = self.end;
        let length = u32::try_from(part.len()).ok()?.checked_add(1)?;
        self.end = start.checked_add(length)?;
        Some(start)
    }
}
