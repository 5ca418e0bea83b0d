//! `countersign trust`: what the trust file says, what is doubtful about it, and a copy for stock OpenSSH.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit, trusting};
use crate::action::Action;
use crate::config::trust::{Attest, Policy, Remote, Separation};
use crate::config::{ConfigError, Trust};
use crate::model::{Clock as _, SourceLine, SystemClock};
use crate::package::signed::NAMESPACE as REPORT;
use crate::report::diagnostics;
use crate::{approval, killswitch};

/// The largest trust file that is read from an argument.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Check and show who may approve what
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without FILE it is trust.toml beside the configuration, which has to belong to root (or, for a sandbox, to \
                  you), below folders that nobody else can write."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Tell everything that is wrong or doubtful: one key under two names, a quorum that cannot be met, …
    Lint(Named),
    /// Print approvers, committers and policies
    Show(Named),
    /// Print the approvers in the form that `ssh-keygen -Y verify -f` reads
    ExportAllowedSigners(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// A trust file
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (What::Lint(named) | What::Show(named) | What::ExportAllowedSigners(named)) =
        &arguments.what;
    let (trust, text) = read(named.file.as_deref(), global)?;
    match &arguments.what {
        What::Lint(_) => lint(&trust, &text, output),
        What::Show(_) => output.write(|out| show(&trust, out)),
        What::ExportAllowedSigners(_) => {
            let signers = trust.allowed_signers(&[
                approval::NAMESPACE,
                approval::ATTESTATION,
                killswitch::NAMESPACE,
                REPORT,
            ]);
            output.write(|out| out.write_all(signers.as_bytes()))
        }
    }?;
    Ok(exit::OK)
}

/// The trust file with its text, to draw places in it.
fn read(file: Option<&Path>, global: &Global) -> Result<(Trust, String), Failure> {
    let Some(file) = file else {
        let config = context::config(global, false)?;
        let trust = trusting::trust(&config)?;
        let text = text(Path::new(&trust.file))?;
        return Ok((trust, text));
    };
    let text = text(file).map_err(|error| {
        Failure { hint: None, ..Failure::from(error) }
            .hint("name a trust file, or none for that of this host")
    })?;
    Ok((Trust::parse(file, text.clone())?, text))
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn lint(trust: &Trust, text: &str, output: &Output) -> Result<(), Failure> {
    let found = trust.lint(SystemClock.now(), Action::NAMES);
    let line_of = |_: &str, at| SourceLine::find(&text.as_bytes(), at);
    let drawn = diagnostics::draw(&found, &line_of, super::error::width());
    output.write(|out| {
        out.write_all(drawn.as_bytes())?;
        let counts = [
            (trust.approvers.len(), "approver"),
            (trust.committers.len(), "committer"),
            (trust.policies.len(), "policy"),
            (found.len(), "warning"),
        ];
        let counts = counts.map(|(count, noun)| match (count, noun) {
            (1, noun) => format!("1 {noun}"),
            (count, "policy") => format!("{count} policies"),
            (count, noun) => format!("{count} {noun}s"),
        });
        writeln!(out, "{}", counts.join(", "))
    })
}

fn show(trust: &Trust, out: &mut dyn Write) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{:?}", trust.digest)?;
    writeln!(out, "\n{bold}Approvers{bold:#}")?;
    for (name, one) in &trust.approvers {
        let roles: Vec<&str> = one.roles.iter().map(String::as_str).collect();
        let marks = [
            (one.require_touch, "  touch"),
            (one.require_pin, "  PIN"),
            (one.revoked, "  REVOKED"),
        ];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        writeln!(out, "  {name}  as {}{marks}", roles.join(", "))?;
        keys(trust, &one.keys, out)?;
    }
    writeln!(out, "\n{bold}Committers{bold:#}")?;
    for (name, one) in &trust.committers {
        writeln!(out, "  {name}{}", if one.revoked { "  REVOKED" } else { "" })?;
        keys(trust, &one.keys, out)?;
    }
    if let Some(one) = &trust.attest {
        writeln!(out, "\n{bold}Attestations{bold:#}")?;
        attest(one, out)?;
    }
    writeln!(out, "\n{bold}Policies{bold:#}")?;
    trust.policies.iter().try_for_each(|(name, one)| policy(name, one, out))
}

fn attest(attest: &Attest, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |key: &str, roles: BTreeSet<String>| {
        let roles: Vec<String> = roles.into_iter().collect();
        let roles = if roles.is_empty() { "nobody".to_owned() } else { roles.join(", ") };
        writeln!(out, "  {key:18} {roles}")
    };
    line("states as", attest.roles.clone())?;
    line("explains drift as", attest.explainers())?;
    line("and of guards as", attest.guards.clone())?;
    line("admits proofs as", attest.contracts.clone())?;
    writeln!(out, "  {:18} at most {}", "lifetime", attest.lifetime)
}

fn keys(trust: &Trust, keys: &[crate::model::SshKey], out: &mut dyn Write) -> io::Result<()> {
    keys.iter().try_for_each(|key| {
        let revoked = if trust.is_revoked(key) { "  REVOKED" } else { "" };
        let place = if key.is_security_key() { "  in a security key" } else { "" };
        writeln!(out, "      {}{place}{revoked}", key.fingerprint())
    })
}

fn policy(name: &str, policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let join = |names: Vec<String>| names.join(", ");
    let all = |names: &std::collections::BTreeSet<String>| join(names.iter().cloned().collect());
    let roles = policy.require.iter().map(|(role, min)| format!("{min} as {role}"));
    writeln!(out, "  {name}")?;
    let mut line = |key: &str, value: String| {
        if value.is_empty() { Ok(()) } else { writeln!(out, "      {key:9} {value}") }
    };
    line("needs", format!("{} people: {}", policy.total, join(roles.collect())))?;
    line("actions", all(&policy.actions))?;
    line("paths", join(policy.roots.iter().map(|root| crate::model::shown_path(root)).collect()))?;
    line("databases", all(&policy.databases))?;
    line("units", join(policy.units.clone()))?;
    line("steps", format!("at most {}", policy.max_steps))?;
    line("lifetime", format!("at most {}", policy.lifetime))?;
    line("windows", join(policy.windows.iter().map(ToString::to_string).collect()))?;
    line("freeze", join(policy.freeze.iter().map(ToString::to_string).collect()))?;
    line(
        "authors",
        match policy.separation {
            Separation::Author => "do not approve what follows from their commits".to_owned(),
            Separation::None => "may approve what follows from their commits".to_owned(),
        },
    )?;
    line(
        "remote",
        match policy.remote {
            Remote::Required => "statements of the repository have to be fetched".to_owned(),
            Remote::Offline => "statements that are here are enough".to_owned(),
        },
    )
}
