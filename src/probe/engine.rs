//! A container engine, asked over its unix socket: the list of containers, and nothing else.
//!
//! Docker and Podman speak the same interface. One GET of one list is all that is ever sent; it holds no environment of a
//! container, and what it does hold of labels and commands is not read. Connecting to a socket is no reading of a file,
//! so the path of the socket has to be allowed by `[observe]` like a file's, and is found beneath the root without
//! following a link; what is connected to is the very socket that was found there.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::World;
use super::host::Links;
use super::http::Stream;
use crate::model::display::one_line;
use crate::model::{Reason, Unknown};

/// Some 20,000 containers.
const BODY_BYTES_MAX: usize = 16 << 20;
const HEAD_BYTES_MAX: usize = 64 << 10;
const LIST: &str = "/containers/json?all=1";

/// A container as its engine lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name, without the slash that the interface puts before it.
    pub name: String,
    /// The name of its image, as it was started from.
    pub image: String,
    /// The digest of the image, with `sha256:` before it.
    pub image_id: String,
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    pub state: String,
    /// What its health check says: `healthy`, `unhealthy`, `starting`, or `none` where it has none.
    pub health: String,
    /// The ports that are published on the host, as `0.0.0.0:5432->5432/tcp`.
    pub ports: BTreeSet<String>,
}

/// Lists all containers, those that are stopped as well; `None` when there is no such socket. Gives up at an instant that
/// several engines may share.
///
/// # Errors
/// Unknown, when the engine cannot be asked or does not answer in time, in full, and in its own form.
pub async fn containers(
    world: &World,
    socket: &str,
    give_up: Instant,
) -> Result<Option<Vec<Container>>, Unknown> {
    let path = PathBuf::from(socket);
    let found = world.ask(move |host| host.socket(&path, Links::Refuse)).await?;
    let Some(held) = found else { return Ok(None) };
    let seconds = world.deadline.as_secs_f32();
    let body =
        tokio::time::timeout_at(give_up, list(socket, &held.path())).await.map_err(|_| {
            let detail =
                format!("the engine at `{socket}` gave no whole answer within {seconds} s");
            Unknown::new(Reason::Deadline, detail)
        })??;
    parse(socket, &body).map(Some)
}

async fn list(socket: &str, path: &Path) -> Result<Bytes, Unknown> {
    let stream = UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let detail = format!("this user may not connect to `{socket}`: {error}");
            Unknown::new(Reason::PermissionDenied, detail)
        }
        _ => Unknown::new(Reason::Unreachable, format!("nobody answers at `{socket}`: {error}")),
    })?;
    let failed = |error: &dyn std::error::Error| {
        let error = one_line(&error.to_string(), 200);
        let detail =
            format!("the engine at `{socket}` does not speak HTTP/1.1 as it should: {error}");
        Unknown::new(Reason::Malformed, detail)
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(Stream(stream))
        .await
        .map_err(|error| failed(&error))?;
    let request = Request::get(LIST)
        .header("Host", "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        body_of(socket, response).await
    };
    let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
    let mut open = true;
    loop {
        // The connection may be done before its last bytes were taken from it.
        tokio::select! {
            answer = &mut exchange => return answer,
            _ = &mut connection, if open => open = false,
        }
    }
}

async fn body_of(socket: &str, response: Response<Incoming>) -> Result<Bytes, Unknown> {
    match response.status() {
        StatusCode::OK => {}
        status => {
            let reason = match status {
                StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Reason::PermissionDenied,
                _ => Reason::QueryFailed,
            };
            let detail =
                format!("the engine at `{socket}` answered {} to GET {LIST}", status.as_u16());
            return Err(Unknown::new(reason, detail));
        }
    }
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let detail = format!(
                "the list of the engine at `{socket}` has more than {BODY_BYTES_MAX} bytes"
            );
            return Unknown::new(Reason::TooLarge, detail);
        }
        let error = one_line(&error.to_string(), 200);
        Unknown::new(
            Reason::Malformed,
            format!("the answer of the engine at `{socket}` breaks off: {error}"),
        )
    })
}

/// What is read of an entry. Everything else in it, labels and commands among it, is passed over.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Names")]
    names: Vec<String>,
    #[serde(rename = "Image")]
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    #[serde(rename = "State")]
    state: String,
    #[serde(rename = "Status", default)]
    status: String,
    #[serde(rename = "Ports", default)]
    ports: Option<Vec<Port>>,
}

