//! `[x509."PATH"]`: the first certificate of a file: which it is, for whom, by whom, and how long it is valid.
//!
//! What is compared is what the certificate says about itself. No chain is built and no signature verified.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, path, presence, validity,
};
use crate::model::display::{escape, escaped_line};
use crate::model::{Code, Comparison, Difference, Digest, Evidence, Period, Timestamp, Unknown};
use crate::probe::World;
use crate::probe::certificate::{self, Facts, Found};
use crate::probe::host::{FileType, Host, Links};

/// The table of a certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct X509 {
    /// `false`: nothing at all may stand at this path. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// Its fingerprint: the SHA-256 of its DER, 64 hex digits.
    sha256: Option<Digest>,
    /// The common name of its subject.
    subject_cn: Option<String>,
    /// All of its alternative names, in any order: DNS names, addresses, URIs, mail addresses.
    names: Option<Vec<String>>,
    /// Names that it has to be good for; "*.example.org" in it is good for "www.example.org".
    covers: Option<Vec<String>>,
    /// Who issued it, as RFC 4514 writes it: "CN=R11,O=Let's Encrypt,C=US".
    issuer: Option<String>,
    /// Are subject and issuer the same?
    self_signed: Option<bool>,
    /// It is valid now and does not expire sooner than that, such as "14d".
    valid_for: Option<Period>,
    /// As in "rsa2048", "prime256v1" or "ed25519".
    algorithm: Option<String>,
    /// Its RSA modulus has at least so many bits. A key on a curve has none.
    bits_at_least: Option<u32>,
    /// Does a private key stand in the same file?
    private_key: Option<bool>,
    /// Look through symbolic links on the way to it, beneath the root of the host. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// When: what validity is counted from.
    at: Timestamp,
    found: Found,
}

