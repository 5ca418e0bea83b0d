//! The manager itself, over the system bus.
//!
//! These methods are called and no others: `Hello` and `GetConnectionUnixUser` of the bus; `ListUnitsByNames`,
//! `ListUnitsByPatterns`, `ListUnitFilesByPatterns` and `GetUnitFileState` of the manager; `Get` of single properties.
//! `GetAll` would be fewer calls and is not used: its answer holds `Environment`. To answer about a unit the manager
//! reads its file into memory, as it does for `systemctl status`; nothing is started, and nothing is started to answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use zbus::{Connection, DynamicType, OwnedObjectPath, OwnedVariant, Type};

use super::{
    Active, Answered, Asked, Listed, Source, UNITS_MAX, Unit, UnitName, is_passing, no_digest,
};
use crate::model::display::{escape, one_line};
use crate::model::{Reason, Unknown};

/// The name of the manager on the bus.
pub const SYSTEMD: &str = "org.freedesktop.systemd1";
/// Its object, and the interface of that.
pub const MANAGER: (&str, &str) = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager");
/// The pauses between two looks at units that are changing their state.
const PAUSE: Duration = Duration::from_millis(100);
/// How much of the text of an error is kept.
const ERROR_WIDTH_MAX: usize = 200;

/// A unit as the manager lists it: name, description, load, active and sub state, whom it follows, its object, and a job.
type Line =
    (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// Asks the manager that answers on the bus at `socket`. Units on the way to another state are looked at again until
/// they rest, for `settle` at most.
pub(super) async fn look(
    socket: &str,
    asked: &Asked,
    settle: Duration,
) -> Result<Answered, Unknown> {
    let bus = Bus::connect(socket).await?;
    let mut units = BTreeMap::new();
    let lines = bus.settled(asked, settle).await?;
    for name in &asked.names {
        if let Some(line) = lines.get(name.as_str()) {
            let unit = bus.unit(name, line).await;
            units.insert(name.clone(), unit.map(|unit| (Source::Bus, unit)));
        }
    }
    let mut lists = BTreeMap::new();
    for pattern in &asked.patterns {
        let list = bus.list(pattern, asked.matches).await;
        lists.insert(pattern.clone(), list.map(|list| (Source::Bus, list)));
    }
    Ok(Answered { units, lists })
}

/// A connection to the manager, which is root's.
#[derive(Debug)]
pub struct Bus(Connection);

impl Bus {
    pub(super) async fn connect(socket: &str) -> Result<Self, Unknown> {
        let unreachable = |why: String| {
            Unknown::new(Reason::Unreachable, format!("no system bus at `{socket}`: {why}"))
        };
        let stream = tokio::net::UnixStream::connect(socket).await;
        let stream = stream.and_then(tokio::net::UnixStream::into_std);
        let stream = stream.map_err(|e| unreachable(e.to_string()))?;
        let connection = zbus::connection::Builder::unix_stream(stream).build().await;
        let bus =
            Self(connection.map_err(|e| unreachable(one_line(&e.to_string(), ERROR_WIDTH_MAX)))?);
        // Asked of the bus first: a call to a name without an owner would have the bus start somebody for it.
        let driver = "org.freedesktop.DBus";
        let place = ("/org/freedesktop/DBus", driver);
        let uid: u32 = bus.call(driver, place, "GetConnectionUnixUser", &SYSTEMD).await?;
        if uid != 0 {
            let detail = format!("`{SYSTEMD}` on the bus belongs to user {uid} and not to root");
            return Err(Unknown::new(Reason::NotSupported, detail));
        }
        Ok(bus)
    }

    /// One unit, once it is not on the way to another state, or as it is after `settle`.
    ///
    /// # Errors
    /// Unknown, when the manager does not tell.
    pub async fn look_at(&self, name: &str, settle: Duration) -> Result<Unit, Unknown> {
        let names = vec![name.to_owned()];
        let asked = Asked {
            resting: names.clone(),
            names,
            patterns: Vec::new(),
            matches: |_, _| false,
            files_only: false,
        };
        let lines = self.settled(&asked, settle).await?;
        let line = lines.get(name).ok_or_else(|| malformed("ListUnitsByNames", "no such unit"))?;
        self.unit(name, line).await
    }

    /// The connection itself, for whoever has a permit to ask for more than a look.
    pub const fn connection(&self) -> &Connection {
        &self.0
    }

    /// Units by the name that was asked for, once none that is awaited is on the way to another state.
    async fn settled<'a>(
        &self,
        asked: &'a Asked,
        settle: Duration,
    ) -> Result<BTreeMap<&'a str, Line>, Unknown> {
        let names: Vec<&str> = asked.names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let give_up = Instant::now() + settle;
        loop {
            let lines: Vec<Line> = self.ask("ListUnitsByNames", &names).await?;
            if lines.len() != names.len() {
                let detail =
                    format!("{} names were asked for and {} came back", names.len(), lines.len());
                return Err(Unknown::new(Reason::Malformed, detail));
            }
            let awaited = |name: &str| asked.resting.iter().any(|resting| resting == name);
            let moving =
                names.iter().zip(&lines).any(|(n, line)| is_passing(&line.3) && awaited(n));
            if !moving || Instant::now() >= give_up {
                return Ok(names.into_iter().zip(lines).collect());
            }
            sleep(PAUSE).await;
        }
    }

    async fn unit(&self, name: &str, line: &Line) -> Result<Unit, Unknown> {
        let (id, _, load, state, sub, _, object, ..) = line;
        let of_unit = |property| self.property(object, "Unit", property);
        let (error, fragment, drop_ins, reload, enabled) = tokio::join!(
            of_unit("LoadError"),
            of_unit("FragmentPath"),
            of_unit("DropInPaths"),
            of_unit("NeedDaemonReload"),
            self.file_state(name),
        );
        let (_, error): (String, String) = read(error?, "LoadError")?;
        let fragment: String = read(fragment?, "FragmentPath")?;
        let (result, user, triggered) = self.of_type(id, object).await;
        Ok(Unit {
            id: id.clone(),
            load: load.clone(),
            load_error: (!error.is_empty()).then_some(error),
            active: Ok(Active { state: state.clone(), sub: sub.clone() }),
            enabled: enabled.map(Option::unwrap_or_default),
            fragment: (!fragment.is_empty()).then_some(fragment),
            fragment_sha256: no_digest(),
            drop_ins: read(drop_ins?, "DropInPaths")?,
            definition_sha256: no_digest(),
            needs_reload: reload.and_then(|v| read(v, "NeedDaemonReload")),
            result,
            user,
            triggered,
        })
    }

    /// What only some types of units have: their result, their user, and when a timer fired.
    async fn of_type(
        &self,
        id: &str,
        object: &OwnedObjectPath,
    ) -> (
        Result<Option<String>, Unknown>,
        Result<Option<String>, Unknown>,
        Result<Option<i64>, Unknown>,
    ) {
        let suffix = UnitName::parse(id).map_or("", |name| name.suffix);
        let interface = interface(suffix);
        let text = async |has: bool, property| match interface.filter(|_| has) {
            None => Ok(None),
            Some(interface) => {
                let value = self.property(object, interface, property).await?;
                read::<String>(value, property).map(Some)
            }
        };
        let has_user = matches!(suffix, "service" | "socket" | "mount" | "swap");
        let triggered = async {
            if suffix != "timer" {
                return Ok(None);
            }
            let value = self.property(object, "Timer", "LastTriggerUSec").await?;
            let microseconds: u64 = read(value, "LastTriggerUSec")?;
            Ok(seconds(microseconds))
        };
        tokio::join!(text(true, "Result"), text(has_user, "User"), triggered)
    }

    async fn list(
        &self,
        pattern: &str,
        matches: fn(&str, &str) -> bool,
    ) -> Result<Listed, Unknown> {
        let none: &[&str] = &[];
        let sent = sent(pattern);
        let lines: Vec<Line> =
            self.ask("ListUnitsByPatterns", &(none, [sent.as_str()].as_slice())).await?;
        let mut listed = Listed::new();
        for (path, state) in self.files(pattern).await? {
            listed.insert(file_name(&path).to_owned(), format!("file, {state}"));
        }
        for (id, _, load, active, sub, ..) in lines {
            // A name that others mention and nobody defines is no unit, unless it still runs.
            if load == "not-found" && active == "inactive" {
                continue;
            }
            let about = format!("{load}, {active} ({sub})");
            listed.entry(id).and_modify(|file| *file = format!("{about}, {file}")).or_insert(about);
        }
        listed.retain(|name, _| matches(pattern, name));
        if listed.len() > UNITS_MAX {
            let detail = format!("`{}` matches more than {UNITS_MAX} units", escape(pattern));
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        Ok(listed)
    }

    /// The unit files that a pattern matches, with their states.
    async fn files(&self, pattern: &str) -> Result<Vec<(String, String)>, Unknown> {
        let none: &[&str] = &[];
        self.ask("ListUnitFilesByPatterns", &(none, [sent(pattern).as_str()].as_slice())).await
    }

    /// `UnitFileState` of a name; `None` when it has no file.
    async fn file_state(&self, name: &str) -> Result<Option<String>, Unknown> {
        let (path, interface) = MANAGER;
        let reply = self
            .0
            .call_method(Some(SYSTEMD), path, Some(interface), "GetUnitFileState", &name)
            .await;
        match reply {
            Ok(reply) => decode(&reply, "GetUnitFileState").map(Some),
            Err(error) if is_no_file(&error) => Ok(None),
            Err(error) => Err(failed("GetUnitFileState", &error)),
        }
    }

    async fn property(
        &self,
        object: &OwnedObjectPath,
        interface: &str,
        property: &str,
    ) -> Result<OwnedVariant, Unknown> {
        let place = (object.as_str(), "org.freedesktop.DBus.Properties");
        let interface = format!("{SYSTEMD}.{interface}");
        self.call(SYSTEMD, place, "Get", &(interface.as_str(), property)).await
    }

    async fn ask<B, T>(&self, method: &str, body: &B) -> Result<T, Unknown>
    where
        B: Serialize + DynamicType,
        T: DeserializeOwned + Type,
    {
        self.call(SYSTEMD, MANAGER, method, body).await
    }

    async fn call<B, T>(
        &self,
        whom: &str,
        (path, interface): (&str, &str),
        method: &str,
        body: &B,
    ) -> Result<T, Unknown>
    where
        B: Serialize + DynamicType,
        T: DeserializeOwned + Type,
    {
        let reply = self.0.call_method(Some(whom), path, Some(interface), method, body).await;
        decode(&reply.map_err(|e| failed(method, &e))?, method)
    }
}

