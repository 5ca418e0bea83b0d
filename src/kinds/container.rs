//! `[container.postgres]`: a container of Docker or Podman, and that there are no others.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed, path, presence,
};
use crate::model::display::one_line;
use crate::model::{Code, Comparison, Difference, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::engine::{self, Container as Listed};

/// Where Docker listens.
const SOCKET: &str = "/run/docker.sock";
/// Where Podman listens, when it runs as root.
const PODMAN: &str = "/run/podman/podman.sock";
/// A digest that is shorter may soon mean two images.
const DIGITS_MIN: usize = 12;

/// The table of a container, or of a pattern over their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Container {
    /// `false`: there is no such container, not even a stopped one. Default: true.
    #[serde(default = "yes")]
    present: bool,
    /// What it does.
    state: Option<State>,
    /// What its health check says.
    health: Option<Health>,
    /// The image that it was started from, as `docker ps` names it: "postgres:16".
    image: Option<String>,
    /// The digest of that image: `sha256:` and at least 12 digits from its beginning.
    image_id: Option<String>,
    /// All ports that it publishes on the host, each as "127.0.0.1:5432->5432/tcp". An empty list: none.
    ports: Option<BTreeSet<String>>,
    /// The socket of the engine. Default: "/run/docker.sock"; Podman's is "/run/podman/podman.sock".
    #[serde(default = "socket")]
    socket: String,
    /// What it means when there is no such socket. Default: "unknown".
    #[serde(default)]
    no_runtime: NoRuntime,
    /// For a name with a `*`: every container that may exist under the names that it matches, and has to.
    only: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

fn socket() -> String {
    SOCKET.to_owned()
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($variant:ident = $word:literal, $about:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        enum $name { $(#[doc = $about] $variant,)* }

        impl $name {
            const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// What a container does.
    State:
    Created = "created", "Made and never started.";
    Running = "running", "It runs.";
    Paused = "paused", "It is frozen.";
    Restarting = "restarting", "It ended and is being started again.";
    Exited = "exited", "It has ended.";
    Dead = "dead", "It could not be removed.";
}

words! {
    /// What a health check says.
    Health:
    Healthy = "healthy", "It passes.";
    Unhealthy = "unhealthy", "It fails.";
    Starting = "starting", "It has not passed yet, and has time left.";
    None = "none", "There is none.";
}

/// What it means when there is no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NoRuntime {
    /// Nobody can say which containers there are.
    #[default]
    Unknown,
    /// No engine is installed, so there are no containers.
    Absent,
}

/// What was seen: none or one for a name, all for a pattern.
pub(super) type Seen = BTreeMap<String, One>;

/// A container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct One {
    state: String,
    health: String,
    image: String,
    image_id: String,
    ports: BTreeSet<String>,
}

impl Kind for Container {
    const NAME: &'static str = "container";
    const ABOUT: &'static str =
        "a container of Docker or Podman: presence, state, health, image, ports; or all of them";
    const DOC: &'static str = include_str!("container.md");
    const EXAMPLE: &'static str = r#"
[container.postgres]
state = "running"
image = "postgres:16"
ports = ["127.0.0.1:5432->5432/tcp"]

[container."*"]
only = ["directus", "nginx", "postgres"]
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "container",
        value: "PATTERN",
        help: "Each container whose name matches, of Docker or else Podman, and the list of them",
        all: Some("*"),
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let of_one = [
            ("state", self.state.is_some()),
            ("health", self.health.is_some()),
            ("image", self.image.is_some()),
            ("image_id", self.image_id.is_some()),
            ("ports", self.ports.is_some()),
        ];
        presence::check(self.present, &of_one, problems);
        let absent = [("present", !self.present)];
        closed::check(name, self.only.as_ref(), &[&of_one[..], &absent].concat(), problems);
        if let Err(why) = path::absolute(&self.socket) {
            let message = format!("it is a path, and it {why}");
            problems.push(Problem::key("socket", Code::WrongType, message));
        }
        let is_digest = |id: &String| {
            id.strip_prefix("sha256:").is_some_and(|digits| {
                (DIGITS_MIN..=64).contains(&digits.len())
                    && digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
            })
        };
        if self.image_id.as_ref().is_some_and(|id| !is_digest(id)) {
            let message = format!("expected `sha256:` and {DIGITS_MIN} to 64 hex digits");
            problems.push(Problem::key("image_id", Code::WrongType, message));
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "socket": self.socket, "no_runtime": self.no_runtime })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let give_up = Instant::now() + world.deadline;
        let mut lists = BTreeMap::new();
        for named in wanted {
            let socket = named.spec.socket.as_str();
            if !lists.contains_key(socket) {
                lists.insert(socket, engine::containers(world, socket, give_up).await);
            }
        }
        let answer = |named: &Named<Self>| {
            let seen = match lists.get(named.spec.socket.as_str()) {
                Some(Ok(list)) => named.spec.select(list.as_deref(), &named.name),
                Some(Err(unknown)) => Err(unknown.clone()),
                None => Err(Unknown::new(Reason::NoAnswer, "its engine was not asked")),
            };
            (named.name.clone(), seen)
        };
        wanted.iter().map(answer).collect()
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let give_up = Instant::now() + world.deadline;
        let (mut socket, mut list) = (SOCKET, engine::containers(world, SOCKET, give_up).await?);
        if list.is_none() {
            (socket, list) = (PODMAN, engine::containers(world, PODMAN, give_up).await?);
        }
        let list = list.ok_or_else(|| no_socket(SOCKET))?;
        let draft = |name: &str| match socket {
            SOCKET => Draft::new(name),
            other => Draft::new(name).set("socket", other),
        };
        let seen = matching(&list, asked);
        let mut adopted = Adopted::default();
        for (name, one) in &seen {
            let draft = draft(name)
                .set("state", one.state.clone())
                .set("image", one.image.clone())
                .set("ports", json!(one.ports));
            adopted.drafts.push(draft);
        }
        if closed::is_pattern(asked) {
            let names: Vec<&String> = seen.keys().collect();
            adopted.drafts.push(draft(asked).set("only", json!(names)));
        } else if seen.is_empty() {
            adopted.drafts.push(draft(asked).set("present", false));
        }
        Ok(adopted)
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Queried);
        if let Some(only) = &self.only {
            let seen = observed.iter().map(|(name, one)| (name.clone(), Some(one.brief())));
            closed::compare(only, &seen.collect(), &mut found);
            return found;
        }
        let one = observed.get(name);
        if presence::compare(self.present, one.is_some(), &mut found)
            && let Some(one) = one
        {
            self.compare(one, &mut found);
            found.seen = Some(one_line(&one.brief(), 80));
        }
        found
    }
}

