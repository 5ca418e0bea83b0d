//! Desired state from git objects: no checkout, no hooks, no filters, no work tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Reference, Repository, RepositoryOpenFlags};

use super::SourceError;
use super::blob::{Blob, Identity, each_piece};
use super::statements::Carried;
use super::stored;
use super::tree::{FILE_BYTES_MAX, FILES_MAX, TREE_BYTES_MAX, Tree};
use crate::model::Pieces;
use crate::model::display::escape_bytes;

/// The deepest folder that is read.
const DEPTH_MAX: usize = 16;

/// The signature of a commit, and the bytes that it is about.
pub(super) struct SignedCommit {
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// A repository whose objects can be read.
pub(super) struct Objects {
    repository: Repository,
    place: String,
}

impl Objects {
    /// Opens the repository at `path`, or the one whose work tree `path` lies in; `None` when there is none.
    pub(super) fn discover(path: &Path) -> Result<Option<Self>, SourceError> {
        if !may_lie_in_one(path) {
            return Ok(None);
        }
        let flags = RepositoryOpenFlags::empty();
        match Repository::open_ext(path, flags, &[] as &[&Path]) {
            Ok(repository) => Ok(Some(Self { repository, place: path.display().to_string() })),
            Err(error)
                if error.code() == ErrorCode::NotFound
                    && error.class() == ErrorClass::Repository =>
            {
                Ok(None)
            }
            Err(error) => Err(SourceError::from_git(&path.display().to_string(), &error)),
        }
    }

    /// The folder of the work tree, when it has one.
    pub(super) fn work_tree(&self) -> Option<&Path> {
        self.repository.workdir()
    }

    /// The folder in which its references lie: that of the repository itself, of a work tree the common one.
    pub(super) fn git_folder(&self) -> PathBuf {
        self.repository.commondir().to_owned()
    }

    /// The commit that a revision names: `HEAD`, an id or its beginning, a branch, a tag; the first of these that it is.
    ///
    /// libgit2 by itself would take a tag before a branch of the same name, and either before the beginning of an id:
    /// whoever may push a tag could then move a protected branch, or the commit that was written down.
    pub(super) fn resolve(&self, revision: &str) -> Result<Oid, SourceError> {
        let failed = |error: &git2::Error| match error.code() {
            ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::UnbornBranch => {
                SourceError::NoRevision { revision: revision.to_owned(), place: self.place.clone() }
            }
            // The beginning of an id that is too short to be one.
            ErrorCode::Ambiguous if revision.len() < ID_DIGITS_MIN => {
                SourceError::NoRevision { revision: revision.to_owned(), place: self.place.clone() }
            }
            _ => SourceError::from_git(&self.place, error),
        };
        if is_id(revision) {
            match self.repository.find_commit_by_prefix(revision) {
                Err(error) if error.code() == ErrorCode::NotFound => {}
                other => return other.map(|commit| commit.id()).map_err(|e| failed(&e)),
            }
        }
        let branch = format!("refs/heads/{revision}");
        let is_branch = revision != "HEAD"
            && Reference::is_valid_name(&branch)
            && self.repository.find_reference(&branch).is_ok();
        let name = if is_branch { &branch } else { revision };
        let object = self.repository.revparse_single(name).map_err(|e| failed(&e))?;
        Ok(object.peel_to_commit().map_err(|e| failed(&e))?.id())
    }

