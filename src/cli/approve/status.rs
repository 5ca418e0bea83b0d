//! `approve --status`: what of the approval of a plan is there, what does not count and why, and who is missing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::error::Failure;
use super::super::output::Output;
use super::super::{Global, context, exit, show, statements, trusting};
use crate::approval::{About, Judgement, Question, could_approve, judge};
use crate::config::Trust;
use crate::model::display::escape;
use crate::model::{Clock as _, Digest, SystemClock};

pub(super) fn run(
    file: &Path,
    approvals: &[PathBuf],
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    let trust = trusting::trust(&config)?;
    let (plan, bytes) = show::read(file)?;
    let digest = Digest::of(&bytes);
    let gathered = statements::gather(&config, digest, approvals, false)?;
    let about = About::of(&plan, digest, statements::authors(&config, &trust, &plan)?);
    let judgement = judge(&Question {
        about: &about,
        statements: &gathered.statements,
        trust: &trust,
        now: SystemClock.now(),
        consumed: statements::consumed(&config, &plan, digest)?,
        remote: &gathered.remote,
    });
    output.write(|out| text(&judgement, &about, &trust, out))?;
    Ok(if judgement.against.is_empty() { exit::OK } else { judgement.exit() })
}

fn text(judged: &Judgement, about: &About, trust: &Trust, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "plan sha256:{}: {}", about.plan, about.summary())?;
    match &judged.policy {
        Some(policy) => writeln!(out, "policy {policy}")?,
        None => writeln!(out, "no policy covers it")?,
    }
    for one in &judged.accepted {
        let (who, role) = (escape(&one.approver), escape(&one.role));
        writeln!(out, "  approved  {who} as {role}, until {} ({})", one.expires, one.key)?;
    }
    for refusal in &judged.refused {
        let (code, detail) = (refusal.word.code(), escape(&refusal.detail));
        writeln!(out, "  refused   {code}: {}: {detail}", refusal.word.title())?;
    }
    let policy = judged.policy.as_ref().and_then(|name| trust.policies.get(name));
    for missing in &judged.missing {
        write!(out, "  missing   {missing}")?;
        let could = policy
            .map(|policy| could_approve(trust, policy, missing.role.as_deref(), &judged.accepted));
        match could.as_deref() {
            Some([]) => writeln!(out, "; nobody of the trust file could")?,
            Some(names) => writeln!(out, "; could: {}", names.join(", "))?,
            None => writeln!(out)?,
        }
    }
    for refusal in &judged.against {
        let (code, detail) = (refusal.word.code(), escape(&refusal.detail));
        writeln!(out, "  against   {code}: {}: {detail}", refusal.word.title())?;
        writeln!(out, "            {}", refusal.word.hint())?;
    }
    let verdict = if judged.against.is_empty() { "APPROVED" } else { "NOT APPROVED" };
    writeln!(out, "{verdict}")
}
