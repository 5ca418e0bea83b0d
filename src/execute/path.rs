//! What is done at a path: always in a folder that is held, to a name that is not followed, and so that the final name has
//! either what was there before or what was signed, whenever a crash comes.
//!
//! New things are made under a name of their own beside their place and then given their name, which fails where something
//! stands there. What is replaced or removed is first taken out of its place under that other name, looked at once more,
//! and put back when it is not what was signed.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Gid, Mode as Bits, OFlags, RenameFlags, Uid, chownat, fchmod, fchown, fstat, fsync,
    mkdirat, openat, renameat_with, symlinkat, unlinkat,
};

use super::{Failed, Means};
use crate::action::{Action, Condition, Content, Depth, Inode, PathState};
use crate::approval::StepPermit;
use crate::ledger::failpoint;
use crate::model::{Decimal, Digest, Mode, ResourceName};
use crate::plan::Step;
use crate::probe::cancel::Cancel;
use crate::probe::host::Held;

/// The attribute that the kernel's own policy puts on every file.
const LABEL: &[u8] = b"security.selinux";

/// A path whose state is the one that was signed.
pub(super) struct Ready {
    held: Held,
    /// What is written, where it is a file.
    bytes: Option<Arc<[u8]>>,
    /// The name beside it.
    beside: Held,
    before: PathState,
}

/// The name under which a step works, so that whoever recovers finds it.
pub(super) fn beside_name(plan: &str, n: Decimal) -> String {
    format!(".countersign-{plan}-{n}")
}

/// Holds the folder and compares what stands there with the precondition.
pub(super) fn ready(step: &Step, plan: &str, means: &Means<'_>) -> Result<Ready, Failed> {
    let Condition::Path { path, is: before } = &step.before else {
        return Err(Failed::new("it has no state of a path"));
    };
    if step.action.path() != Some(path) {
        return Err(Failed::new("its precondition is about another path"));
    }
    let bytes = match &step.action {
        Action::WriteFile { content, .. } => Some(bytes(step, content, means)?),
        _ => None,
    };
    let held = means.host.hold_owned(Path::new(path), means.owners)?;
    let held = held.ok_or_else(|| Failed::new("the folder in which it stands does not exist"))?;
    let name = CString::new(beside_name(plan, step.n))
        .map_err(|_| Failed::new("the id of the plan cannot be a name"))?;
    let beside = held.beside(name)?;
    if beside.state(Depth::Attributes, &Cancel::default())? != PathState::Absent {
        let beside = crate::model::shown_path(beside.path());
        return Err(Failed::new(format!("`{beside}` is in the way")));
    }
    let ready = Ready { held, bytes, beside, before: before.clone() };
    let seen = ready.state()?;
    if before.holds(&seen) {
        Ok(ready)
    } else {
        Err(Failed::new(format!("it is {seen}, where {before} is expected")))
    }
}

/// The bytes of a file: those of the plan, or those of desired state that have the digest that was signed.
fn bytes(step: &Step, content: &Content, means: &Means<'_>) -> Result<Arc<[u8]>, Failed> {
    let Content::Blob { sha256, .. } = content else {
        let inline = content.inline().ok_or_else(|| Failed::new("its content cannot be read"))?;
        return Ok(inline.into());
    };
    let desired = (means.desired)().map_err(Failed)?;
    let names = step.resources.iter().filter_map(|name| ResourceName::parse(name));
    let resources = names.filter_map(|name| desired.resources.get(&name));
    let mut all = resources.filter_map(|resource| resource.spec.content());
    let found = all.find(|bytes| Digest::of(bytes) == *sha256).cloned();
    found.ok_or_else(|| Failed(format!("desired state does not hold the content {sha256:?}")))
}

impl Ready {
    /// What stands there now.
    pub(super) fn state(&self) -> Result<PathState, Failed> {
        Ok(self.held.state(Depth::Content, &Cancel::default())?)
    }

    /// Does what the step says.
    pub(super) fn act(&self, permit: &StepPermit<'_>) -> Result<(), Failed> {
        match &permit.step().action {
            Action::CreateDirectory { uid, gid, mode, .. } => self.directory(*uid, *gid, *mode),
            Action::WriteFile { uid, gid, mode, .. } => self.file((*uid, *gid), *mode),
            Action::CreateSymlink { target, uid, gid, .. } => self.symlink(target, *uid, *gid),
            Action::SetMode { mode, .. } => self.set_mode(*mode),
            Action::SetOwner { uid, gid, .. } => self.set_owner(*uid, *gid),
            Action::Remove { .. } => self.remove(),
            other => Err(Failed::new(format!("`{}` is not about a path", other.name()))),
        }
    }

