//! `[gpg_key."KEYRING/FINGERPRINT"]`: a key in a GnuPG keyring, or with a pattern all the keys that may be in it.
//!
//! Each keyring is read once for all its resources. What is compared is what the keyring says; no signature is verified.

mod name;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed, no_answer,
    not_recorded, path, presence, validity,
};
use crate::action::{Content, Depth, Mended, Needs, Surroundings};
use crate::model::{Comparison, Difference, Evidence, Period, Reason, Timestamp, Unknown};
use crate::probe::World;
use crate::probe::host::{FileType, Host, Links};
use crate::probe::openpgp::{self, Expiry, Key};
use name::Named as KeyName;

/// The table of a key, or of all keys of a keyring.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GpgKey {
    /// `false`: no key of that fingerprint may be in the keyring. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// For a name with a `*`: the names of all keys that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
    /// `true`: no secret key lies beside it. In a home, that is the whole folder of private keys. Default: false.
    #[serde(default)]
    public_only: bool,
    /// As GnuPG writes it, such as "rsa4096" or "ed25519".
    algorithm: Option<String>,
    /// The modulus has at least so many bits. A key on a curve has none.
    bits_at_least: Option<u32>,
    /// It does not expire sooner than that, such as "30d"; nor do all of its subkeys for encryption, if it has any.
    valid_for: Option<Period>,
    /// A file of desired state with the public key, such as "files/backup.asc": from it a plan imports the key where it is
    /// missing.
    source: Option<String>,
    /// Look through symbolic links on the way to the keyring. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
    /// What `source` holds.
    #[serde(skip)]
    content: Option<Content>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    /// When: what validity is counted from.
    at: Timestamp,
    /// Those that the name means.
    keys: Vec<Key>,
    /// How many private keys lie in the home; asked only where the table says something about them.
    private: Option<Result<u64, Unknown>>,
}

impl GpgKey {
    /// The keyring, and whether links on the way to it are followed.
    fn ring<'a>(&self, name: &'a str) -> (&'a str, bool) {
        (KeyName::of(name).map_or(name, |name| name.keyring), self.through_links)
    }

    fn compare_one(&self, key: &Key, at: Timestamp, found: &mut Comparison) {
        if key.revoked {
            found.differences.push(Difference::new("revoked", false, true));
        }
        found.expect("algorithm", self.algorithm.as_ref(), &key.algorithm);
        if let Some(least) = self.bits_at_least
            && key.bits.is_none_or(|bits| bits < least)
        {
            found.differences.push(Difference::new("bits_at_least", least, key.bits));
        }
        self.compare_expiry("expires", key.expires, at, found);
        match key.encrypts {
            Some(expiry) => self.compare_expiry("encryption_expires", expiry, at, found),
            None if key.encrypting > 0 && self.valid_for.is_some() => {
                found.differences.push(Difference::new("encryption", "possible", "revoked"));
            }
            None => {}
        }
    }

    fn compare_expiry(&self, field: &str, expiry: Expiry, at: Timestamp, found: &mut Comparison) {
        match expiry {
            Expiry::At(expires) => {
                validity::compare(field, self.valid_for, Some(expires), at, found);
            }
            Expiry::Unsaid if self.valid_for.is_some() => {
                let detail = "no signature of the key over itself says until when it is valid";
                found.blind(field, Unknown::new(Reason::Undecidable, detail));
            }
            Expiry::Unsaid | Expiry::Never => {}
        }
    }

    fn compare_secrets(&self, seen: &Seen, found: &mut Comparison) {
        if !self.public_only {
            return;
        }
        let in_file = seen.keys.iter().filter(|key| key.secret).count() as u64;
        match &seen.private {
            Some(Ok(private)) if private + in_file == 0 => {}
            Some(Ok(private)) => {
                let is = match private + in_file {
                    1 => "1 private key".to_owned(),
                    count => format!("{count} private keys"),
                };
                found.differences.push(Difference::new("public_only", true, is));
            }
            Some(Err(unknown)) => found.blind("public_only", unknown.clone()),
            None => found.blind("public_only", not_recorded()),
        }
    }
}

