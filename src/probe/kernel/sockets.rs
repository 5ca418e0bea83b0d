//! The sockets that wait for somebody: TCP, UDP and unix, of the network namespace that this program runs in.
//!
//! The kernel's tables name sockets by inode and not by process; who holds one stands in `/proc/PID/fd`, which needs
//! rights. Tables and holders are two looks, so the tables are read again where a holder was not found.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::processes::{self, Exe};
use super::{lines, malformed, number, required, text, words};
use crate::model::{Reason, Unknown};
use crate::probe::host::{Contents, Facts};

const TABLE_BYTES_MAX: u64 = 64 << 20;
/// As many files as Linux lets one process open where nobody has raised `fs.nr_open`.
const OPEN_MAX: usize = 1 << 20;
/// How often tables are read in which sockets come and go.
const ATTEMPTS_MAX: usize = 3;
const TCP_LISTEN: &[u8] = b"0A";
/// What the kernel calls a UDP socket that is bound and connected to nobody.
const UDP_UNCONNECTED: &[u8] = b"07";
/// `SO_ACCEPTCON`: somebody called `listen` on it.
const UNIX_LISTENS: u32 = 0x1_0000;

/// The families of listeners, by how their names begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// `tcp/127.0.0.1:5432`
    Tcp,
    /// `udp/127.0.0.53:53`
    Udp,
    /// `unix//run/postgresql/.s.PGSQL.5432`
    Unix,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Unix];

    /// What its names begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Tcp => "tcp/",
            Self::Udp => "udp/",
            Self::Unix => "unix/",
        }
    }
}

/// Everything that waits under one name: with `SO_REUSEPORT` that is more than one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The user who made it; `None` for a unix socket, whose table has no users.
    pub uid: Option<u32>,
    /// Who holds it, by process number.
    pub holders: Result<BTreeMap<u32, Holder>, Unknown>,
    inodes: BTreeSet<u64>,
}

impl Listener {
    fn new() -> Self {
        let holders = Err(Unknown::new(Reason::NoAnswer, "nobody looked for its holder"));
        Self { uid: None, holders, inodes: BTreeSet::new() }
    }
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its short name (`comm`).
    pub name: String,
    /// Its program.
    pub exe: Result<Option<Exe>, Unknown>,
    /// Its systemd unit.
    pub unit: Option<String>,
}

/// Listeners by name.
pub type Table = BTreeMap<String, Listener>;

/// What waits, by family and then by name. A family that cannot be read does not hide the others.
///
/// # Errors
/// Unknown, when there is no kernel to ask.
pub fn read(facts: Facts<'_>) -> Result<BTreeMap<Family, Result<Table, Unknown>>, Unknown> {
    facts.kernel()?;
    let mut tables = all(facts);
    for attempt in 1.. {
        let complete = find_holders(facts, &mut tables)?;
        if complete || attempt == ATTEMPTS_MAX {
            break;
        }
        let again = all(facts);
        if sockets(&again) == sockets(&tables) {
            break;
        }
        tables = again;
    }
    Ok(tables)
}

fn all(facts: Facts<'_>) -> BTreeMap<Family, Result<Table, Unknown>> {
    Family::ALL.into_iter().map(|family| (family, one(facts, family))).collect()
}

fn one(facts: Facts<'_>, family: Family) -> Result<Table, Unknown> {
    let mut table = Table::new();
    let (tables, state): (&[&str], _) = match family {
        Family::Tcp => (&["/proc/net/tcp", "/proc/net/tcp6"], TCP_LISTEN),
        Family::Udp => (&["/proc/net/udp", "/proc/net/udp6"], UDP_UNCONNECTED),
        Family::Unix => {
            let path = "/proc/net/unix";
            parse_unix(path, &required(facts, path, TABLE_BYTES_MAX)?, &mut table)?;
            return Ok(table);
        }
    };
    for (at, path) in tables.iter().enumerate() {
        // A kernel without IPv6 has no second table; the first one is always there.
        let bytes = match at {
            0 => required(facts, path, TABLE_BYTES_MAX)?,
            _ => facts.read(path, TABLE_BYTES_MAX)?.unwrap_or_default(),
        };
        parse_inet(path, family, state, &bytes, &mut table)?;
    }
    Ok(table)
}

fn sockets(tables: &BTreeMap<Family, Result<Table, Unknown>>) -> BTreeSet<u64> {
    let listeners = tables.values().flatten().flat_map(BTreeMap::values);
    listeners.flat_map(|listener| listener.inodes.iter().copied()).collect()
}

