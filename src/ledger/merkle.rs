//! The tree of RFC 6962 over the lines of a ledger: roots, inclusion proofs and consistency proofs. Pure.
//!
//! A leaf is `SHA-256(0x00 || line)`, a node `SHA-256(0x01 || left || right)`, and a tree of `n` leaves splits at the
//! largest power of two below `n`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The hash of a leaf, a node or a whole tree; written in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// The text is not 32 bytes in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 32 bytes in base64, which are 44 characters")]
pub struct HashError;

impl Hash {
    /// The 44 characters of its base64 form.
    #[must_use]
    pub fn base64(&self) -> [u8; 44] {
        let mut text = [b'='; 44];
        // 32 bytes always fill 44 characters.
        let _ = STANDARD.encode_slice(self.0, &mut text);
        text
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base64().iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = HashError;
    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashError)?;
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The hash of one line, without its line end.
#[must_use]
pub fn leaf(line: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(line).finalize().into())
}

/// The hash of two trees beside each other.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut both = [1; 65];
    both[1..33].copy_from_slice(&left.0);
    both[33..].copy_from_slice(&right.0);
    Hash(Sha256::digest(both).into())
}

/// What is needed of a tree to append to it: the roots of its perfect subtrees, the largest first. One for each bit of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// One with these perfect trees; `None` where no tree of that size has as many.
    #[must_use]
    pub fn of(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// The roots of its perfect subtrees, the largest first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends one leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        // Each perfect tree of the size reached joins the new one: as many as the old size ends in ones.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = node(&left, &root);
            }
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root of the tree; that of an empty one is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return Hash(Sha256::digest([]).into()) };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// The root of the tree over `leaves`.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// Where a tree of more than one leaf splits.
const fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

/// The hashes that lead from leaf `index` to the root; `None` where there is no such leaf.
#[must_use]
pub fn inclusion(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let mut at = usize::try_from(index).ok().filter(|at| *at < leaves.len())?;
    let (mut tree, mut path) = (leaves, Vec::new());
    while tree.len() > 1 {
        let (left, right) = tree.split_at(split(tree.len()));
        if at < left.len() {
            path.push(root(right));
            tree = left;
        } else {
            path.push(root(left));
            at -= left.len();
            tree = right;
        }
    }
    path.reverse();
    Some(path)
}