impl Kind for GpgKey {
    const NAME: &'static str = "gpg_key";
    const ABOUT: &'static str =
        "a key of a GnuPG keyring: presence, expiry, revocation, public only";
    const DOC: &'static str = include_str!("gpg_key.md");
    const EXAMPLE: &'static str = r#"
[gpg_key."/root/.gnupg/*"]
only = ["/root/.gnupg/8D1F0A6C5B7E42930F4C6E8A1B2D3C4E5F60718A"]

[gpg_key."/root/.gnupg/8D1F0A6C5B7E42930F4C6E8A1B2D3C4E5F60718A"]
algorithm = "rsa4096"
valid_for = "30d"
public_only = true
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "gpg-keyring",
        value: "PATH",
        help: "A GnuPG home or keyring: the closed list of its keys, and each of them",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        name::check(name, self.only.as_deref().unwrap_or_default(), problems);
        let of_one = [
            ("algorithm", self.algorithm.is_some()),
            ("bits_at_least", self.bits_at_least.is_some()),
            ("valid_for", self.valid_for.is_some()),
            ("source", self.source.is_some()),
        ];
        let public_only = [("public_only", self.public_only)];
        presence::check(self.present, &[&of_one[..], &public_only].concat(), problems);
        let absent = [("present", !self.present)];
        closed::check(name, self.only.as_ref(), &[&of_one[..], &absent].concat(), problems);
        if let Some(source) = &self.source
            && !closed::is_pattern(name)
        {
            self.content = source::read(source, name, files, problems);
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "private": self.public_only, "through_links": self.through_links })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        // By keyring and how links are taken: does one of those who ask, ask about private keys?
        let mut asked: BTreeMap<(&str, bool), bool> = BTreeMap::new();
        for named in wanted {
            *asked.entry(named.spec.ring(&named.name)).or_default() |= named.spec.public_only;
        }
        let place = |(keyring, through): (&str, bool)| format!("{through} {keyring}");
        let items = asked.iter().map(|(ring, private)| {
            let links = Links::through(ring.1);
            (place(*ring), (ring.0.to_owned(), links, *private))
        });
        let look = |host: &Host, _: &str, (keyring, links, private): &(String, Links, bool)| {
            look(host, keyring, *links, *private)
        };
        let (read, at) = (world.sweep(items.collect(), look).await, world.now);
        let answer = |named: &Named<Self>| {
            let ring = named.spec.ring(&named.name);
            let looked = read.get(&place(ring)).ok_or_else(no_answer)?;
            let (keys, private) = looked.as_ref().map_err(Clone::clone)?;
            let is_meant = |key: &&Key| {
                closed::matches(&named.name, &format!("{}/{}", ring.0, key.fingerprint))
            };
            let keys = keys.iter().filter(is_meant).cloned().collect();
            Ok(Seen { at, keys, private: private.clone().filter(|_| named.spec.public_only) })
        };
        wanted.iter().map(|named| (named.name.clone(), answer(named))).collect()
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let keyring = path::asked(asked)?;
        world.ask(move |host| adopt(host, &keyring)).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        if let Some(only) = &self.only {
            let keyring = KeyName::of(name).map_or("", |name| name.keyring);
            let named = |key: &Key| (format!("{keyring}/{}", key.fingerprint), Some(brief(key)));
            closed::compare(only, &observed.keys.iter().map(named).collect(), &mut found);
            self.compare_secrets(observed, &mut found);
            return found;
        }
        if presence::compare(self.present, !observed.keys.is_empty(), &mut found) {
            // A file may hold a key twice, and whoever reads it may take either.
            for key in &observed.keys {
                self.compare_one(key, observed.at, &mut found);
            }
            found.differences.dedup();
            self.compare_secrets(observed, &mut found);
            found.seen = observed.keys.first().map(brief);
        }
        found
    }

    fn needs(&self, name: &str) -> Needs {
        let mut needs = Needs::default();
        if self.content.is_some() {
            needs.path(self.ring(name).0, Depth::Attributes);
        }
        needs
    }

    fn remedy(&self, name: &str, seen: &Seen, around: &Surroundings) -> Mended {
        source::remedy(self, name, seen, around)
    }
}

/// The keys of a keyring, and how many private ones lie beside them where somebody asks.
type Looked = (Vec<Key>, Option<Result<u64, Unknown>>);

fn look(host: &Host, keyring: &str, links: Links, private: bool) -> Result<Looked, Unknown> {
    let ring = openpgp::read(host, Path::new(keyring), links)?;
    let beside = || {
        if ring.home { openpgp::private_parts(host, Path::new(keyring), links) } else { Ok(0) }
    };
    let private = private.then(beside);
    Ok((ring.keys, private))
}

fn brief(key: &Key) -> String {
    let expires = match key.expires {
        Expiry::Unsaid => "expiry unsaid".to_owned(),
        Expiry::Never => validity::brief(None),
        Expiry::At(at) => validity::brief(Some(at)),
    };
    let revoked = if key.revoked { ", revoked" } else { "" };
    format!("{}, {expires}{revoked}", key.algorithm)
}

fn adopt(host: &Host, keyring: &str) -> Result<Adopted, Unknown> {
    if host.stat(Path::new(keyring), Links::Refuse)?.is_none() {
        return Ok(Adopted::default());
    }
    let (mut keys, private) = look(host, keyring, Links::Refuse, true)?;
    if keys.is_empty() && !is_keyring(host, keyring)? {
        let detail = "it is a folder without `pubring.kbx` or `pubring.gpg`; a keyring in it is named by its file";
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    keys.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    // One key may stand in a file twice.
    keys.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    let mut unseen = Vec::new();
    let public_only = match private {
        Some(Ok(private)) => private == 0 && keys.iter().all(|key| !key.secret),
        Some(Err(unknown)) => {
            unseen.push((format!("the private keys of {keyring}"), unknown));
            false
        }
        None => false,
    };
    let public_only = public_only.then_some(true);
    let named = |key: &Key| format!("{keyring}/{}", key.fingerprint);
    let all: Vec<String> = keys.iter().map(named).collect();
    let list = Draft::new(format!("{keyring}/*")).set("only", all).set("public_only", public_only);
    let comment = match public_only {
        Some(_) => "These are all the keys.",
        None => "These are all the keys. Private keys lie beside them, or nobody could look.",
    };
    let mut drafts = vec![list.comment(comment)];
    for key in &keys {
        if key.revoked {
            let detail = "the key is revoked; a resource that wants it would drift for ever";
            unseen.push((named(key), Unknown::new(Reason::NotSupported, detail)));
            continue;
        }
        let draft = Draft::new(named(key)).set("algorithm", key.algorithm.clone());
        drafts.push(draft.comment(format!("Made {}, {}.", key.created, brief(key))));
    }
    Ok(Adopted { drafts, unseen })
}

/// A file is one, and a folder in which GnuPG would find one: a folder of keyrings would be written down as empty.
fn is_keyring(host: &Host, path: &str) -> Result<bool, Unknown> {
    for ring in ["pubring.kbx", "pubring.gpg"] {
        if host.stat(&Path::new(path).join(ring), Links::Refuse)?.is_some() {
            return Ok(true);
        }
    }
    let stat = host.stat(Path::new(path), Links::Refuse)?;
    Ok(stat.is_some_and(|stat| stat.file_type != FileType::Directory))
}

#[cfg(test)]
mod tests;