    fn directory(&self, uid: Decimal, gid: Decimal, mode: Mode) -> Result<(), Failed> {
        let folder = self.beside.folder();
        mkdirat(folder, self.beside.name(), Bits::RWXU).map_err(Failed::of("it cannot be made"))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(folder, self.beside.name(), flags, Bits::empty())
            .map_err(Failed::of("it cannot be opened"));
        let finished = opened.and_then(|opened| {
            attributes(&opened, uid, gid, mode)?;
            self.give_name()
        });
        self.or_take_away(finished, AtFlags::REMOVEDIR)
    }

    fn file(&self, (uid, gid): (Decimal, Decimal), mode: Mode) -> Result<(), Failed> {
        let bytes = self.bytes.as_ref().ok_or_else(|| Failed::new("it has no content"))?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened =
            openat(self.beside.folder(), self.beside.name(), flags, Bits::RUSR | Bits::WUSR)
                .map_err(Failed::of("it cannot be made"))?;
        let written = || {
            let mut file = File::from(opened);
            file.write_all(bytes).map_err(|e| Failed::new(format!("it cannot be written: {e}")))?;
            failpoint::boundary();
            attributes(&OwnedFd::from(file), uid, gid, mode)?;
            if self.before == PathState::Absent { self.give_name() } else { self.exchange() }
        };
        self.or_take_away(written(), AtFlags::empty())
    }

    fn symlink(&self, target: &str, uid: Decimal, gid: Decimal) -> Result<(), Failed> {
        symlinkat(target, self.beside.folder(), self.beside.name())
            .map_err(Failed::of("it cannot be made"))?;
        let finished = || {
            let (uid, gid) = numbers(uid, gid)?;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            chownat(self.beside.folder(), self.beside.name(), Some(uid), Some(gid), flags)
                .map_err(Failed::of("its owner cannot be set"))?;
            self.give_name()
        };
        self.or_take_away(finished(), AtFlags::empty())
    }

