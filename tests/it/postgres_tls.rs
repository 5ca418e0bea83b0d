//! What `sslmode` promises, kept: against a server with a certificate of our own authority.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use countersign::model::Reason;
use countersign::probe::postgres::{Secret, Session, Settings};

use crate::lab::{limits, refused};
use crate::private_server::shared;
use crate::server::{Options, Server, ServerError};

fn openssl(folder: &Path, arguments: &str) -> bool {
    let mut openssl = Command::new("openssl");
    openssl
        .current_dir(folder)
        .args(arguments.split(' '))
        .output()
        .is_ok_and(|o| o.status.success())
}

/// An authority, another one, and a certificate of the first for `db.example` and 127.0.0.1.
pub(crate) fn certificates() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let made = ["ca", "other"].iter().all(|name| {
        let subject = format!("-subj /CN={name} -keyout {name}.key -out {name}.crt");
        openssl(folder.path(), &format!("req -x509 {key} {subject}"))
    });
    fs::write(
        folder.path().join("ext"),
        "subjectAltName=DNS:db.example,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    let made = made
        && openssl(
            folder.path(),
            &format!("req -new {key} -subj /CN=db -keyout db.key -out db.csr"),
        )
        && openssl(
            folder.path(),
            "x509 -req -days 2 -in db.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile ext -out db.crt",
        );
    if made {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "openssl cannot make certificates");
    eprintln!("SKIPPED, nothing was tested: openssl cannot make certificates");
    None
}

/// A server on a port of the loopback; another port when somebody was faster.
fn listening(settings: &[(&str, &str)], files: &[(String, Vec<u8>)]) -> (Server, u16) {
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut all = vec![
            ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
            ("port".to_owned(), port.to_string()),
        ];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let options = Options { settings: all, files: files.to_vec(), ..Options::default() };
        match Server::start(&options) {
            Ok(server) => return (server, port),
            Err(ServerError::Failed { output, .. }) if output.contains("in use") => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no free port");
}

async fn open(url: &str, password: Option<&str>) -> Result<Session, countersign::model::Unknown> {
    Session::open(&Settings::parse(url, password.map(Secret::new)).unwrap(), limits()).await
}

async fn encrypted(session: &Session) -> bool {
    let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    session.ask(sql, &[]).await.unwrap()[0][0].as_deref() == Some("true")
}

#[tokio::test]
async fn sslmode_keeps_what_it_promises() {
    if shared().is_none() {
        return;
    }
    let Some(made) = certificates() else { return };
    let file = |name: &str| made.path().join(name);
    let files = ["db.crt", "db.key"].map(|name| (name.to_owned(), fs::read(file(name)).unwrap()));
    let tls = [("ssl", "on"), ("ssl_cert_file", "db.crt"), ("ssl_key_file", "db.key")];
    let (_server, port) = listening(&tls, &files);
    let (ca, other) = (file("ca.crt"), file("other.crt"));
    let (ca, other) = (ca.display(), other.display());
    let url = |host: &str, query: &str| {
        format!("postgres://postgres@{host}:{port}/postgres?hostaddr=127.0.0.1&{query}")
    };
    for (host, query, is_encrypted) in [
        ("db.example", "sslmode=disable".to_owned(), false),
        ("db.example", "sslmode=prefer".to_owned(), true),
        ("elsewhere.example", "sslmode=require".to_owned(), true),
        ("elsewhere.example", format!("sslmode=verify-ca&sslrootcert={ca}"), true),
        ("elsewhere.example", format!("sslmode=require&sslrootcert={ca}"), true),
        ("db.example", format!("sslmode=verify-full&sslrootcert={ca}"), true),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), true),
    ] {
        let session = open(&url(host, &query), None).await;
        let session = session.unwrap_or_else(|why| panic!("{host} {query}: {why}"));
        assert_eq!(encrypted(&session).await, is_encrypted, "{host} {query}");
        session.close().await;
    }
    for (host, query, why) in [
        (
            "elsewhere.example",
            format!("sslmode=verify-full&sslrootcert={ca}"),
            "not valid for name",
        ),
        ("db.example", format!("sslmode=verify-full&sslrootcert={other}"), "UnknownIssuer"),
        ("db.example", format!("sslmode=verify-ca&sslrootcert={other}"), "UnknownIssuer"),
        ("db.example", format!("sslmode=require&sslrootcert={other}"), "UnknownIssuer"),
        ("db.example", "sslmode=verify-full&sslrootcert=/nonexistent".to_owned(), "sslrootcert"),
        ("db.example", "sslmode=verify-full&sslrootcert=/dev/null".to_owned(), "no certificate"),
    ] {
        let (_, detail) = refused(open(&url(host, &query), None).await);
        assert!(detail.contains(why), "{host} {query}: {detail}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_reached_only_where_that_is_allowed() {
    if shared().is_none() {
        return;
    }
    let (server, port) = listening(&[], &[]);
    let url = |query: &str| format!("postgres://postgres@127.0.0.1:{port}/postgres?{query}");
    for mode in ["require", "verify-full"] {
        let (reason, detail) = refused(open(&url(&format!("sslmode={mode}")), None).await);
        assert!(detail.contains("does not support TLS"), "{mode}: {reason} {detail}");
    }
    let session = open(&url("sslmode=prefer"), None).await.unwrap();
    assert!(!encrypted(&session).await);
    // The same server again, now asking for passwords.
    let before = "SET password_encryption = 'scram-sha-256'; ALTER ROLE postgres PASSWORD 'right'";
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(before).await.unwrap();
    let rules = server.home().join("data/pg_hba.conf");
    fs::write(rules, "host all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    // The reload takes a moment; the old rules let everybody in.
    let mut answer = open(&url("sslmode=disable"), Some("wrong-canary")).await;
    for _ in 0..500 {
        if answer.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = open(&url("sslmode=disable"), Some("wrong-canary")).await;
    }
    let (reason, detail) = refused(answer);
    assert!(reason == Reason::PermissionDenied && !detail.contains("canary"), "{detail}");
    assert!(open(&url("sslmode=disable"), Some("right")).await.is_ok());
    let missing = refused(open(&url("sslmode=disable"), None).await);
    assert!(missing.1.contains("password"), "{missing:?}");
    let bound = url("sslmode=disable&channel_binding=require");
    assert!(open(&bound, Some("right")).await.is_err());
}
