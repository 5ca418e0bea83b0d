//! Gives up root, and every capability.

use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getuid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::refused;
use crate::model::display::escape;
use crate::model::{Reason, Unknown};

/// The table of users of the running system.
const PASSWD: &str = "/etc/passwd";
/// More is no table of users.
const PASSWD_BYTES_MAX: u64 = 16 << 20;

/// Takes the user's numbers where this process is root's, and leaves the process without groups and capabilities.
pub(super) fn drop_rights(user: &str) -> Result<(), Unknown> {
    if getuid().is_root() || geteuid().is_root() {
        become_user(user)?;
    }
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::clear_ambient_capability_set()
        .and_then(|()| rustix::thread::set_capabilities(None, none))
        .map_err(refused("its capabilities could not be given up"))?;
    let ids = [getuid(), geteuid()];
    if ids.iter().any(|id| id.is_root()) {
        return Err(Unknown::new(Reason::NotConfined, "it would still run as root"));
    }
    Ok(())
}

fn become_user(user: &str) -> Result<(), Unknown> {
    let (uid, gid) = numbers(user)?;
    // Groups first: without root nobody may change them.
    rustix::thread::set_thread_groups(&[])
        .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
        .map_err(refused("the user could not be changed"))?;
    if (getuid(), geteuid(), getgid(), getegid()) == (uid, uid, gid, gid) {
        return Ok(());
    }
    Err(Unknown::new(Reason::NotConfined, "the user is not the one that was asked for"))
}

fn numbers(user: &str) -> Result<(Uid, Gid), Unknown> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(PASSWD)
        .and_then(|file| file.take(PASSWD_BYTES_MAX).read_to_string(&mut text))
        .map_err(refused("/etc/passwd could not be read"))?;
    find(user, &text).ok_or_else(|| {
        let detail = format!(
            "`[smoke] user` of the host's configuration is `{}`, which is no unprivileged user of {PASSWD}",
            escape(user)
        );
        Unknown::new(Reason::NotConfined, detail)
    })
}

/// The numbers of a user who is neither root nor in its group.
fn find(user: &str, passwd: &str) -> Option<(Uid, Gid)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
    let mut fields = line.split(':').skip(2);
    let mut number = || fields.next()?.parse::<u32>().ok().filter(|id| (1..u32::MAX).contains(id));
    let (uid, gid) = (number()?, number()?);
    Some((Uid::from_raw(uid), Gid::from_raw(gid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unprivileged_user_is_found() {
        let passwd = "root:x:0:0::/:\nnobody:x:65534:65533::/:\ntoor:x:0:5::/:\nwheel:x:5:0::/:\n\
                      odd:x:-1:7::/:\nnone:x:4294967295:7::/:\nshort:x:7\n";
        let found = find("nobody", passwd).map(|(uid, gid)| (uid.as_raw(), gid.as_raw()));
        assert_eq!(found, Some((65534, 65533)));
        for refused in ["root", "toor", "wheel", "odd", "none", "short", "absent", ""] {
            assert_eq!(find(refused, passwd), None, "{refused}");
        }
    }
}