impl X509 {
    fn of_one(&self) -> [(&'static str, bool); 10] {
        [
            ("sha256", self.sha256.is_some()),
            ("subject_cn", self.subject_cn.is_some()),
            ("names", self.names.is_some()),
            ("covers", self.covers.is_some()),
            ("issuer", self.issuer.is_some()),
            ("self_signed", self.self_signed.is_some()),
            ("valid_for", self.valid_for.is_some()),
            ("algorithm", self.algorithm.is_some()),
            ("bits_at_least", self.bits_at_least.is_some()),
            ("private_key", self.private_key.is_some()),
        ]
    }

    fn compare(&self, facts: &Facts, at: Timestamp, found: &mut Comparison) {
        if let Some(wanted) = self.sha256
            && wanted != facts.sha256
        {
            let (wanted, is) = (format!("{wanted:?}"), format!("{:?}", facts.sha256));
            found.differences.push(Difference::new("sha256", wanted, is));
        }
        // What was observed is escaped, so what is wanted is as well.
        let text =
            |wanted: &Option<String>| wanted.as_deref().map(|text| escape(text).into_owned());
        let wanted = text(&self.subject_cn);
        if wanted.is_some() && wanted != facts.subject_cn {
            found.differences.push(Difference::new("subject_cn", wanted, facts.subject_cn.clone()));
        }
        self.compare_names(facts, found);
        found.expect("issuer", text(&self.issuer).as_ref(), &facts.issuer);
        found.expect("self_signed", self.self_signed.as_ref(), &facts.self_issued);
        if self.valid_for.is_some() && facts.not_before > at {
            let wanted = format!("{at} or sooner");
            let difference = Difference::new("not_before", wanted, facts.not_before.to_string());
            found.differences.push(difference);
        }
        validity::compare("not_after", self.valid_for, Some(facts.not_after), at, found);
        found.expect("algorithm", self.algorithm.as_ref(), &facts.algorithm);
        if let Some(least) = self.bits_at_least
            && facts.bits.is_none_or(|bits| bits < least)
        {
            found.differences.push(Difference::new("bits_at_least", least, facts.bits));
        }
    }

    fn compare_names(&self, facts: &Facts, found: &mut Comparison) {
        if let Some(names) = &self.names {
            let wanted: BTreeSet<_> = names.iter().map(|name| escape(name).into_owned()).collect();
            if !wanted.iter().eq(&facts.names) {
                let wanted: Vec<String> = wanted.into_iter().collect();
                found.differences.push(Difference::new("names", wanted, facts.names.clone()));
            }
        }
        let is_covered = |name: &String| facts.names.iter().any(|of| covers(of, name));
        for name in self.covers.iter().flatten().filter(|name| !is_covered(name)) {
            let (field, wanted) = (format!("covers.{}", escape(name)), "covered");
            found.differences.push(Difference::new(field, wanted, "not covered"));
        }
    }
}

/// Is a certificate for `of` good for `name`? A star stands for exactly one label, the first.
fn covers(of: &str, name: &str) -> bool {
    if of.eq_ignore_ascii_case(name) {
        return true;
    }
    let (Some(domain), Some((label, below))) = (of.strip_prefix("*."), name.split_once('.')) else {
        return false;
    };
    !label.is_empty()
        && !label.contains('*')
        && domain.contains('.')
        && domain.eq_ignore_ascii_case(below)
}

impl Kind for X509 {
    const NAME: &'static str = "x509";
    const ABOUT: &'static str = "a certificate in a file: names, issuer, expiry, fingerprint";
    const DOC: &'static str = "\
The key is the absolute path of a file in PEM or DER. Without other keys a certificate must stand in it. Of several the first
one is meant: that is the server's own, before those of its issuers.

`valid_for` is counted from the moment of the look, and includes that the certificate is valid already. `names` are the
alternative names (SAN) and no others; `covers` asks what clients ask, a star standing for one label. The common name of the
subject counts for neither, as clients no longer look at it.

What the certificate says about itself is compared. No chain is built, no signature verified and no revocation looked up;
`self_signed` means that subject and issuer are the same.

`private_key` tells whether a private key stands in the same file. It is never decoded, and whether it belongs to the
certificate is not asked.

What stands at the path is looked at without following it, and a symbolic link is a difference of `type`. Name the file that
it leads to.";
    const EXAMPLE: &'static str = r#"
[x509."/etc/ssl/certs/site.pem"]
covers = ["www.example.org", "example.org"]
issuer = "CN=R11,O=Let's Encrypt,C=US"
valid_for = "14d"
private_key = false
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "certificate",
        value: "FILE",
        help: "A certificate: names, issuer, algorithm",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_name(name, problems);
        presence::check(self.present, &self.of_one(), problems);
        for name in
            self.covers.iter().flatten().filter(|name| name.contains('*') || name.is_empty())
        {
            let message = format!("`{}` is no name that somebody could ask for", escape(name));
            problems.push(Problem::key("covers", Code::WrongType, message));
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "through_links": self.through_links })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let at = world.now;
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        let look = move |host: &Host, path: &str, spec: &Arc<Self>| {
            let links = Links::through(spec.through_links);
            certificate::read(host, Path::new(path), links).map(|found| Seen { at, found })
        };
        world.sweep(items, look).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = path::asked(asked)?;
        let draft = world.ask(move |host| draft(host, &asked)).await?;
        Ok(Adopted { drafts: draft.into_iter().collect(), unseen: Vec::new() })
    }

    fn diff(&self, _path: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        if !presence::compare(self.present, observed.found != Found::Absent, &mut found) {
            return found;
        }
        match &observed.found {
            Found::Absent => {}
            Found::Other(actual) => {
                found.differences.push(Difference::new("type", FileType::File, *actual));
            }
            Found::Held { certificate, private_key, .. } => {
                self.compare(certificate, observed.at, &mut found);
                found.expect("private_key", self.private_key.as_ref(), private_key);
                found.seen = Some(brief(certificate));
            }
        }
        found
    }
}

fn brief(facts: &Facts) -> String {
    // Escaped already.
    let name = facts.names.first().or(facts.subject_cn.as_ref());
    let name = name.map_or_else(|| "no name".to_owned(), |name| escaped_line(name, 60));
    format!("{name}, {}", validity::brief(Some(facts.not_after)))
}