/// Does `path` lead from `leaf` at `index` to `root` in a tree of `size` leaves?
#[must_use]
pub fn includes(index: u64, size: u64, leaf: Hash, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            // At the right edge a node without a sibling rises unchanged.
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// The hashes that show that the tree of the first `old` leaves is the beginning of the whole; `None` where `old` is none of
/// its sizes.
#[must_use]
pub fn consistency(leaves: &[Hash], old: u64) -> Option<Vec<Hash>> {
    let old = usize::try_from(old).ok().filter(|old| (1..=leaves.len()).contains(old))?;
    let mut path = Vec::new();
    prove(leaves, old, true, &mut path);
    Some(path)
}

fn prove(tree: &[Hash], old: usize, whole: bool, path: &mut Vec<Hash>) {
    if old == tree.len() {
        if !whole {
            path.push(root(tree));
        }
        return;
    }
    let (left, right) = tree.split_at(split(tree.len()));
    if old <= left.len() {
        prove(left, old, whole, path);
        path.push(root(right));
    } else {
        prove(right, old - left.len(), false, path);
        path.push(root(left));
    }
}

/// Is the tree with `old_root` the beginning of the one with `new_root`?
#[must_use]
pub fn consistent(old: u64, new: u64, old_root: &Hash, new_root: &Hash, path: &[Hash]) -> bool {
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 || old > new {
        return false;
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    // A perfect old tree is its own first hash.
    let mut path = path.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(&first) = first else { return false };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node(sibling, &old_hash);
            new_hash = node(sibling, &new_hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new_hash = node(&new_hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The inputs of the tests that came with the log of Certificate Transparency, and the roots of their first trees.
    const INPUTS: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf(format!("entry {n}").as_bytes())).collect()
    }

    /// The definition of RFC 6962, word by word.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash(Sha256::digest([]).into()),
            [one] => *one,
            more => {
                let mut split = 1;
                while split * 2 < more.len() {
                    split *= 2;
                }
                node(&defined(&more[..split]), &defined(&more[split..]))
            }
        }
    }

    #[test]
    fn the_known_roots_come_out() {
        let known: Vec<Hash> = INPUTS.iter().map(|input| leaf(input)).collect();
        for (size, wanted) in ROOTS.iter().enumerate() {
            let found = crate::model::Digest::from_bytes(root(&known[..size]).0);
            assert_eq!(found.to_string(), *wanted, "{size} leaves");
        }
    }

    #[test]
    fn every_proof_of_every_small_tree_verifies_and_no_other_does() {
        let all = leaves(40);
        let roots: Vec<Hash> = (0..=40).map(|size| defined(&all[..size])).collect();
        for size in 1..=40_usize {
            assert_eq!(root(&all[..size]), roots[size]);
            for index in 0..size {
                let (at, of) = (index as u64, size as u64);
                let path = inclusion(&all[..size], at).expect("there is such a leaf");
                assert!(includes(at, of, all[index], &path, &roots[size]), "{index} of {size}");
                assert!(!includes(at, of, all[(index + 1) % 40], &path, &roots[size]));
                assert!(!includes(at, of, all[index], &path, &roots[size - 1]));
                assert!(!includes(at + 1, of, all[index], &path, &roots[size]) || size == 1);
                let longer: Vec<Hash> = path.iter().copied().chain([all[0]]).collect();
                assert!(!includes(at, of, all[index], &longer, &roots[size]));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!includes(at, of, all[index], shorter, &roots[size]));
                }
            }
            assert_eq!(inclusion(&all[..size], size as u64), None);
            for old in 1..=size {
                let (from, to) = (old as u64, size as u64);
                let path = consistency(&all[..size], from).expect("it had that size");
                assert!(consistent(from, to, &roots[old], &roots[size], &path), "{old} to {size}");
                assert!(!consistent(from, to, &roots[old - 1], &roots[size], &path));
                assert!(!consistent(from, to, &roots[old], &roots[(size + 1) % 41], &path));
                let longer: Vec<Hash> = path.iter().copied().chain([all[0]]).collect();
                assert!(!consistent(from, to, &roots[old], &roots[size], &longer));
            }
            assert_eq!(consistency(&all[..size], 0), None);
            assert_eq!(consistency(&all[..size], size as u64 + 1), None);
        }
    }

    proptest! {
        #[test]
        fn proofs_of_larger_trees_verify(size in 1..700_usize, a in 0..700_usize, b in 1..700_usize) {
            let all = leaves(size);
            let (index, old) = (a % size, (b - 1) % size + 1);
            let whole = root(&all);
            prop_assert_eq!(whole, defined(&all));
            let path = inclusion(&all, index as u64).expect("there is such a leaf");
            prop_assert!(includes(index as u64, size as u64, all[index], &path, &whole));
            let path = consistency(&all, old as u64).expect("it had that size");
            prop_assert!(consistent(old as u64, size as u64, &root(&all[..old]), &whole, &path));
            if let Some(at) = (!path.is_empty()).then(|| a % path.len()) {
                let mut wrong = path.clone();
                wrong[at].0[a % 32] ^= 1;
                prop_assert!(!consistent(old as u64, size as u64, &root(&all[..old]), &whole, &wrong));
            }
        }
    }

    #[test]
    fn hashes_have_one_form() {
        let hash = leaf(b"");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for wrong in ["", "AAAA", &hash.to_string()[1..], &format!("{hash} ")] {
            assert_eq!(wrong.parse::<Hash>(), Err(HashError), "{wrong:?}");
        }
    }
}