    fn set_mode(&self, mode: Mode) -> Result<(), Failed> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = self.open(flags)?;
        fchmod(&opened, Bits::from_raw_mode(mode.bits()))
            .map_err(Failed::of("the mode cannot be set"))?;
        fsync(&opened).map_err(Failed::of("it cannot be brought to the disk"))
    }

    fn set_owner(&self, uid: Decimal, gid: Decimal) -> Result<(), Failed> {
        let opened = self.open(OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC)?;
        let (uid, gid) = numbers(uid, gid)?;
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        chownat(&opened, c"", Some(uid), Some(gid), flags)
            .map_err(Failed::of("the owner cannot be set"))?;
        self.sync()
    }

    /// Takes it out of its place, makes sure that it is what was signed, and removes it.
    fn remove(&self) -> Result<(), Failed> {
        rename(&self.held, &self.beside, RenameFlags::NOREPLACE)
            .map_err(Failed::of("it cannot be taken out of its place"))?;
        failpoint::boundary();
        let directory = matches!(self.before, PathState::Directory { .. });
        let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let removed = self.expect_beside().and_then(|()| {
            unlinkat(self.beside.folder(), self.beside.name(), flags)
                .map_err(Failed::of("it cannot be removed"))
        });
        if let Err(Failed(why)) = removed {
            let back = rename(&self.beside, &self.held, RenameFlags::NOREPLACE);
            let back = back.map_or_else(
                |e| format!("it is not back in its place: {e}"),
                |()| "it is back in its place".to_owned(),
            );
            return Err(Failed(format!("{why}; {back}")));
        }
        self.sync()
    }

    /// Gives what was made beside its place its name, where nothing has it.
    fn give_name(&self) -> Result<(), Failed> {
        failpoint::boundary();
        rename(&self.beside, &self.held, RenameFlags::NOREPLACE)
            .map_err(Failed::of("it cannot be given its name"))?;
        failpoint::boundary();
        self.sync()
    }

    /// Puts the new file in the place of the old one, which has to be the one that was signed, and removes that.
    fn exchange(&self) -> Result<(), Failed> {
        self.refuse_attributes()?;
        failpoint::boundary();
        rename(&self.beside, &self.held, RenameFlags::EXCHANGE)
            .map_err(Failed::of("it cannot be put in its place"))?;
        failpoint::boundary();
        if let Err(Failed(why)) = self.expect_beside() {
            let back = rename(&self.beside, &self.held, RenameFlags::EXCHANGE);
            let back = back.map_or_else(
                |e| format!("it could not be put back: {e}"),
                |()| "it was put back".to_owned(),
            );
            return Err(Failed(format!("{why}; {back}")));
        }
        unlinkat(self.beside.folder(), self.beside.name(), AtFlags::empty())
            .map_err(Failed::of("what was there before cannot be removed"))?;
        self.sync()
    }

    /// What was taken out of its place is what the precondition says.
    fn expect_beside(&self) -> Result<(), Failed> {
        let seen = self.beside.state(Depth::Content, &Cancel::default())?;
        if self.before.holds(&seen) {
            return Ok(());
        }
        Err(Failed(format!("it was {seen} by then, where {} is expected", self.before)))
    }

    /// A file that is written anew would lose extended attributes and access lists that nobody signed away.
    fn refuse_attributes(&self) -> Result<(), Failed> {
        let opened =
            self.open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC)?;
        let mut names = vec![0_u8; 64 << 10];
        let length = rustix::fs::flistxattr(&opened, names.as_mut_slice());
        let length = match length {
            Err(rustix::io::Errno::OPNOTSUPP) => 0,
            length => length.map_err(Failed::of("its attributes cannot be listed"))?,
        };
        let other = names[..length]
            .split(|byte| *byte == 0)
            .find(|name| !name.is_empty() && *name != LABEL);
        match other {
            Some(name) => {
                let name = crate::model::display::escape_bytes(name);
                Err(Failed(format!(
                    "it has the extended attribute {name}, which a new file would lose"
                )))
            }
            None => Ok(()),
        }
    }

    /// Opens what stands there, and makes sure that it is the very inode that was looked at.
    fn open(&self, flags: OFlags) -> Result<OwnedFd, Failed> {
        let opened = openat(self.held.folder(), self.held.name(), flags, Bits::empty())
            .map_err(Failed::of("it cannot be opened"))?;
        let stat = fstat(&opened).map_err(Failed::of("it cannot be looked at"))?;
        let inode = Inode { device: Decimal(stat.st_dev), number: Decimal(stat.st_ino) };
        if self.before.inode().is_some_and(|expected| expected != inode) {
            return Err(Failed::new("something else stands there by now"));
        }
        Ok(opened)
    }

    fn sync(&self) -> Result<(), Failed> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(self.held.folder(), c".", flags, Bits::empty())
            .map_err(Failed::of("its folder cannot be opened"))?;
        fsync(&folder).map_err(Failed::of("its folder cannot be brought to the disk"))
    }

    /// What was made beside its place is taken away again when it did not get its name.
    fn or_take_away(&self, made: Result<(), Failed>, flags: AtFlags) -> Result<(), Failed> {
        let Err(Failed(why)) = made else { return Ok(()) };
        match unlinkat(self.beside.folder(), self.beside.name(), flags) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Err(Failed(why)),
            Err(error) => {
                let beside = crate::model::shown_path(self.beside.path());
                Err(Failed(format!("{why}; `{beside}` is left behind: {error}")))
            }
        }
    }
}

fn rename(from: &Held, to: &Held, flags: RenameFlags) -> rustix::io::Result<()> {
    renameat_with(from.folder(), from.name(), to.folder(), to.name(), flags)
}

fn numbers(uid: Decimal, gid: Decimal) -> Result<(Uid, Gid), Failed> {
    let number = |number: Decimal| {
        number
            .as_u32()
            .filter(|number| *number != u32::MAX)
            .ok_or_else(|| Failed(format!("{number} is no number of a user or a group")))
    };
    Ok((Uid::from_raw(number(uid)?), Gid::from_raw(number(gid)?)))
}

/// Sets owner, then mode (a change of owner takes bits of the mode away), and brings it to the disk.
fn attributes(opened: &OwnedFd, uid: Decimal, gid: Decimal, mode: Mode) -> Result<(), Failed> {
    let (uid, gid) = numbers(uid, gid)?;
    fchown(opened, Some(uid), Some(gid)).map_err(Failed::of("its owner cannot be set"))?;
    fchmod(opened, Bits::from_raw_mode(mode.bits()))
        .map_err(Failed::of("its mode cannot be set"))?;
    fsync(opened).map_err(Failed::of("it cannot be brought to the disk"))
}

/// Takes away what a step that was interrupted left beside its place.
pub(super) fn clear(beside: &Held, state: &PathState) -> Result<(), Failed> {
    let name: &CStr = beside.name();
    let flags = match state {
        PathState::Directory { .. } => AtFlags::REMOVEDIR,
        _ => AtFlags::empty(),
    };
    unlinkat(beside.folder(), name, flags).map_err(Failed::of("it cannot be removed"))
}
