//! The sections together, as the whole file is read.

use std::path::Path;

use crate::config::load::parse;
use crate::config::{Config, ConfigError, Listen, LogForm, Via};
use crate::model::{Period, Severity};

fn read(text: &str) -> Result<Config, Vec<String>> {
    parse(Path::new("/etc/countersign/config.toml"), text.to_owned(), 0).map_err(
        |error| match error {
            ConfigError::Invalid { diagnostics, .. } => {
                diagnostics.into_iter().map(|found| found.message).collect()
            }
            other => panic!("{other}"),
        },
    )
}

#[test]
fn without_a_word_nobody_is_told_and_nothing_listens() {
    let outward = read("").expect("valid").outward;
    assert!(outward.notify.sinks.is_empty() && outward.schedule.is_empty());
    assert!(outward.metrics.is_none() && outward.webhook.is_none());
    assert!(outward.confine, "it confines itself unless it is told not to");
}

#[test]
fn every_key_is_read() {
    let text = r#"
        [notify]
        after = 3
        renotify = "2h"
        [notify.sink.pager]
        webhook = "https://alerts.example.org/hook"
        secret_file = "pager.secret"
        severity = "critical"
        [notify.sink.chat]
        slack_file = "/run/chat.url"
        [notify.sink.mail]
        command = ["/usr/bin/msmtp", "ops@example.org"]
        [metrics]
        listen = "127.0.0.1:9464"
        [webhook]
        listen = "unix:/run/countersign/webhook.sock"
        secret_file = "webhook.secret"
        [schedule.daily]
        every = "24h"
        format = "html"
        folder = "/var/lib/countersign/watch/reports"
        keep = 7
        [log]
        format = "json"
        [confine]
        require = false
    "#;
    let outward = read(text).expect("valid").outward;
    assert_eq!((outward.notify.after, outward.notify.renotify), (3, Period::from_seconds(7200)));
    let pager = &outward.notify.sinks["pager"];
    let Via::Webhook { secret_file: Some(file), .. } = &pager.via else { panic!("{pager:?}") };
    assert_eq!(file, Path::new("/etc/countersign/pager.secret"));
    assert_eq!(
        (pager.least, outward.notify.sinks["mail"].least),
        (Severity::Critical, Severity::Info)
    );
    assert_eq!(outward.metrics, "127.0.0.1:9464".parse::<Listen>().ok());
    let daily = &outward.schedule["daily"];
    assert_eq!((daily.keep, daily.format.as_str()), (7, "html"));
    assert_eq!((outward.log, outward.confine), (LogForm::Json, false));
}

#[test]
fn what_is_wrong_is_said() {
    for (text, wrong) in [
        ("[notify]\nafter = 0", "`after`"),
        ("[notify]\nafter = 101", "`after`"),
        ("[notify]\nrenotify = \"1s\"", "`renotify` is at least"),
        ("[notify]\nafterwards = 1", "unknown key `afterwards`"),
        ("[notify.sink.a]\n", "exactly one of"),
        ("[notify.sink.a]\nwebhook = \"https://a/\"\ncommand = [\"/a\"]", "exactly one of"),
        ("[notify.sink.a]\nwebhook = \"http://a.example/\"", "plain http"),
        ("[notify.sink.a]\ncommand = []", "`command` is empty"),
        ("[notify.sink.a]\ncommand = [\"mail\"]", "absolute path"),
        ("[notify.sink.a]\ncommand = [\"/a\"]\nsecret_file = \"x\"", "without `webhook`"),
        ("[notify.sink.\"A b\"]\ncommand = [\"/a\"]", "a name here"),
        ("[notify.sink]\na = 1", "is a table"),
        ("[metrics]\nlisten = \"0.0.0.0:1\"", "can be reached from elsewhere"),
        ("[metrics]\n", "`listen` is missing"),
        ("[webhook]\nlisten = \"127.0.0.1:1\"", "`secret_file` is missing"),
        (
            "[metrics]\nlisten = \"127.0.0.1:1\"\n[webhook]\nlisten = \"127.0.0.1:1\"\nsecret_file = \"x\"",
            "listens there already",
        ),
        ("[schedule.a]\nevery = \"1s\"\nformat = \"html\"\nfolder = \"/x\"", "`every` is at least"),
        ("[schedule.a]\nevery = \"1h\"\nformat = \"html\"\nfolder = \"/x\"\nkeep = 0", "`keep`"),
        ("[log]\nformat = \"xml\"", "format"),
        ("[confine]\nrequire = 1", "require"),
    ] {
        let found = read(text).expect_err(text);
        assert!(found.iter().any(|message| message.contains(wrong)), "{text}: {found:?}");
    }
}
