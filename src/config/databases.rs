//! `[database.NAME]` and `[prove]`: how each database is reached for each purpose, and which contracts may run there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::file::SessionSection;
use super::load::Sections;
use super::place::secret_in_url;
use super::{Config, Setting};
use crate::model::{Code, Diagnostic, Digest};

/// `[database.NAME]`: how to reach a database, once for each purpose.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DatabaseSection {
    /// The session that looks: a role without any right to change something.
    observer: Option<SessionSection>,
    /// The sessions that prove: the roles of the application itself.
    prover: Option<ProverSection>,
    /// The session that applies.
    executor: Option<SessionSection>,
}

/// How proofs reach a database.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProverSection {
    /// As that of an observer, without a user: who logs in is the role of each proof.
    pub url: String,
    /// The roles that a proof may log in as.
    pub roles: Vec<String>,
    /// For a role that has a password: the file that holds it and nothing else, readable by its owner alone.
    #[serde(default)]
    pub password_files: BTreeMap<String, PathBuf>,
}

impl ProverSection {
    /// The way in for one role; `None` for one that no proof may log in as.
    #[must_use]
    pub fn session(&self, role: &str) -> Option<(SessionSection, String)> {
        let role = self.roles.iter().find(|known| *known == role)?.clone();
        let password_file = self.password_files.get(&role).cloned();
        Some((SessionSection { url: self.url.clone(), password_file }, role))
    }
}

/// `[prove]`: which contracts may run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProveSection {
    /// Digests of contracts, as `countersign prove --list` prints them; "rehearsal" for statements of plans that are sealed;
    /// "any" below a sandbox.
    #[serde(default)]
    admit: Vec<String>,
}

/// Which contracts a host lets run. None, unless its configuration says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admit {
    /// These.
    pub digests: BTreeSet<Digest>,
    /// Any at all, which only a sandbox may say.
    pub any: bool,
    /// Those that people have signed for, as the trust file lets them.
    pub signed: bool,
    /// The statements of a plan, when it is sealed.
    pub rehearsal: bool,
}

impl Admit {
    /// May a contract with this digest run, whoever signed for it?
    #[must_use]
    pub fn contract(&self, digest: Digest) -> bool {
        self.any || self.digests.contains(&digest)
    }

    /// The words of the file that say the same.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let flags = [(self.any, "any"), (self.signed, "signed"), (self.rehearsal, "rehearsal")];
        let flags = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word.to_owned());
        flags.chain(self.digests.iter().map(|digest| format!("{digest:?}"))).collect()
    }
}

impl Sections<'_, '_> {
    /// `whole`: was what else the file says about the place understood?
    pub(super) fn prove(&mut self, config: &mut Config, whole: bool) {
        let Some(section) = self.section::<ProveSection>("prove") else { return };
        let mut admit = Admit::default();
        let place = self.all.value_span("prove").unwrap_or_default();
        for word in section.admit {
            let fault = match word.as_str() {
                "any" if config.sandbox || !whole => {
                    admit.any = true;
                    continue;
                }
                "any" => (
                    Code::Contradiction,
                    "\"any\" is for a sandbox: a machine admits contracts one by one",
                ),
                "rehearsal" => {
                    admit.rehearsal = true;
                    continue;
                }
                "signed" => {
                    admit.signed = true;
                    continue;
                }
                word => match word.strip_prefix("sha256:").map(str::parse::<Digest>) {
                    Some(Ok(digest)) => {
                        admit.digests.insert(digest);
                        continue;
                    }
                    _ => (
                        Code::WrongType,
                        "`admit` holds digests such as \"sha256:…\", \"signed\" or \"rehearsal\"",
                    ),
                },
            };
            let error = Diagnostic::error(fault.0, self.all.file(), place.clone(), fault.1);
            self.found
                .push(error.hint("`countersign prove --list` prints the digest of each contract"));
        }
        config.admit = Setting::file(admit);
    }

    pub(super) fn databases(&mut self, config: &mut Config) {
        let Some(table) = self.table("database") else { return };
        let mut wrong = Vec::new();
        for (name, _) in table.keys() {
            let section = match table.table(&name) {
                Ok(Some(section)) => section,
                Ok(None) => continue,
                Err(error) => {
                    wrong.push(error);
                    continue;
                }
            };
            let (decoded, errors) = section.decode::<DatabaseSection>();
            wrong.extend(errors);
            let Some(DatabaseSection { observer, prover, executor }) = decoded else { continue };
            let urls = [&observer, &executor].into_iter().flatten().map(|one| &one.url);
            let faults = urls
                .chain(prover.iter().map(|one| &one.url))
                .filter_map(|url| secret_in_url(url).map(|why| (Code::InsecureFile, why)));
            let faults = faults.chain(prover.iter().filter_map(fault));
            wrong.extend(faults.map(|(code, reason)| {
                Diagnostic::error(code, section.file(), section.header(), reason)
            }));
            let kept = |mut session: SessionSection| {
                session.password_file = session.password_file.map(|file| self.base.join(file));
                (name.clone(), Setting::file(session))
            };
            config.observers.extend(observer.map(kept));
            config.executors.extend(executor.map(kept));
            config.provers.extend(prover.map(|mut prover| {
                for file in prover.password_files.values_mut() {
                    *file = self.base.join(&*file);
                }
                (name.clone(), Setting::file(prover))
            }));
        }
        self.found.extend(wrong);
    }
}

/// What is wrong with the way in for proofs.
fn fault(prover: &ProverSection) -> Option<(Code, String)> {
    let stray = prover.password_files.keys().find(|role| !prover.roles.contains(role));
    match stray {
        Some(role) => {
            let message = format!("`password_files` names `{role}`, which is none of `roles`");
            Some((Code::Reference, message))
        }
        None if prover.roles.is_empty() => {
            Some((Code::Empty, "`roles` of `prover` is empty, so no proof may log in".to_owned()))
        }
        None => None,
    }
}
