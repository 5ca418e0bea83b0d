//! Remedies for what stands at a path: what directories, files and links have in common.

use super::metadata::Wanted;
use crate::action::{
    Action, Change, Condition, Content, Depth, FILE_BYTES_MAX, Mended, Needs, PathState, Remedy,
    Risk, Surroundings, Undo,
};
use crate::model::{Decimal, Mode, Unknown};
use crate::probe::host::FileType;

/// What is to be made where nothing stands.
pub(super) enum Make<'a> {
    /// A directory.
    Directory,
    /// A file with this content; `None` where desired state does not hold it.
    File(Option<&'a [u8]>),
    /// A link that says this.
    Symlink(Option<&'a str>),
}

/// What a remedy of a path has to know.
pub(super) fn needs(path: &str, wanted: &Wanted<'_>, depth: Depth) -> Needs {
    let mut needs = Needs::default();
    if wanted.present {
        needs.path(path, depth);
        needs.users.extend(wanted.owner.cloned());
        needs.groups.extend(wanted.group.cloned());
    } else {
        needs.path(path, Depth::Content);
        needs.removed.insert(path.to_owned());
    }
    needs
}

/// A path, what is wanted there, and what is known of it.
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    wanted: &'a Wanted<'a>,
    through_links: bool,
    around: &'a Surroundings,
}

impl<'a> Place<'a> {
    pub(super) const fn of(
        path: &'a str,
        wanted: &'a Wanted<'a>,
        through_links: bool,
        around: &'a Surroundings,
    ) -> Self {
        Self { path, wanted, through_links, around }
    }

    /// The remedy: `make` where nothing stands, `mend` where something of the wanted type does.
    pub(super) fn remedy(
        &self,
        make: impl FnOnce() -> Mended,
        mend: impl FnOnce(&PathState) -> Mended,
    ) -> Mended {
        if self.through_links {
            let why = "it is looked at through links, and no step goes through one";
            return Ok(Remedy::Nothing(why.to_owned()));
        }
        match self.around.path(self.path)? {
            is if !self.wanted.present => Ok(self.removal(is)),
            PathState::Absent => make(),
            is => match other_type(is, self.wanted.file_type) {
                Some(nothing) => Ok(nothing),
                None => mend(is),
            },
        }
    }

    /// Takes away what an earlier plan made, while it is as it was made. What no plan made is nobody's to remove but a
    /// person's.
    fn removal(&self, is: &PathState) -> Remedy {
        let Some(made) = self.around.made.get(self.path) else {
            let why =
                "no plan of this host made what stands there, and only what a plan made is removed";
            return Remedy::Nothing(why.to_owned());
        };
        if !made.is_still(is) {
            let why = format!(
                "it is no longer as a plan made it, and is not removed: {is}, where {made} was made"
            );
            return Remedy::Nothing(why);
        }
        let why = "a new plan makes what is wanted there by then; what it held is not kept";
        Remedy::Changes(vec![Change {
            action: Action::Remove { path: self.path.to_owned() },
            before: at(self.path, is.emptied()),
            after: at(self.path, PathState::Absent),
            undo: Undo::Irreversible(why.to_owned()),
            risk: Risk::High,
        }])
    }
}

/// The numbers of the wanted owner and group, each where one is wanted.
struct Owner {
    uid: Option<Decimal>,
    gid: Option<Decimal>,
}

impl Owner {
    fn of(wanted: &Wanted<'_>, around: &Surroundings) -> Result<Result<Self, Remedy>, Unknown> {
        let unknown = |what: &str, name: &str| {
            let name = crate::model::display::escape(name).into_owned();
            Remedy::Nothing(format!("this host has no {what} `{name}`"))
        };
        let mut owner = Self { uid: None, gid: None };
        if let Some(name) = wanted.owner {
            let Some(uid) = around.user(name)? else { return Ok(Err(unknown("user", name))) };
            owner.uid = Some(uid.into());
        }
        if let Some(name) = wanted.group {
            let Some(gid) = around.group(name)? else { return Ok(Err(unknown("group", name))) };
            owner.gid = Some(gid.into());
        }
        Ok(Ok(owner))
    }
}