fn draft(host: &Host, path: &str) -> Result<Option<Draft>, Unknown> {
    let (facts, private_key) = match certificate::read(host, Path::new(path), Links::Refuse)? {
        Found::Held { certificate, private_key, .. } => (certificate, private_key),
        Found::Other(_) => return Err(path::not_a(FileType::File)),
        Found::Absent => return Ok(None),
    };
    // What had to be escaped would be escaped once more, and nobody wants such a name.
    let is_plain = |text: &String| !text.contains('\\');
    let names = Some(facts.names.clone());
    let names = names.filter(|names| !names.is_empty() && names.iter().all(is_plain));
    let issuer = Some(facts.issuer.clone()).filter(is_plain);
    let draft = Draft::new(path).set("names", names).set("issuer", issuer);
    let draft = draft.set("algorithm", facts.algorithm.clone()).set("private_key", private_key);
    Ok(Some(draft.comment(format!("{}, {:?}", brief(&facts), facts.sha256))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{Root, adopted, check, prepare};

    /// Made once by OpenSSL: `CN=site`, for `www.example.org` and `*.example.net`, ed25519.
    const PEM: &str = include_str!("x509/site.pem");

    fn root() -> Root {
        let root = Root::new();
        root.file("c.pem", PEM.as_bytes()).link("l.pem", "c.pem").file("text", b"hello");
        let key = "-----BEGIN PRIVATE KEY-----\nnot even base64!\n-----END PRIVATE KEY-----\n";
        root.file("both.pem", format!("{key}{PEM}").as_bytes());
        root
    }

    #[test]
    fn a_certificate_is_compared_with_its_table() {
        let root = root();
        let cases: &[(&str, &str, &[&str])] = &[
            ("/c.pem", "", &[]),
            (
                "/c.pem",
                "subject_cn = 'site'\nissuer = 'CN=site'\nself_signed = true\nalgorithm = 'ed25519'\n\
                 names = ['www.example.org', '*.example.net']\nprivate_key = false",
                &[],
            ),
            ("/c.pem", "covers = ['WWW.example.org', 'a.example.net']", &[]),
            (
                "/c.pem",
                "covers = ['example.org', 'a.b.example.net', 'www.example.org']",
                &[
                    "covers.example.org \"covered\" \"not covered\"",
                    "covers.a.b.example.net \"covered\" \"not covered\"",
                ],
            ),
            (
                "/c.pem",
                "names = ['www.example.org']",
                &["names [\"www.example.org\"] [\"*.example.net\",\"www.example.org\"]"],
            ),
            ("/c.pem", "subject_cn = 'other'", &["subject_cn \"other\" \"site\""]),
            ("/c.pem", "issuer = 'CN=R11'", &["issuer \"CN=R11\" \"CN=site\""]),
            ("/c.pem", "self_signed = false", &["self_signed false true"]),
            ("/c.pem", "algorithm = 'rsa2048'", &["algorithm \"rsa2048\" \"ed25519\""]),
            ("/c.pem", "bits_at_least = 2048", &["bits_at_least 2048 null"]),
            ("/both.pem", "private_key = false", &["private_key false true"]),
            ("/both.pem", "private_key = true\nsubject_cn = 'site'", &[]),
            ("/c.pem", "present = false", &["presence \"absent\" \"present\""]),
            ("/none", "present = false", &[]),
            ("/none", "valid_for = '1d'", &["presence \"present\" \"absent\""]),
            ("/l.pem", "", &["type \"file\" \"symlink\""]),
            ("/text", "", &["blind malformed"]),
        ];
        for (name, toml, expected) in cases {
            check::<X509>(&root, name, toml, expected);
        }
        let none = "0".repeat(64);
        let (spec, _) = prepare::<X509>("/c.pem", &format!("sha256 = '{none}'"));
        let found = crate::kinds::test_world::compare(&root, "/c.pem", spec).expect("seen");
        assert_eq!(found.differences[0].field, "sha256");
    }

    #[test]
    fn validity_has_two_ends() {
        let seen = |not_before: i64, not_after: i64| {
            let root = root();
            let (spec, _) = prepare::<X509>("/c.pem", "valid_for = '1d'");
            let host = root.world().host;
            let found = certificate::read(&host, Path::new("/c.pem"), Links::Refuse);
            let Ok(Found::Held { mut certificate, certificates, private_key }) = found else {
                panic!("{found:?}");
            };
            certificate.not_before = Timestamp::from_unix_seconds(not_before);
            certificate.not_after = Timestamp::from_unix_seconds(not_after);
            let found = Found::Held { certificate, certificates, private_key };
            let at = Timestamp::from_unix_seconds(1_000_000);
            let found = spec.diff("/c.pem", &Seen { at, found });
            found.differences.into_iter().map(|d| d.field).collect::<Vec<_>>()
        };
        assert_eq!(seen(1_000_000, 1_086_400), [""; 0]);
        assert_eq!(seen(1_000_000, 1_086_399), ["not_after"]);
        assert_eq!(seen(1_000_001, 1_086_400), ["not_before"]);
    }

    #[test]
    fn a_star_stands_for_one_label() {
        for (of, name, good) in [
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "a.b.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.org", "example.org", false),
            ("*.example.org", ".example.org", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("example.org", "EXAMPLE.org", true),
        ] {
            assert_eq!(covers(of, name), good, "{of} {name}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for (name, toml) in [
            ("/c.pem", "present = false\nvalid_for = '1d'"),
            ("/c.pem", "covers = ['*.example.org']"),
            ("c.pem", ""),
        ] {
            assert_eq!(prepare::<X509>(name, toml).1.len(), 1, "{toml}");
        }
    }

    #[test]
    fn a_certificate_is_written_down() {
        let root = root();
        let keys = adopted::<X509>(&root, "/c.pem").expect("seen").drafts.remove(0).keys;
        let names: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
        assert_eq!(names, ["names", "issuer", "algorithm", "private_key"]);
        assert_eq!(adopted::<X509>(&root, "/none").expect("seen").drafts, []);
        for path in ["/l.pem", "c.pem", "/text"] {
            assert!(adopted::<X509>(&root, path).is_err(), "{path}");
        }
    }
}