/// Looks through the open files of every process. False when a socket has no holder though no process was closed to us.
fn find_holders(
    facts: Facts<'_>,
    tables: &mut BTreeMap<Family, Result<Table, Unknown>>,
) -> Result<bool, Unknown> {
    let wanted = sockets(tables);
    let mut found: BTreeMap<u64, BTreeMap<u32, Holder>> = BTreeMap::new();
    let mut closed = 0_u64;
    for pid in processes::pids(facts)? {
        match held(facts, pid, &wanted) {
            Ok(inodes) if inodes.is_empty() => {}
            Ok(inodes) => {
                if let Some(holder) = holder(facts, pid)? {
                    for inode in inodes {
                        found.entry(inode).or_default().insert(pid, holder.clone());
                    }
                }
            }
            Err(Unknown { reason: Reason::PermissionDenied, .. }) => closed += 1,
            Err(unknown) => return Err(unknown),
        }
    }
    let hidden = processes::visible(facts).is_err();
    let mut complete = true;
    for listener in tables.values_mut().flatten().flat_map(|table| table.values_mut()) {
        let holders: BTreeMap<u32, Holder> = listener
            .inodes
            .iter()
            .filter_map(|inode| found.get(inode))
            .flat_map(|holders| holders.iter().map(|(pid, holder)| (*pid, holder.clone())))
            .collect();
        complete &= !holders.is_empty() || closed > 0 || hidden;
        listener.holders =
            if holders.is_empty() { Err(nobody(closed, hidden)) } else { Ok(holders) };
    }
    Ok(complete)
}

fn nobody(closed: u64, hidden: bool) -> Unknown {
    if closed > 0 || hidden {
        let which = if hidden {
            "those of other users are hidden".to_owned()
        } else {
            format!("{closed} processes are those of other users")
        };
        let detail =
            format!("its holder is not among the processes whose open files may be read; {which}");
        return Unknown::new(Reason::PermissionDenied, detail);
    }
    let detail = "no process holds it: it is the kernel's own, or its holder is in another pid namespace or has just ended";
    Unknown::new(Reason::Undecidable, detail)
}

/// Those of the sockets that a process holds open.
fn held(facts: Facts<'_>, pid: u32, wanted: &BTreeSet<u64>) -> Result<BTreeSet<u64>, Unknown> {
    let targets = match facts.targets(&format!("/proc/{pid}/fd"), OPEN_MAX) {
        Ok(Contents::Regular(_, targets)) => targets,
        Ok(_) => return Ok(BTreeSet::new()),
        // A process that ended while it was looked at holds nothing.
        Err(unknown)
            if unknown.reason == Reason::IoError
                && facts.stat(&format!("/proc/{pid}"))?.is_none() =>
        {
            return Ok(BTreeSet::new());
        }
        Err(unknown) => return Err(unknown),
    };
    let inodes = targets.iter().filter_map(|target| {
        let inode = target.as_encoded_bytes().strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
        number(inode)
    });
    Ok(inodes.filter(|inode| wanted.contains(inode)).collect())
}

fn holder(facts: Facts<'_>, pid: u32) -> Result<Option<Holder>, Unknown> {
    let Some(name) = processes::name(facts, pid)? else { return Ok(None) };
    let (exe, unit) = (processes::exe(facts, pid), processes::unit(facts, pid)?);
    Ok(Some(Holder { name, exe, unit }))
}

fn parse_inet(
    path: &str,
    family: Family,
    state: &[u8],
    bytes: &[u8],
    table: &mut Table,
) -> Result<(), Unknown> {
    // The first line names the columns.
    for (at, line) in lines(bytes).skip(1) {
        let row = parse_row(line).ok_or_else(|| malformed(path, at, line))?;
        if row.state != state {
            continue;
        }
        let name = format!("{}{}", family.prefix(), row.address);
        let listener = table.entry(name).or_insert_with(Listener::new);
        listener.uid = Some(row.uid);
        listener.inodes.insert(row.inode);
    }
    Ok(())
}

struct Row<'a> {
    address: SocketAddr,
    state: &'a [u8],
    uid: u32,
    inode: u64,
}

/// `sl local remote st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse_row(line: &[u8]) -> Option<Row<'_>> {
    let mut fields = words(line);
    fields.next().filter(|number| number.ends_with(b":"))?;
    let local = fields.next()?;
    let state = fields.nth(1)?;
    let uid = number(fields.nth(3)?)?;
    let inode = number(fields.nth(1)?)?;
    Some(Row { address: address(local)?, state, uid, inode })
}