impl Place<'_> {
    /// Makes what is missing. Nothing is left to be decided when it is made, so everything has to be stated.
    pub(super) fn create(&self, make: &Make<'_>) -> Mended {
        let (path, wanted) = (self.path, self.wanted);
        let owner = match Owner::of(wanted, self.around)? {
            Ok(owner) => owner,
            Err(nothing) => return Ok(nothing),
        };
        // The mode of a link is nobody's.
        let mode = wanted
            .mode
            .or_else(|| matches!(make, Make::Symlink(_)).then(|| Mode::from_bits(0o777)));
        let (Some(uid), Some(gid), Some(mode)) = (owner.uid, owner.gid, mode) else {
            let keys = [
                ("owner", owner.uid.is_none()),
                ("group", owner.gid.is_none()),
                ("mode", mode.is_none()),
            ];
            let missing: Vec<String> = keys
                .iter()
                .filter(|(_, missing)| *missing)
                .map(|(key, _)| format!("`{key}`"))
                .collect();
            let why = format!(
                "nothing stands there, and its table does not say what to create: {}",
                missing.join(", ")
            );
            return Ok(Remedy::Nothing(why));
        };
        let owned_path = path.to_owned();
        let (action, after) = match make {
            Make::Directory => (
                Action::CreateDirectory { path: owned_path, uid, gid, mode },
                PathState::Directory { uid, gid, mode, empty: Some(true), inode: None },
            ),
            Make::File(None) => return Ok(no_content()),
            Make::File(Some(bytes)) => {
                let content = match content(bytes) {
                    Ok(content) => content,
                    Err(nothing) => return Ok(nothing),
                };
                let after = file(uid, gid, mode, &content);
                (Action::WriteFile { path: owned_path, uid, gid, mode, content }, after)
            }
            Make::Symlink(None) => {
                let why =
                    "nothing stands there, and its table does not say what to create: `target`";
                return Ok(Remedy::Nothing(why.to_owned()));
            }
            Make::Symlink(Some(target)) => {
                let target = (*target).to_owned();
                let after = PathState::Symlink { uid, gid, target: target.clone(), inode: None };
                (Action::CreateSymlink { path: owned_path, target, uid, gid }, after)
            }
        };
        let undo = Undo::By(Box::new(Action::Remove { path: path.to_owned() }));
        let before = at(path, PathState::Absent);
        let risk = if mode.bits() & 0o6002 == 0 { Risk::Low } else { Risk::High };
        let risk = if matches!(make, Make::Symlink(_)) { Risk::Low } else { risk };
        Ok(Remedy::Changes(vec![Change { action, before, after: at(path, after), undo, risk }]))
    }
}

/// The state of a file that was written as a whole.
pub(super) fn file(uid: Decimal, gid: Decimal, mode: Mode, content: &Content) -> PathState {
    PathState::File { uid, gid, mode, links: Decimal(1), sha256: content.digest(), inode: None }
}

/// What is said where content is wanted that desired state does not hold.
pub(super) fn no_content() -> Remedy {
    Remedy::Nothing("desired state does not hold its content: it has no `source`".to_owned())
}

/// The bytes of a file as a part of a plan, unless there are too many.
pub(super) fn content(bytes: &[u8]) -> Result<Content, Remedy> {
    if bytes.len() <= FILE_BYTES_MAX {
        return Ok(Content::of(bytes));
    }
    let size = bytes.len();
    Err(Remedy::Nothing(format!(
        "a file of {size} bytes is not written by a plan: {FILE_BYTES_MAX} are the limit"
    )))
}

pub(super) fn at(path: &str, is: PathState) -> Condition {
    Condition::Path { path: path.to_owned(), is }
}

impl Place<'_> {
    /// Gives what stands there the wanted owner, group and mode.
    pub(super) fn attributes(&self, is: &PathState) -> Mended {
        let (path, wanted) = (self.path, self.wanted);
        let owner = match Owner::of(wanted, self.around)? {
            Ok(owner) => owner,
            Err(nothing) => return Ok(nothing),
        };
        let Some(was) = is.owner() else {
            return Ok(Remedy::Nothing(format!("{} stands there", stands(is))));
        };
        let (uid, gid) = (owner.uid.unwrap_or(was.0), owner.gid.unwrap_or(was.1));
        let (mut changes, mut state) = (Vec::new(), without_content(is));
        if (uid, gid) != was {
            let after = state.owned_by((uid, gid));
            changes.push(Change {
                action: Action::SetOwner { path: path.to_owned(), uid, gid },
                before: at(path, state),
                after: at(path, after.clone()),
                undo: back(Action::SetOwner { path: path.to_owned(), uid: was.0, gid: was.1 }),
                risk: Risk::Medium,
            });
            state = after;
        }
        if let (Some(mode), Some(was)) = (wanted.mode.or(is.mode()), state.mode())
            && mode != was
        {
            let opens = mode.bits() & !is.mode().unwrap_or(was).bits() & 0o6006 != 0;
            changes.push(Change {
                action: Action::SetMode { path: path.to_owned(), mode },
                before: at(path, state.clone()),
                after: at(path, state.with_mode(mode)),
                undo: back(Action::SetMode {
                    path: path.to_owned(),
                    mode: is.mode().unwrap_or(was),
                }),
                risk: if opens { Risk::High } else { Risk::Medium },
            });
        }
        Ok(Remedy::Changes(changes))
    }
}

fn back(action: Action) -> Undo {
    Undo::By(Box::new(action))
}

/// The wanted type stands there, or why nothing is done.
fn other_type(is: &PathState, wanted: FileType) -> Option<Remedy> {
    let same = matches!(
        (is, wanted),
        (PathState::Directory { .. }, FileType::Directory)
            | (PathState::File { .. }, FileType::File)
            | (PathState::Symlink { .. }, FileType::Symlink)
    );
    let why = || format!("{} stands there, which no plan created; remove it by hand", stands(is));
    (!same).then(|| Remedy::Nothing(why()))
}

fn stands(is: &PathState) -> String {
    match is {
        PathState::Absent => "nothing".to_owned(),
        PathState::Directory { .. } => "a directory".to_owned(),
        PathState::File { .. } => "a file".to_owned(),
        PathState::Symlink { .. } => "a link".to_owned(),
        PathState::Other { file_type } => format!("a {file_type}"),
    }
}

/// Changes of attributes leave the content alone, and do not depend on it.
fn without_content(is: &PathState) -> PathState {
    let mut state = is.clone();
    match &mut state {
        PathState::File { sha256, .. } => *sha256 = None,
        PathState::Directory { empty, .. } => *empty = None,
        _ => {}
    }
    state
}
