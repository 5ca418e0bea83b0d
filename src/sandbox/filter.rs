//! The system calls that a confined command does not have, and those that the controller gives up.
//!
//! A list of what is refused, and not of what is allowed, because the command is any program, and the controller starts some. It holds what Landlock does
//! not cover: attributes of files, sockets, objects that outlive their process, ways out of the process group, and the
//! calls by which a kernel is administered or another process is reached.

use std::collections::BTreeMap;

use libc::{ENOSYS, ENOTTY, EPERM, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::refused;
use crate::model::Unknown;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused on every architecture to commands of `smoke` alone. The controller listens, asks and starts programs.
const REFUSED_TO_COMMANDS: &[c_long] = &[
    // Networks, and the sockets of other programs: databases, containers, the bus.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    // The process group is how everything is ended.
    libc::SYS_setsid,
    libc::SYS_setpgid,
];

/// Refused on every architecture to both. Numbers stand where the library has no name yet; they are the same everywhere.
const REFUSED: &[c_long] = &[
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
    // What stays in the kernel when its maker ends; and what others have there, which is reached by its number alone.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
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

/// What may be asked of an open file: how much there is to read, and how its descriptor behaves. Everything else changes
/// attributes of files and of whole file systems through a descriptor that only reads, or steers a device.
const CONTROLS: &[u64] = &[libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX];

/// Installs the filters in the calling thread, which hands them on to whatever it starts.
pub(super) fn install() -> Result<(), Unknown> {
    let made = refused("the filter of system calls could not be made");
    let controls = controls().map_err(made)?;
    let programs =
        [program(refusals()?, EPERM)?, program(missing(), ENOSYS)?, program(controls, ENOTTY)?];
    apply(&programs)
}

/// The same for the controller itself: nothing that changes attributes of files, the kernel, or another process. What it
/// writes and where is for Landlock to say.
pub(super) fn install_for_controller() -> Result<(), Unknown> {
    let made = refused("the filter of system calls could not be made");
    let rules = REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
    let controls = controls().map_err(made)?;
    apply(&[program(with_other_numbers(rules), EPERM)?, program(controls, ENOTTY)?])
}

fn apply(programs: &[BpfProgram]) -> Result<(), Unknown> {
    let failed = refused("the filter of system calls could not be installed");
    programs.iter().try_for_each(|program| seccompiler::apply_filter(program)).map_err(failed)
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
    let all = REFUSED.iter().chain(REFUSED_TO_COMMANDS).chain(REFUSED_HERE);
    let mut rules: Rules = all.map(|call| (*call, Vec::new())).collect();
    let made = refused("the filter of system calls could not be made");
    some_arguments(&mut rules).map_err(made)?;
    Ok(with_other_numbers(rules))
}

type Built<T> = Result<T, seccompiler::BackendError>;

/// One comparison of the lower half of an argument.
fn when(argument: u8, operator: SeccompCmpOp, value: u64) -> Built<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

/// A call is refused when one of its rules holds, and a rule holds when all of its comparisons do.
fn each(conditions: impl IntoIterator<Item = Built<SeccompCondition>>) -> Built<Vec<SeccompRule>> {
    conditions.into_iter().map(|condition| SeccompRule::new(vec![condition?])).collect()
}

/// Calls that depend on an argument.
fn some_arguments(rules: &mut Rules) -> Built<()> {
    rules.insert(libc::SYS_socketpair, each(pairs())?);
    rules.insert(libc::SYS_clone, each(processes())?);
    rules.insert(libc::SYS_openat, each(openings(2))?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, each(openings(1))?);
    others(rules)
}

/// Only pairs of local sockets that stay connected: what sends single messages can send them to anyone who has a name.
fn pairs() -> impl Iterator<Item = Built<SeccompCondition>> {
    const KIND: u64 = 0xf;
    let connected =
        [libc::SOCK_STREAM, libc::SOCK_SEQPACKET].map(|kind| u64::from(kind.unsigned_abs()));
    let others = (0..=KIND).filter(move |kind| !connected.contains(kind));
    let local = u64::from(libc::AF_UNIX.unsigned_abs());
    std::iter::once(when(0, SeccompCmpOp::Ne, local))
        .chain(others.map(|kind| when(1, SeccompCmpOp::MaskedEq(KIND), kind)))
}

/// Processes are in the namespaces of the one that makes them, and are its own children.
fn processes() -> impl Iterator<Item = Built<SeccompCondition>> {
    let flags = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_PARENT,
    ];
    let flags = flags.map(|flag| u64::from(flag.unsigned_abs()));
    flags.into_iter().map(|flag| when(0, SeccompCmpOp::MaskedEq(flag), flag))
}

/// Two ways to open that older versions of Landlock do not see: truncating what is opened to be read, and opening neither
/// to read nor to write, as one opens a terminal to steer it.
fn openings(flags: u8) -> impl Iterator<Item = Built<SeccompCondition>> {
    let [how, truncate] = [libc::O_ACCMODE, libc::O_TRUNC].map(|f| u64::from(f.unsigned_abs()));
    let read_and_truncate = (how | truncate, truncate);
    [read_and_truncate, (how, how)]
        .into_iter()
        .map(move |(mask, value)| when(flags, SeccompCmpOp::MaskedEq(mask), value))
}

/// Limits, priorities and processors of anyone but the caller; a signal to everyone; the ties that end the command; a
/// hold on a file that whoever opens it has to wait for.
fn others(rules: &mut Rules) -> Built<()> {
    const IOPRIO_WHO_PROCESS: u64 = 1;
    let is_other = |argument| when(argument, SeccompCmpOp::Ne, 0);
    let equal =
        |argument, value: i32| when(argument, SeccompCmpOp::Eq, u64::from(value.cast_unsigned()));
    for call in [
        libc::SYS_prlimit64,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
    ] {
        rules.insert(call, each([is_other(0)])?);
    }
    // `PRIO_PROCESS` is 0.
    rules.insert(libc::SYS_setpriority, each([is_other(0), is_other(1)])?);
    let who = when(0, SeccompCmpOp::Ne, IOPRIO_WHO_PROCESS);
    rules.insert(libc::SYS_ioprio_set, each([who, is_other(1)])?);
    rules.insert(libc::SYS_kill, each([equal(0, -1)])?);
    rules.insert(libc::SYS_prctl, each([equal(0, libc::PR_SET_PDEATHSIG)])?);
    rules.insert(libc::SYS_fcntl, each([equal(1, libc::F_SETLEASE)])?);
    Ok(())
}

/// Calls whose flags lie in memory, where a filter cannot look. A caller that is told that there is no such call takes the
/// older one.
fn missing() -> Rules {
    let calls = [libc::SYS_clone3, libc::SYS_openat2];
    with_other_numbers(calls.map(|call| (call, Vec::new())).into())
}

/// Whoever asks more of a file is told that it has no such control, as of any file that is no device.
fn controls() -> Built<Rules> {
    let other = CONTROLS.iter().map(|control| when(1, SeccompCmpOp::Ne, *control));
    let other = SeccompRule::new(other.collect::<Built<_>>()?)?;
    let mut rules = Rules::from([(libc::SYS_ioctl, vec![other])]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(X32 + 514, rules[&libc::SYS_ioctl].clone());
    Ok(rules)
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
