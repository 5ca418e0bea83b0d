//! `countersign config show`: each effective value, and who set it.

use std::fmt::Display;
use std::path::PathBuf;

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit};
use crate::config::{
    Config, ForcePush, Origin, Outward, Schedule, Setting, SmokePolicy, Verify, Via,
};
use crate::model::display::escape;
use crate::model::{Period, json};

/// Show the effective configuration
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print each effective value with its origin
    Show,
}

struct Row {
    key: String,
    value: String,
    origin: Origin,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let What::Show = arguments.what;
    let config = context::config(global, false)?;
    let rows = rows(&config);
    let width = rows.iter().map(|row| row.key.len()).max().unwrap_or(0);
    output.write(|out| {
        if output.is("json") {
            let object: serde_json::Map<_, _> = rows
                .iter()
                .map(|row| {
                    let entry =
                        serde_json::json!({ "value": row.value, "origin": row.origin.to_string() });
                    (row.key.clone(), entry)
                })
                .collect();
            return json::write(out, &object);
        }
        match &config.file {
            Some(file) => writeln!(out, "# {}", escape(&file.display().to_string()))?,
            None => writeln!(
                out,
                "# no configuration file; {} would be read",
                crate::config::DEFAULT_PATH
            )?,
        }
        for row in &rows {
            let key = escape(&row.key);
            writeln!(out, "{key:width$} = {}  # {}", escape(&row.value), row.origin)?;
        }
        Ok(())
    })?;
    Ok(exit::OK)
}

fn row<T>(key: &str, setting: &Setting<T>, show: impl Fn(&T) -> String) -> Row {
    Row { key: key.to_owned(), value: show(&setting.value), origin: setting.origin }
}

fn provers(config: &Config, rows: &mut Vec<Row>) {
    for (name, prover) in &config.provers {
        let key = format!("database.{name}.prover");
        rows.push(row(&format!("{key}.url"), prover, |p| p.url.clone()));
        rows.push(row(&format!("{key}.roles"), prover, |p| p.roles.join(", ")));
        for (role, path) in &prover.value.password_files {
            let key = format!("{key}.password_files.{role}");
            rows.push(row(&key, prover, |_| path.display().to_string()));
        }
    }
}

/// What the controller says to the outside. Of an address only the server: the rest may be what only it should know.
fn outward(config: &Config, rows: &mut Vec<Row>) {
    let outward = &config.outward;
    let usual = Outward::default();
    let row = |key: &str, value: String, origin| Row { key: key.to_owned(), value, origin };
    // The file may say what holds without it as well, and then nothing is lost when it no longer does.
    let scalar = |key: &str, value: String, usual: String| {
        let origin = if value == usual { Origin::Default } else { Origin::File };
        row(key, value, origin)
    };
    let listed = |key: &str, value: String| row(key, value, Origin::File);
    let (notify, of_notify) = (&outward.notify, &usual.notify);
    rows.extend([
        scalar("notify.after", notify.after.to_string(), of_notify.after.to_string()),
        scalar("notify.renotify", notify.renotify.to_string(), of_notify.renotify.to_string()),
    ]);
    for (name, sink) in &outward.notify.sinks {
        let via = match &sink.via {
            Via::Webhook { url, secret_file: Some(file), .. } => {
                format!("webhook {url}, signed by {}", file.display())
            }
            Via::Webhook { url, secret_file: None, .. } => format!("webhook {url}, unsigned"),
            Via::Slack { url_file } => format!("the address in {}", url_file.display()),
            Via::Command { words } => format!("command {words:?}"),
        };
        rows.push(listed(&format!("notify.sink.{name}"), via));
    }
    rows.extend(outward.metrics.iter().map(|at| listed("metrics.listen", at.to_string())));
    if let Some(webhook) = &outward.webhook {
        rows.push(listed("webhook.listen", webhook.listen.to_string()));
        rows.push(listed("webhook.secret_file", webhook.secret_file.display().to_string()));
    }
    for (name, schedule) in &outward.schedule {
        let Schedule { every, format, folder, keep } = schedule;
        let what = format!("{format} every {every} to {}, {keep} kept", folder.display());
        rows.push(listed(&format!("schedule.{name}"), what));
    }
    rows.push(scalar("confine.require", outward.confine.to_string(), usual.confine.to_string()));
    rows.push(scalar("log.format", outward.log.word().into(), usual.log.word().into()));
}