    /// The files of a commit below `folder` that `wanted` asks for.
    pub(super) fn tree(
        &self,
        commit: Oid,
        folder: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Tree, SourceError> {
        let git = |error: git2::Error| SourceError::from_git(&self.place, &error);
        let mut root = self.repository.find_commit(commit).map_err(git)?.tree().map_err(git)?;
        let parts = folder.split('/').filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<&str> = parts.collect();
        for part in &parts {
            let entry = root.get_name(part).map(|entry| (entry.kind(), entry.id()));
            let Some((Some(ObjectType::Tree), id)) = entry else {
                return Err(SourceError::NoFolder {
                    folder: folder.to_owned(),
                    place: self.place.clone(),
                });
            };
            root = self.repository.find_tree(id).map_err(git)?;
        }
        let mut walk = Walk { objects: self, wanted, files: BTreeMap::new(), bytes: 0 };
        walk.folder(&root, "", 0)?;
        Ok(Tree {
            files: walk.files,
            commit: Some(commit.to_string()),
            pinned: true,
            folder: parts.join("/"),
            origin: self.place.clone(),
            signers: None,
        })
    }

    /// The bytes of a commit, whose id libgit2 has verified; `None` where there is no such commit.
    pub(super) fn commit_bytes(&self, commit: Oid) -> Result<Option<Vec<u8>>, SourceError> {
        let git = |error: git2::Error| SourceError::from_git(&self.place, &error);
        match self.repository.odb().map_err(git)?.read(commit) {
            Ok(object) if object.kind() == ObjectType::Commit => Ok(Some(object.data().to_vec())),
            Ok(_) => Ok(None),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(git(error)),
        }
    }

    /// The signature of a commit, with the bytes that it is about.
    pub(super) fn signature(&self, commit: Oid) -> Result<Option<SignedCommit>, SourceError> {
        match self.repository.extract_signature(&commit, None) {
            Ok((signature, payload)) => {
                Ok(Some(SignedCommit { signature: signature.to_vec(), payload: payload.to_vec() }))
            }
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(SourceError::from_git(&self.place, &error)),
        }
    }

    /// The blobs that refs below `prefix` name, but for those of more than `bytes_max`.
    pub(super) fn blobs_below(
        &self,
        prefix: &str,
        refs_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Carried>, SourceError> {
        let git = |error: git2::Error| SourceError::from_git(&self.place, &error);
        let store = self.repository.odb().map_err(git)?;
        let mut carried = Vec::new();
        for reference in self.repository.references_glob(&format!("{prefix}*")).map_err(git)? {
            let reference = reference.map_err(git)?;
            if carried.len() >= refs_max {
                return Err(SourceError::Limit(format!(
                    "more than {refs_max} refs below {prefix}"
                )));
            }
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            let Some(id) = reference.target() else { continue };
            let (size, kind) = store.read_header(id).map_err(git)?;
            if kind == ObjectType::Blob && size <= bytes_max {
                let bytes = self.repository.find_blob(id).map_err(git)?.content().to_vec();
                carried.push(Carried { name, bytes });
            }
        }
        carried.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(carried)
    }

    /// Does the commit have that folder?
    pub(super) fn has_folder(&self, commit: Oid, folder: &str) -> bool {
        let tree = self.repository.find_commit(commit).and_then(|commit| commit.tree());
        tree.and_then(|tree| tree.get_path(Path::new(folder)))
            .is_ok_and(|entry| entry.kind() == Some(ObjectType::Tree))
    }
}

/// Is there anything at all at `path` or above it that a repository has? Asking libgit2 costs more, which begins by setting
/// itself up.
fn may_lie_in_one(path: &Path) -> bool {
    // What cannot be looked at may be one.
    let is_there = |path: &Path| {
        let looked = path.symlink_metadata();
        !looked.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    let Ok(path) = path.canonicalize() else { return true };
    path.ancestors().any(|folder| is_there(&folder.join(".git")) || is_there(&folder.join("HEAD")))
}

/// Fewer digits may mean any commit.
const ID_DIGITS_MIN: usize = 7;

/// Has it the form of a commit's id, or of the beginning of one that is long enough to mean one?
pub(super) fn is_id(revision: &str) -> bool {
    (ID_DIGITS_MIN..=64).contains(&revision.len())
        && revision.bytes().all(|c| c.is_ascii_hexdigit())
}

struct Walk<'a> {
    objects: &'a Objects,
    wanted: &'a dyn Fn(&str) -> bool,
    files: BTreeMap<String, Blob>,
    bytes: u64,
}

impl Walk<'_> {
    fn folder(
        &mut self,
        tree: &git2::Tree<'_>,
        prefix: &str,
        depth: usize,
    ) -> Result<(), SourceError> {
        if depth > DEPTH_MAX {
            return Err(SourceError::Limit(format!("folders deeper than {DEPTH_MAX}: {prefix}")));
        }
        for entry in tree {
            let name = std::str::from_utf8(entry.name_bytes()).map_err(|_| {
                SourceError::Forbidden(format!(
                    "{prefix}{}: its name is not UTF-8",
                    escape_bytes(entry.name_bytes())
                ))
            })?;
            let path = format!("{prefix}{name}");
            match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Tree), _) if (self.wanted)(&format!("{path}/")) => {
                    let inner = self.objects.repository.find_tree(entry.id());
                    let inner =
                        inner.map_err(|e| SourceError::from_git(&self.objects.place, &e))?;
                    self.folder(&inner, &format!("{path}/"), depth + 1)?;
                }
                (Some(ObjectType::Blob), 0o120_000) => {
                    return Err(SourceError::Forbidden(format!("{path}: it is a symbolic link")));
                }
                (Some(ObjectType::Commit), _) => {
                    return Err(SourceError::Forbidden(format!("{path}: it is a submodule")));
                }
                (Some(ObjectType::Blob), _) if (self.wanted)(&path) => {
                    self.file(entry.id(), path)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, id: Oid, path: String) -> Result<(), SourceError> {
        let git = |error: git2::Error| SourceError::from_git(&self.objects.place, &error);
        let repository = &self.objects.repository;
        let (size, _) = repository.odb().map_err(git)?.read_header(id).map_err(git)?;
        self.bytes += size as u64;
        check_limits(&path, size as u64, self.bytes, self.files.len())?;
        let object = Object::new(repository, id);
        let blob = match Blob::object(size as u64, object) {
            Some(blob) => blob,
            None => repository.find_blob(id).map_err(git)?.content().into(),
        };
        self.files.insert(path, blob);
        Ok(())
    }
}

/// The content of a file in a repository, which is read when it is asked for.
#[derive(Debug)]
pub(super) struct Object {
    repository: PathBuf,
    /// Where its objects lie; several work trees share them.
    objects: PathBuf,
    id: Oid,
}

impl Object {
    pub(super) fn new(repository: &Repository, id: Oid) -> Self {
        let objects = repository.commondir().join("objects");
        Self { repository: repository.path().to_owned(), objects, id }
    }