fn decode<T: DeserializeOwned + Type>(reply: &zbus::Message, method: &str) -> Result<T, Unknown> {
    reply.body().deserialize().map_err(|e| malformed(method, &e.to_string()))
}

fn read<T>(value: OwnedVariant, property: &str) -> Result<T, Unknown>
where
    T: TryFrom<OwnedVariant>,
    T::Error: std::fmt::Display,
{
    T::try_from(value).map_err(|e| malformed(property, &e.to_string()))
}

fn malformed(what: &str, why: &str) -> Unknown {
    let why = one_line(why, ERROR_WIDTH_MAX);
    Unknown::new(Reason::Malformed, format!("the answer to `{what}` is of another form: {why}"))
}

/// The interface that holds the result of a type of unit.
fn interface(suffix: &str) -> Option<&'static str> {
    Some(match suffix {
        "service" => "Service",
        "timer" => "Timer",
        "socket" => "Socket",
        "path" => "Path",
        "mount" => "Mount",
        "automount" => "Automount",
        "swap" => "Swap",
        "scope" => "Scope",
        _ => return None,
    })
}

/// A pattern as the manager takes it. It would read a backslash, which names of units may have, in its own way; what it
/// sends too much is left out afterwards.
fn sent(pattern: &str) -> String {
    pattern.replace('\\', "?")
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Microseconds since 1970; 0 and the greatest number stand for never.
pub(super) fn seconds(microseconds: u64) -> Option<i64> {
    match microseconds {
        0 | u64::MAX => None,
        some => i64::try_from(some / 1_000_000).ok(),
    }
}

/// Was the answer that there is no such file?
fn is_no_file(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::FDO(error) => matches!(**error, zbus::fdo::Error::FileNotFound(_)),
        zbus::Error::MethodError(name, ..) => *name == "org.freedesktop.systemd1.NoSuchUnit",
        _ => false,
    }
}