#[derive(Deserialize)]
struct Port {
    #[serde(rename = "IP", default)]
    ip: String,
    #[serde(rename = "PrivatePort")]
    private: u16,
    #[serde(rename = "PublicPort", default)]
    public: Option<u16>,
    #[serde(rename = "Type")]
    protocol: String,
}

fn parse(socket: &str, body: &[u8]) -> Result<Vec<Container>, Unknown> {
    let malformed = |what: String| {
        let detail = format!("the list of the engine at `{socket}` cannot be read: {what}");
        Unknown::new(Reason::Malformed, detail)
    };
    // The message of the parser may quote what it read; only the place is told.
    let listed: Vec<Listed> = serde_json::from_slice(body)
        .map_err(|e| malformed(format!("line {}, column {}", e.line(), e.column())))?;
    let mut found = Vec::with_capacity(listed.len());
    for (at, one) in listed.into_iter().enumerate() {
        let name = own_name(&one.names);
        let name = name.ok_or_else(|| malformed(format!("container {} has no name", at + 1)))?;
        found.push(Container {
            name: name.to_owned(),
            health: health(&one.status).to_owned(),
            ports: one.ports.unwrap_or_default().iter().filter_map(published).collect(),
            image: one.image,
            image_id: one.image_id,
            state: one.state,
        });
    }
    Ok(found)
}

/// Of several names the container's own: the others belong to links, as `/other/alias`.
fn own_name(names: &[String]) -> Option<&str> {
    let plain = names.iter().map(|name| name.strip_prefix('/').unwrap_or(name));
    plain.into_iter().find(|name| !name.is_empty() && !name.contains('/'))
}

fn health(status: &str) -> &'static str {
    [
        ("(healthy)", "healthy"),
        ("(unhealthy)", "unhealthy"),
        ("(health: starting)", "starting"),
        ("(starting)", "starting"),
    ]
    .into_iter()
    .find_map(|(end, health)| status.ends_with(end).then_some(health))
    .unwrap_or("none")
}

/// `None` for a port that is only exposed to other containers.
fn published(port: &Port) -> Option<String> {
    let public = port.public.filter(|public| *public != 0)?;
    let ip = match port.ip.as_str() {
        "" => "0.0.0.0".to_owned(),
        ip if ip.contains(':') => format!("[{ip}]"),
        ip => ip.to_owned(),
    };
    Some(format!("{ip}:{public}->{}/{}", port.private, port.protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_cut_down_to_what_is_compared() {
        let list = br#"[{"Id":"ab","Names":["/other/alias","/postgres"],"Image":"postgres:16","ImageID":"sha256:12",
            "Command":"--password hunter2","Labels":{"secret":"hunter2"},"State":"running","Status":"Up 2 hours (healthy)",
            "Ports":[{"IP":"0.0.0.0","PrivatePort":5432,"PublicPort":5432,"Type":"tcp"},{"IP":"::","PrivatePort":5432,"PublicPort":5432,"Type":"tcp"},
            {"PrivatePort":9000,"Type":"tcp"}]}]"#;
        let found = parse("s", list).expect("a list");
        assert_eq!(found[0].name, "postgres");
        assert_eq!(found[0].health, "healthy");
        let ports: Vec<&str> = found[0].ports.iter().map(String::as_str).collect();
        assert_eq!(ports, ["0.0.0.0:5432->5432/tcp", "[::]:5432->5432/tcp"]);
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_list_is_unknown_and_not_quoted() {
        for bad in [
            &b""[..],
            b"{}",
            b"null",
            b"[{}]",
            br#"[{"Names":["hunter2"]}]"#,
            br#"[{"Names":[],"Image":"","ImageID":"","State":""}]"#,
        ] {
            let unknown = parse("s", bad).expect_err("no list");
            assert_eq!(unknown.reason, Reason::Malformed);
            assert!(!unknown.detail.contains("hunter2"), "{unknown}");
        }
        assert_eq!(parse("s", b"[]"), Ok(Vec::new()));
    }

    #[test]
    fn health_is_the_end_of_the_status() {
        for (status, expected) in [
            ("Up 3 days", "none"),
            ("Up 3 days (unhealthy)", "unhealthy"),
            ("Up 1 second (health: starting)", "starting"),
            ("Exited (0) 2 days ago", "none"),
        ] {
            assert_eq!(health(status), expected, "{status}");
        }
    }
}
