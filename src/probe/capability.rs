//! The names of the rights that Linux divides root into, as capabilities(7) lists them, without `CAP_`.

/// By number.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The bits of all that have a name.
pub(super) const ALL: u64 = (1 << NAMES.len()) - 1;

/// The name of a number; `None` for one that has no name yet.
pub(super) fn name(number: u32) -> Option<&'static str> {
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied()
}

/// The number of a name.
pub(super) fn number(name: &str) -> Option<u32> {
    let number = NAMES.iter().position(|known| *known == name)?;
    u32::try_from(number).ok()
}

/// The names of the set bits, in the order of their numbers; a number that has no name yet is its own.
#[must_use]
pub fn names(bits: u64) -> Vec<String> {
    let set = (0..u64::BITS).filter(|bit| bits & (1 << bit) != 0);
    set.map(|bit| name(bit).map_or_else(|| bit.to_string(), str::to_owned)).collect()
}

/// Is this the name of a capability?
#[must_use]
pub fn is_name(text: &str) -> bool {
    number(text).is_some()
}

/// Every name.
#[must_use]
pub fn all() -> &'static [&'static str] {
    &NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_names() {
        assert!(names(0).is_empty());
        assert_eq!(names(1 << 10 | 1 << 19), ["net_bind_service", "sys_ptrace"]);
        assert_eq!(names(1 << 40 | 1 << 41), ["checkpoint_restore", "41"]);
        assert!(is_name("bpf") && !is_name("CAP_BPF"));
    }
}