impl Container {
    fn select(&self, list: Option<&[Listed]>, name: &str) -> Result<Seen, Unknown> {
        match list {
            Some(list) => Ok(matching(list, name)),
            None if self.no_runtime == NoRuntime::Absent => Ok(Seen::new()),
            None => Err(no_socket(&self.socket)),
        }
    }

    fn compare(&self, one: &One, found: &mut Comparison) {
        let state = self.state.map(|state| state.word().to_owned());
        found.expect("state", state.as_ref(), &one.state);
        let health = self.health.map(|health| health.word().to_owned());
        found.expect("health", health.as_ref(), &one.health);
        found.expect("image", self.image.as_ref(), &one.image);
        if let Some(wanted) = &self.image_id
            && !one.image_id.starts_with(wanted.as_str())
        {
            let difference = Difference::new("image_id", wanted.clone(), one.image_id.clone());
            found.differences.push(difference);
        }
        let Some(wanted) = &self.ports else { return };
        for missing in wanted.difference(&one.ports) {
            found.differences.push(Difference::new("ports", missing.clone(), Value::Null));
        }
        for unwanted in one.ports.difference(wanted) {
            found.differences.push(Difference::new("ports", Value::Null, unwanted.clone()));
        }
    }
}

impl One {
    fn brief(&self) -> String {
        let health =
            if self.health == "none" { String::new() } else { format!(", {}", self.health) };
        // A container that was made from a folder has no image.
        let image = if self.image.is_empty() { "no image" } else { &self.image };
        format!("{}{health}, {image}", self.state)
    }
}

fn matching(list: &[Listed], name: &str) -> Seen {
    let matching = list.iter().filter(|one| closed::matches(name, &one.name));
    let one = |one: &Listed| One {
        state: one.state.clone(),
        health: one.health.clone(),
        image: one.image.clone(),
        image_id: one.image_id.clone(),
        ports: one.ports.clone(),
    };
    matching.map(|listed| (listed.name.clone(), one(listed))).collect()
}

fn no_socket(socket: &str) -> Unknown {
    let detail = format!(
        "there is no socket `{socket}`: no engine runs there, or it listens elsewhere; \
         `no_runtime = \"absent\"` says that this means no containers"
    );
    Unknown::new(Reason::Unreachable, detail)
}

#[cfg(test)]
mod tests;
