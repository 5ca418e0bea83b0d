//! What is mounted where: `/proc/PID/mountinfo` and `/etc/fstab`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{lines, malformed, number, octal, required, text, words};
use crate::model::{Reason, Unknown};
use crate::probe::host::Facts;

const TABLE_BYTES_MAX: u64 = 16 << 20;
const FSTAB: &str = "/etc/fstab";
const FSTAB_BYTES_MAX: u64 = 1 << 20;

/// One mount, as the kernel tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    id: u64,
    parent: u64,
    /// Where it is mounted.
    pub point: String,
    /// What of the file system is mounted there: `/` unless it is a bind mount or a subvolume.
    pub root: String,
    /// The device or whatever else it comes from.
    pub source: String,
    /// The type of the file system.
    pub fs_type: String,
    /// The options of the mount and of its file system, `ro` or `rw` once: `ro` when either says so.
    pub options: BTreeSet<String>,
}

/// The mounts that can be reached, by where they are: of several at one place the one that was made last.
///
/// Those of process 1 where they may be read, as this program may run in a mount namespace of its own; otherwise those
/// that this program sees.
///
/// # Errors
/// Unknown, when they cannot be read.
pub fn read(facts: Facts<'_>) -> Result<BTreeMap<String, Mount>, Unknown> {
    facts.kernel()?;
    let (path, bytes) = match facts.read("/proc/1/mountinfo", TABLE_BYTES_MAX) {
        Ok(Some(bytes)) if !bytes.is_empty() => ("/proc/1/mountinfo", bytes),
        // Process 1 of others is not ours to ask, or hidden.
        Ok(_) | Err(Unknown { reason: Reason::PermissionDenied, .. }) => {
            let path = "/proc/self/mountinfo";
            (path, required(facts, path, TABLE_BYTES_MAX)?)
        }
        Err(unknown) => return Err(unknown),
    };
    Ok(reachable(&parse(path, &bytes)?))
}

/// The mounts of this very process, such as how its `/proc` is mounted; none where there is no such table.
pub(super) fn own(facts: Facts<'_>) -> Result<Vec<Mount>, Unknown> {
    let path = "/proc/self/mountinfo";
    facts.read(path, TABLE_BYTES_MAX)?.map_or(Ok(Vec::new()), |bytes| parse(path, &bytes))
}

/// The mount points that `/etc/fstab` lists; none when there is no such file.
///
/// # Errors
/// Unknown, when it cannot be read.
pub fn listed(facts: Facts<'_>) -> Result<BTreeSet<String>, Unknown> {
    let bytes = facts.read(FSTAB, FSTAB_BYTES_MAX)?.unwrap_or_default();
    Ok(parse_fstab(&bytes))
}

fn parse(path: &str, bytes: &[u8]) -> Result<Vec<Mount>, Unknown> {
    let mounts =
        lines(bytes).map(|(at, line)| parse_line(line).ok_or_else(|| malformed(path, at, line)));
    mounts.collect()
}

/// `36 35 98:0 /root /point options tag… - type source options`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|c| *c == b' ');
    let (id, parent) = (number(words.next()?)?, number(words.next()?)?);
    words.next()?;
    let (root, point) = (octal(words.next()?), octal(words.next()?));
    let of_mount = words.next()?;
    words.find(|word| *word == b"-")?;
    let (fs_type, source) = (octal(words.next()?), octal(words.next()?));
    let of_system = words.next()?;
    let mut options: BTreeSet<String> = of_mount
        .split(|c| *c == b',')
        .chain(of_system.split(|c| *c == b','))
        .filter(|option| !option.is_empty())
        .map(|option| text(&octal(option)))
        .collect();
    if options.contains("ro") {
        options.remove("rw");
    }
    point.starts_with(b"/").then(|| Mount {
        id,
        parent,
        point: text(&point),
        root: text(&root),
        source: text(&source),
        fs_type: text(&fs_type),
        options,
    })
}

/// Leaves out what another mount covers: one at the same place, or one above it that was mounted later.
fn reachable(mounts: &[Mount]) -> BTreeMap<String, Mount> {
    let mut children: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let ids: BTreeSet<u64> = mounts.iter().map(|mount| mount.id).collect();
    let mut open: Vec<usize> = Vec::new();
    for (at, mount) in mounts.iter().enumerate() {
        if mount.parent != mount.id && ids.contains(&mount.parent) {
            children.entry(mount.parent).or_default().push(at);
        } else {
            open.push(at);
        }
    }
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        let mount = &mounts[at];
        let below = children.get(&mount.id).map_or(&[][..], Vec::as_slice);
        // What stands on the root of this mount hides it and everything else that is mounted in it.
        if let Some(over) = below.iter().rev().find(|child| mounts[**child].point == mount.point) {
            open.push(*over);
            continue;
        }
        let covers = |over: &Mount, point: &str| {
            over.point != point && Path::new(point).starts_with(&over.point)
        };
        for (order, child) in below.iter().enumerate() {
            let point = &mounts[*child].point;
            let covered = below.iter().any(|other| covers(&mounts[*other], point));
            let replaced = below[order + 1..].iter().any(|other| mounts[*other].point == *point);
            if !covered && !replaced {
                open.push(*child);
            }
        }
        found.insert(mount.point.clone(), mount.clone());
    }
    found
}

