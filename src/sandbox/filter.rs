//! The system calls that a confined command does not have.
//!
//! A list of what is refused, and not of what is allowed, because the command is any program. It holds what Landlock does
//! not cover: attributes of files, sockets, objects that outlive their process, ways out of the process group, and the
//! calls by which a kernel is administered or another process is reached.

use std::collections::BTreeMap;

use libc::{ENOSYS, EPERM, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::refused;
use crate::model::Unknown;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused on every architecture. Numbers stand where the library has no name yet; they are the same everywhere.
const REFUSED: &[c_long] = &[
    // Networks, and the sockets of other programs: databases, containers, the bus.
    libc::SYS_socket,
    // Does everything that this filter refuses, unseen by it.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Attributes of files.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    452, // fchmodat2
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_truncate,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    463, // setxattrat
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    466, // removexattrat
    469, // file_setattr
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // What stays in the kernel when its maker ends.
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The process group is how everything is ended.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    467, // open_tree_attr
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    libc::SYS_personality,
];

/// The older calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_uselib,
    libc::SYS_modify_ldt,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_kexec_file_load,
    // The x32 form of calls that have another number there: ptrace, kexec_load, process_vm_readv and _writev, move_pages.
    X32 + 521,
    X32 + 528,
    X32 + 539,
    X32 + 540,
    X32 + 533,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// With this bit a call of x86-64 is one of x32, under the same architecture and so past its check.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;

/// Installs both filters in the calling thread, which hands them on to whatever it starts.
pub(super) fn install() -> Result<(), Unknown> {
    let programs = [program(refusals()?, EPERM)?, program(missing(), ENOSYS)?];
    for program in &programs {
        seccompiler::apply_filter(program)
            .map_err(refused("the filter of system calls could not be installed"))?;
    }
    Ok(())
}

fn program(rules: Rules, errno: i32) -> Result<BpfProgram, Unknown> {
    let here = std::env::consts::ARCH;
    let arch = here.try_into().map_err(refused("there is no filter for this architecture"))?;
    let action = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, action, arch)
        .and_then(BpfProgram::try_from)
        .map_err(refused("the filter of system calls could not be made"))
}

fn refusals() -> Result<Rules, Unknown> {
    let mut rules: Rules =
        REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
    let built = some_arguments(&mut rules);
    built.map_err(refused("the filter of system calls could not be made"))?;
    Ok(with_other_numbers(rules))
}

/// Calls that depend on an argument: connected pairs of local sockets, and processes in the namespaces of this one.
fn some_arguments(rules: &mut Rules) -> Result<(), seccompiler::BackendError> {
    let when = |operator, value| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let local = u64::from(libc::AF_UNIX.unsigned_abs());
    rules.insert(libc::SYS_socketpair, vec![when(SeccompCmpOp::Ne, local)?]);
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let new = namespaces.map(|flag| u64::from(flag.unsigned_abs()));
    let new = new.into_iter().map(|flag| when(SeccompCmpOp::MaskedEq(flag), flag));
    rules.insert(libc::SYS_clone, new.collect::<Result<_, _>>()?);
    Ok(())
}

/// Its flags lie in memory, where a filter cannot look. A caller that is told that there is no such call takes `clone`.
fn missing() -> Rules {
    with_other_numbers(Rules::from([(libc::SYS_clone3, Vec::new())]))
}

/// The same calls under the numbers that x32 gives them.
#[cfg(target_arch = "x86_64")]
fn with_other_numbers(mut rules: Rules) -> Rules {
    let others: Rules = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
    rules.extend(others);
    rules
}

#[cfg(not(target_arch = "x86_64"))]
fn with_other_numbers(rules: Rules) -> Rules {
    rules
}
