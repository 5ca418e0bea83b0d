//! `countersign approve`: a person reads a plan and signs what they think of it, with the key they have.
//!
//! The one verb that starts a program of the operator's: `ssh-keygen`, which knows agents, security keys and passphrases.

mod seen;
pub(super) mod sign;
mod status;

use std::path::PathBuf;

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit, show, signing, statements, trusting};
use crate::approval::{
    About, Authors, Decision, NAMESPACE, Refusal, Signed, Statement, Word, against_signer,
};
use crate::config::strict;
use crate::model::display::escape;
use crate::model::{Clock as _, Digest, Period, SystemClock};
use crate::plan::{self, Mark, Plan};
use seen::Seen;

/// How long a statement counts when nobody says otherwise.
const EXPIRES: &str = "1h";

/// Sign what you think of a plan; say what is missing; take statements over
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Shows the plan, asks for the first six digits of its digest, writes a statement and has `ssh-keygen` sign it. \
                  The statement goes to PLAN.NAME.statement with .sig beside it; with -o FILE both go to that file. Sign on \
                  your own machine, and never forward its agent to a machine that is managed: its root can sign with it."
)]
#[command(group = clap::ArgGroup::new("what").args(["name", "status", "import"]).required(true))]
pub(super) struct Arguments {
    /// The file of a plan
    #[arg(value_name = "PLAN", required_unless_present = "import")]
    plan: Option<PathBuf>,
    /// Who you are, by the name of the host's trust file
    #[arg(long = "as", value_name = "NAME", requires_all = ["role", "reason"])]
    name: Option<String>,
    /// In which of your roles you decide
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The key to sign with; the public one for a key in an agent [default: what is in ~/.ssh]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How long it counts
    #[arg(long, value_name = "TIME", default_value = EXPIRES)]
    expires: Period,
    /// approve, reject (never, whoever else approves) or revoke (no longer)
    #[arg(long, value_name = "DECISION", default_value = "approve", value_parser = decision)]
    decision: Decision,
    /// The whole digest, for scripts that do not ask
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// A signed checkpoint of a ledger that the plan names, to be cited: the ledger can then not be shortened unnoticed
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Sign although this is a session over ssh
    #[arg(long)]
    i_am_remote: bool,
    /// Say what of the approval is there, and what is missing
    #[arg(long)]
    status: bool,
    /// A statement, with its signature in it or beside it
    #[arg(long, value_name = "FILE", requires = "status")]
    approval: Vec<PathBuf>,
    /// Keep statements for `apply`
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "plan")]
    import: Vec<PathBuf>,
}

fn decision(text: &str) -> Result<Decision, String> {
    text.parse().map_err(|()| "approve, reject or revoke is meant".to_owned())
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    if !arguments.import.is_empty() {
        return import(&arguments.import, global, output);
    }
    let Some(file) = &arguments.plan else {
        return Err(Failure::new(exit::USAGE, "name the file of a plan"));
    };
    if arguments.status {
        return status::run(file, &arguments.approval, global, output);
    }
    signing::require_presence(arguments.i_am_remote)?;
    let (plan, bytes, carried) = show::read_carried(file)?;
    let digest = Digest::of(&bytes);
    let seen = Seen::of(&plan, &carried, &arguments.checkpoint, output)?;
    confirm(arguments, &plan, digest, &output.printed())?;
    let statement = statement(arguments, &plan, digest, &seen);
    let text = statement.text().ok_or_else(|| {
        Failure::new(
            exit::USAGE,
            "name, role and reason are each one line of text that shows all that it holds",
        )
        .hint("name and role are one word; the reason has no blanks at its ends")
    })?;
    let key = sign::key(arguments.key.as_deref())?;
    let signature = sign::sign(&key, text.as_bytes(), NAMESPACE)?;
    seen.keep(output);
    let origin = file.display().to_string();
    let signed = Signed { statement: text.into_bytes(), signature, origin };
    let written = signing::write(&signed, file, &statement.approver, output.file())?;
    let shown = escape(&written.display().to_string()).into_owned();
    let (who, decision) = (&statement.approver, statement.decision);
    let until = statement.expires;
    output.printed().write(|out| {
        writeln!(out, "{who} as {}: {decision} until {until}", statement.role)?;
        writeln!(out, "statement sha256:{} in {shown}", signed.id())
    })?;
    if let Some(refusal) = here(&signed, &plan, global) {
        output.say(&format!(
            "warning: by the trust file of this host it counts for nothing: {}: {refusal}\n",
            refusal.word.code()
        ));
    }
    Ok(exit::OK)
}

/// Shows the plan, and has its digest repeated.
fn confirm(
    arguments: &Arguments,
    plan: &Plan,
    digest: Digest,
    output: &Output,
) -> Result<(), Failure> {
    let verb = arguments.decision.to_string();
    let matter = signing::Matter {
        noun: "plan",
        verb: &verb,
        read_first: "`countersign show PLAN`",
        digest,
    };
    signing::confirm(&matter, arguments.digest.as_deref(), output, || {
        output.write(|out| plan::show(plan, (digest, None), Mark::None, true, out))
    })
}

fn statement(arguments: &Arguments, plan: &Plan, digest: Digest, seen: &Seen) -> Statement {
    // Who signed the commits is the host's to find out.
    let about = About::of(plan, digest, Authors::Unknown(String::new()));
    let now = SystemClock.now();
    let summary = about.summary();
    Statement {
        decision: arguments.decision,
        plan: digest,
        plan_id: about.plan_id,
        host: about.host,
        commit: about.commit,
        summary,
        approver: arguments.name.clone().unwrap_or_default(),
        role: arguments.role.clone().unwrap_or_default(),
        reason: arguments.reason.clone().unwrap_or_default(),
        not_before: now,
        expires: now.after(arguments.expires),
        checkpoints: seen.cited(),
    }
}

/// What the trust file of the plan's host has against a statement, where this is that host: elsewhere nobody can tell.
fn here(signed: &Signed, plan: &Plan, global: &Global) -> Option<Refusal> {
    let config = context::config(global, false).ok()?;
    let same = config.host.value.as_deref() == Some(&*plan.host.name);
    let trust = trusting::trust(&config).ok().filter(|_| same)?;
    against_signer(signed, &trust, SystemClock.now())
}

fn import(files: &[PathBuf], global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = strict::load(&global.overrides())?;
    let trust = trusting::trust(&config)?;
    let signed = files.iter().map(|file| statements::of_file(file, statements::PLAN));
    let signed: Vec<Signed> = signed.collect::<Result<_, _>>()?;
    // All or none: whoever reads the refusal knows that nothing was kept. What counts only later may be kept for then.
    let against = signed.iter().filter_map(|one| against_signer(one, &trust, SystemClock.now()));
    let against: Vec<Refusal> = against.filter(|one| one.word != Word::NotYetValid).collect();
    if !against.is_empty() {
        return Err(against.into());
    }
    let mut told = Vec::new();
    for signed in signed {
        let (plan, statement) = statements::plan_of(&signed)?;
        statements::store(&config, plan, &signed)?;
        let (who, role, decision) = (statement.approver, statement.role, statement.decision);
        told.push(format!("{who} as {role}: {decision} of sha256:{plan}"));
    }
    output.write(|out| told.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(exit::OK)
}