fn parse_fstab(bytes: &[u8]) -> BTreeSet<String> {
    let entries = lines(bytes).filter_map(|(_, line)| {
        let mut fields = words(line).skip_while(|word| word.is_empty());
        let source = fields.next()?;
        let point = fields.next()?;
        (!source.starts_with(b"#")).then(|| text(&octal(point)))
    });
    // `/srv/` and `/srv` are one place.
    entries
        .map(|point| if point.len() > 1 { point.trim_end_matches('/').to_owned() } else { point })
        .collect()
}

/// Runs every parser of this file, for the test that none panics.
#[cfg(test)]
pub(super) fn parses(bytes: &[u8]) {
    let _ = parse("t", bytes).map(|mounts| reachable(&mounts));
    parse_fstab(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(table: &str) -> Vec<String> {
        let found = reachable(&parse("t", table.as_bytes()).expect("a table"));
        found.values().map(|m| format!("{} {} {}", m.point, m.fs_type, m.source)).collect()
    }

    #[test]
    fn a_line_is_read_whole() {
        let line = b"36 35 98:0 /a\\040b /mnt/c\\134d rw,noatime master:1 shared:2 - ext4 /dev/sda1 ro,errors=remount-ro";
        let mount = parse_line(line).expect("a mount");
        assert_eq!((mount.root.as_str(), mount.point.as_str()), ("/a b", "/mnt/c\\d"));
        assert_eq!((mount.fs_type.as_str(), mount.source.as_str()), ("ext4", "/dev/sda1"));
        let options: Vec<&str> = mount.options.iter().map(String::as_str).collect();
        assert_eq!(options, ["errors=remount-ro", "noatime", "ro"]);
    }

    #[test]
    fn a_line_that_is_none_is_told_with_its_number() {
        for bad in [
            "",
            "36 35 98:0 / /m rw ext4 /dev/sda rw",
            "x 35 98:0 / /m rw - ext4 a rw",
            "1 2 3:4 / m rw - a b c",
        ] {
            assert_eq!(parse_line(bad.as_bytes()), None, "{bad}");
        }
        let unknown =
            parse("t", b"1 0 0:1 / / rw - ext4 /dev/sda rw\nnonsense\n").expect_err("malformed");
        assert_eq!(unknown.reason, Reason::Malformed);
        assert!(unknown.detail.contains("line 2 of `t`"), "{unknown}");
    }

    #[test]
    fn what_is_covered_cannot_be_reached() {
        let table = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                     2 1 8:2 / /srv rw - ext4 /dev/sdb1 rw\n\
                     3 2 8:3 / /srv/data rw - xfs /dev/sdc1 rw\n\
                     4 1 8:4 / /opt/app rw - ext4 /dev/sdd1 rw\n";
        assert_eq!(points(table).len(), 4);
        // Another mount on /srv hides the first one, and what is mounted in that.
        let over = format!("{table}5 2 0:9 / /srv rw - tmpfs tmpfs rw\n");
        assert_eq!(
            points(&over),
            ["/ ext4 /dev/sda1", "/opt/app ext4 /dev/sdd1", "/srv tmpfs tmpfs"]
        );
        // One on /opt, made later, hides what lies at /opt/app.
        let over = format!("{table}5 1 0:9 / /opt rw - tmpfs tmpfs rw\n");
        assert_eq!(points(&over)[1], "/opt tmpfs tmpfs");
        assert_eq!(points(&over).len(), 4);
        let inside = format!("{over}6 5 8:7 / /opt/app rw - ext4 /dev/sde1 rw\n");
        assert!(points(&inside).contains(&"/opt/app ext4 /dev/sde1".to_owned()));
    }

    #[test]
    fn a_table_that_runs_in_a_circle_ends() {
        assert!(points("1 2 8:1 / /a rw - ext4 a rw\n2 1 8:1 / /b rw - ext4 b rw\n").is_empty());
    }

    #[test]
    fn fstab_is_read_by_its_second_field() {
        let text = "# /dev/x /no ext4\nUUID=1\t/srv/a\\040b/  ext4 defaults 0 2\n  LABEL=x / ext4\nalone\n";
        let found: Vec<String> = parse_fstab(text.as_bytes()).into_iter().collect();
        assert_eq!(found, ["/", "/srv/a b"]);
    }
}