    /// Does git give the same id to these bytes?
    pub(super) fn id_is(&self, bytes: &dyn Pieces) -> bool {
        let mut identity = Identity::of_size(bytes.size());
        bytes.each(&mut |piece| identity.add(piece)).is_ok() && identity.is(self.id)
    }

    /// See [`Pieces::each`].
    pub(super) fn each(&self, size: u64, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let Self { repository: place, objects, id } = self;
        let failed = |why: &dyn std::fmt::Display| {
            format!("the object {id} of {} cannot be read: {why}", place.display())
        };
        let Some(mut reader) = stored::reader(objects, *id, size) else {
            let open = Repository::open_ext(place, RepositoryOpenFlags::NO_SEARCH, &[] as &[&Path]);
            let repository = open.map_err(|error| failed(&error.message()))?;
            let blob = repository.find_blob(*id).map_err(|error| failed(&error.message()))?;
            return blob.content().each(take);
        };
        let mut identity = Identity::of_size(size);
        let read = each_piece(&mut reader, &mut |piece| {
            identity.add(piece);
            take(piece);
        });
        read.map_err(|error| failed(&error))?;
        // What libgit2 reads as a whole it verifies, and not this.
        if identity.is(*id) { Ok(()) } else { Err(failed(&"its content has another id")) }
    }
}

/// One set of limits, whether the files come from git or from a folder.
pub(super) fn check_limits(
    path: &str,
    size: u64,
    total: u64,
    files: usize,
) -> Result<(), SourceError> {
    if size > FILE_BYTES_MAX {
        return Err(SourceError::Limit(format!(
            "{path} has {size} bytes, more than {FILE_BYTES_MAX}"
        )));
    }
    if total > TREE_BYTES_MAX {
        return Err(SourceError::Limit(format!(
            "desired state has more than {TREE_BYTES_MAX} bytes"
        )));
    }
    if files >= FILES_MAX {
        return Err(SourceError::Limit(format!("desired state has more than {FILES_MAX} files")));
    }
    Ok(())
}