fn failed(method: &str, error: &zbus::Error) -> Unknown {
    let denied =
        matches!(error, zbus::Error::FDO(e) if matches!(**e, zbus::fdo::Error::AccessDenied(_)));
    let reason = if denied { Reason::PermissionDenied } else { Reason::QueryFailed };
    let text = one_line(&error.to_string(), ERROR_WIDTH_MAX);
    Unknown::new(reason, format!("`{method}` on the system bus: {text}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn asked() -> Asked {
        let names = vec!["a.service".to_owned()];
        Asked {
            resting: Vec::new(),
            patterns: Vec::new(),
            matches: |_, _| true,
            files_only: false,
            names,
        }
    }

    fn refused(socket: &str) -> Unknown {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(look(socket, &asked(), Duration::ZERO)).expect_err("nobody is there")
    }

    #[test]
    fn without_a_bus_nothing_is_known() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("socket");
        let socket = socket.to_str().expect("UTF-8");
        assert_eq!(refused(socket).reason, Reason::Unreachable);
        for answer in [&b""[..], b"REJECTED\r\n", b"garbage\r\n", b"OK x\r\n"] {
            let listener = UnixListener::bind(socket).expect("a socket");
            let peer = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("somebody asks");
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer);
            });
            let unknown = refused(socket);
            assert_eq!(unknown.reason, Reason::Unreachable, "{unknown}");
            peer.join().expect("it ends");
            std::fs::remove_file(socket).expect("removed");
        }
    }

    #[test]
    fn times_of_never_are_none() {
        assert_eq!([seconds(0), seconds(u64::MAX), seconds(2_500_000)], [None, None, Some(2)]);
    }
}