/// Each command in a row of its own: what may run is what an operator looks for here.
fn smoke(config: &Config, rows: &mut Vec<Row>) {
    let smoke = &config.smoke;
    if smoke.value.allowed().is_empty() {
        rows.push(row("smoke.allow", smoke, |_| "no command".to_owned()));
        return;
    }
    for (at, command) in smoke.value.allowed().iter().enumerate() {
        let words = |_: &_| command.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>();
        rows.push(row(&format!("smoke.allow[{at}]"), smoke, |all| words(all).join(" ")));
    }
    rows.push(row("smoke.user", smoke, |smoke| smoke.user.clone()));
    let folders = |folders: &[PathBuf]| {
        folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    rows.push(row("smoke.read", smoke, |smoke| folders(&smoke.read)));
    // Names alone: a value may be what only the command should know.
    let names = |smoke: &SmokePolicy| smoke.environment.keys().cloned().collect::<Vec<_>>();
    rows.push(row("smoke.environment", smoke, |smoke| names(smoke).join(", ")));
}

fn watch(config: &Config) -> [Row; 5] {
    [
        row("watch.interval", &config.watch, |watch| shown(watch.interval)),
        row("watch.poll", &config.watch, |watch| shown(watch.poll)),
        row("watch.max_age", &config.watch, |watch| shown(watch.max_age)),
        row("watch.deadline", &config.watch, |watch| shown(watch.deadline)),
        row("watch.force_push", &config.watch, |watch| match watch.force_push {
            ForcePush::Refuse => "refuse".to_owned(),
            ForcePush::Accept => "accept".to_owned(),
        }),
    ]
}

fn shown(length: std::time::Duration) -> String {
    Period::from_seconds(length.as_secs()).to_string()
}

fn rows(config: &Config) -> Vec<Row> {
    #[expect(clippy::ref_option, reason = "it is passed as a function of a setting's value")]
    fn optional<T: Display>(value: &Option<T>) -> String {
        value.as_ref().map_or_else(|| "(none)".to_owned(), ToString::to_string)
    }
    let mut rows = vec![
        row("host", &config.host, optional),
        row("root", &config.root, |path| path.display().to_string()),
        row("data", &config.data, |path| path.display().to_string()),
        row("source.url", &config.source, |url| optional(&url.as_deref().map(without_secret))),
        row("source.branch", &config.revision, optional),
        row("source.path", &config.source_path, optional),
        row("source.verify", &config.verify, |verify| match verify {
            Verify::None => "none".to_owned(),
            Verify::Signed => "signed".to_owned(),
        }),
        row("identity.hostname", &config.hostname, optional),
    ];
    rows.extend(watch(config));
    let file = |key: String, value: String| Row { key, value, origin: Origin::File };
    rows.extend(
        config.first_commit.iter().map(|id| file("source.first_commit".to_owned(), id.clone())),
    );
    rows.extend(
        config.system_identifiers.iter().map(|(k, v)| file(format!("identity.{k}"), v.clone())),
    );
    rows.extend(config.guard.iter().map(|(k, v)| file(format!("guard.\"{k}\""), v.to_string())));
    if config.observe_text.is_empty() {
        let all = config.observe.origin != Origin::Default;
        let roots = if all { "everything below the root" } else { "nothing" };
        rows.push(Row {
            key: "observe.roots".into(),
            value: roots.into(),
            origin: config.observe.origin,
        });
    }
    rows.extend(config.observe_text.iter().map(|(k, v)| file((*k).to_owned(), v.clone())));
    smoke(config, &mut rows);
    outward(config, &mut rows);
    rows.push(row("anchor.url", &config.anchor, |url| {
        optional(&url.as_deref().map(without_secret))
    }));
    rows.push(row("prove.admit", &config.admit, |admit| match admit.words() {
        words if words.is_empty() => "no contract".to_owned(),
        words => words.join(", "),
    }));
    provers(config, &mut rows);
    for (purpose, sessions) in [("observer", &config.observers), ("executor", &config.executors)] {
        for (name, session) in sessions {
            let key = format!("database.{name}.{purpose}");
            rows.push(row(&format!("{key}.url"), session, |s| s.url.clone()));
            rows.push(row(&format!("{key}.password_file"), session, |s| {
                optional(&s.password_file.as_ref().map(|file| file.display().to_string()))
            }));
        }
    }
    rows
}

fn without_secret(url: &str) -> String {
    crate::desired::source::without_secret(url)
}