/// `0100007F:1F90`, or four such words for IPv6.
///
/// The kernel prints each 32-bit word of the address, which lies in memory in network order, as a number of the machine.
fn address(field: &[u8]) -> Option<SocketAddr> {
    let field = std::str::from_utf8(field).ok()?;
    let (words, port) = field.split_once(':')?;
    let hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
    if !hex(words) || !hex(port) || port.len() != 4 {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = words.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match words.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, place) in bytes.chunks_exact_mut(4).enumerate() {
                place.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// `Num: RefCount Protocol Flags Type St Inode Path`, each of a fixed form.
fn parse_unix(path: &str, bytes: &[u8], table: &mut Table) -> Result<(), Unknown> {
    let mut listens: Option<(Vec<u8>, u64)> = None;
    let mut first = true;
    for (at, line) in lines(bytes).skip(1) {
        match parse_unix_row(line) {
            Some(row) => {
                add(table, listens.take());
                listens = (row.flags & UNIX_LISTENS != 0).then(|| (row.name.to_vec(), row.inode));
            }
            None if first => return Err(malformed(path, at, line)),
            // A name may hold a line break, and the kernel does not escape it.
            None => {
                if let Some((name, _)) = &mut listens {
                    name.push(b'\n');
                    name.extend_from_slice(line);
                }
            }
        }
        first = false;
    }
    add(table, listens);
    Ok(())
}

fn add(table: &mut Table, listens: Option<(Vec<u8>, u64)>) {
    if let Some((name, inode)) = listens {
        let name = format!("{}{}", Family::Unix.prefix(), text(&name));
        table.entry(name).or_insert_with(Listener::new).inodes.insert(inode);
    }
}

struct UnixRow<'a> {
    flags: u32,
    inode: u64,
    name: &'a [u8],
}

fn parse_unix_row(line: &[u8]) -> Option<UnixRow<'_>> {
    let mut rest = line;
    let mut field = |digits: Option<usize>| {
        let rest_now = rest.trim_ascii_start();
        let end = rest_now.iter().position(|c| *c == b' ').unwrap_or(rest_now.len());
        let (word, after) = rest_now.split_at(end);
        rest = after;
        let hex = word.iter().all(u8::is_ascii_hexdigit);
        digits.is_none_or(|digits| word.len() == digits && hex).then_some(word)
    };
    let slot = field(None)?.strip_suffix(b":")?;
    if slot.len() < 8 || !slot.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    field(Some(8))?;
    field(Some(8))?;
    let flags = u32::from_str_radix(std::str::from_utf8(field(Some(8))?).ok()?, 16).ok()?;
    field(Some(4))?;
    field(Some(2))?;
    let inode = number(field(None)?)?;
    Some(UnixRow { flags, inode, name: rest.strip_prefix(b" ").unwrap_or_default() })
}

/// Runs every parser of this file, for the test that none panics.
#[cfg(test)]
pub(super) fn parses(bytes: &[u8]) {
    let _ = parse_inet("t", Family::Tcp, TCP_LISTEN, bytes, &mut Table::new());
    let _ = parse_unix("t", bytes, &mut Table::new());
    address(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: &str) -> Option<String> {
        address(field.as_bytes()).map(|address| address.to_string())
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_words_of_the_machine() {
        for (field, text) in [
            ("0100007F:1F90", "127.0.0.1:8080"),
            ("00000000:0016", "0.0.0.0:22"),
            ("3500007F:0035", "127.0.0.53:53"),
            ("00000000000000000000000000000000:0016", "[::]:22"),
            ("00000000000000000000000001000000:1538", "[::1]:5432"),
            ("0000000000000000FFFF00000100007F:1F90", "[::ffff:127.0.0.1]:8080"),
            ("B80D0120000000000000000001000000:0050", "[2001:db8::1]:80"),
        ] {
            assert_eq!(shown(field).as_deref(), Some(text), "{field}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for field in [
            "",
            ":",
            "0100007F",
            "0100007F:",
            "0100007F:1F9",
            "+100007F:1F90",
            "0100007:1F90",
            "0100007F00:1F90",
        ] {
            assert_eq!(shown(field), None, "{field}");
        }
    }

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 111 1 0 100 0 0 10 0\n   \
        1: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 112 1 0 100 0 0 10 0\n   \
        2: 00000000:1538 00000000:A000 01 00000000:00000000 00:00000000 00000000   999        0 113 1 0 20 4 30 10 -1\n";

    #[test]
    fn only_what_listens_counts_and_one_name_may_have_two_sockets() {
        let mut table = Table::new();
        parse_inet("t", Family::Tcp, TCP_LISTEN, TCP.as_bytes(), &mut table).expect("a table");
        let names: Vec<&String> = table.keys().collect();
        assert_eq!(names, ["tcp/0.0.0.0:5432"]);
        let listener = &table["tcp/0.0.0.0:5432"];
        assert_eq!((listener.uid, listener.inodes.len()), (Some(999), 2));
    }

    #[test]
    fn a_row_that_cannot_be_read_hides_no_listener() {
        let cut = &TCP[..TCP.len() - 60];
        let unknown = parse_inet("t", Family::Tcp, TCP_LISTEN, cut.as_bytes(), &mut Table::new());
        let unknown = unknown.expect_err("malformed");
        assert_eq!(unknown.reason, Reason::Malformed);
        assert!(unknown.detail.contains("line 4"), "{unknown}");
    }

    #[test]
    fn unix_sockets_have_paths_with_anything_in_them() {
        let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/a b\n\
            ffff8880aabbccdd: 00000002 00000000 00010000 0001 01   777 @abstract\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 12346 /run/connected\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 12347\n\
            0000000000000000: 00000002 00000000 00010000 0005 01 12348 /run/x\ny\n";
        let mut table = Table::new();
        parse_unix("t", text, &mut table).expect("a table");
        let names: Vec<&String> = table.keys().collect();
        assert_eq!(names, ["unix//run/a b", "unix//run/x\ny", "unix/@abstract"]);
        assert!(parse_unix("t", b"Num\nnonsense\n", &mut table).is_err());
    }
}
