//! `countersign demo`: a sandbox of a host and its database, checked, changed, and checked again.

use std::path::PathBuf;

use super::error::Failure;
use super::exit;
use super::output::Output;
use crate::demo::desired::HOST;
use crate::demo::layout::{LayoutError, TREE};
use crate::demo::people;
use crate::demo::repository::Changes;
use crate::demo::sandbox::{self, Sandbox, SandboxError};

/// Lay out a sandbox host with a private database, and show what a check finds
#[derive(Debug, clap::Args)]
#[command(after_help = "Touches nothing but a folder of its own, needs no root, and cleans up.")]
pub(super) struct Arguments {
    /// Lay the sandbox out in DIR, leave it and its database running, and stop there
    #[arg(long, value_name = "DIR", conflicts_with = "down")]
    keep: Option<PathBuf>,
    /// End the sandbox in DIR and remove it
    #[arg(long, value_name = "DIR")]
    down: Option<PathBuf>,
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let failure = Self::of(exit::ERROR, &error);
        match &error {
            SandboxError::Layout(LayoutError::NotEmpty(folder)) => failure.hint(format!(
                "a sandbox that is there already is ended with `countersign demo --down {}`",
                folder.display()
            )),
            _ => failure,
        }
    }
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::of(exit::ERROR, &e))?;
    match (&arguments.keep, &arguments.down) {
        (_, Some(folder)) => {
            sandbox::down(folder)?;
            output.write(|out| writeln!(out, "removed {}", folder.display()))?;
        }
        (Some(folder), None) => {
            let sandbox = runtime.block_on(Sandbox::create(folder, true))?;
            kept(&sandbox, output)?;
        }
        (None, None) => show(&runtime, output)?,
    }
    Ok(exit::OK)
}

fn kept(sandbox: &Sandbox, output: &Output) -> Result<(), Failure> {
    let config = sandbox.config();
    let (config, folder) = (config.display(), sandbox.folder().display());
    output.write(|out| {
        writeln!(out, "a sandbox is up in {folder}\n")?;
        writeln!(out, "  countersign check --config {config}")?;
        writeln!(out, "  countersign demo --down {folder}\n")?;
        writeln!(
            out,
            "its host lies in {folder}/root, its desired state in {folder}/desired.git,"
        )?;
        writeln!(out, "its database answers at {}", sandbox.superuser_url())
    })
}

fn show(runtime: &tokio::runtime::Runtime, output: &Output) -> Result<(), Failure> {
    let sandbox = runtime.block_on(Sandbox::temporary())?;
    let story = Story { runtime, sandbox: &sandbox, output };
    let told = story.tell();
    // Cleans up whatever came of the story; its error is the first to tell.
    let removed = sandbox.remove();
    told?;
    removed?;
    story_end(output)
}

fn story_end(output: &Output) -> Result<(), Failure> {
    output.write(|out| {
        writeln!(
            out,
            "The sandbox is gone. `countersign demo --keep DIR` leaves one to try things in."
        )
    })
}

/// What somebody appends to a file of the tree.
const QUICK_FIX: &str = "# a quick fix, nobody will notice\n";

struct Story<'a> {
    runtime: &'a tokio::runtime::Runtime,
    sandbox: &'a Sandbox,
    output: &'a Output,
}

impl Story<'_> {
    fn tell(&self) -> Result<(), Failure> {
        self.say("1", "A host as it is: 82 listed files with their tests, constants, a repository, a database with its grants and triggers; and what git wants of it")?;
        let first = self.first_exit()?;
        self.check(&[], first)?;

        self.say("2", "Somebody edits a file on the host, and somebody deletes a row")?;
        let module = format!("{TREE}/cutter_agent/cutting.py");
        self.sandbox.append(&module, QUICK_FIX)?;
        self.did("host", &format!("a line is appended to {module}"))?;
        let delete = "DELETE FROM public.iu_lifecycle_log WHERE ctid = (SELECT max(ctid) FROM public.iu_lifecycle_log)";
        self.runtime.block_on(self.sandbox.sql(delete))?;
        self.did("database", delete)?;
        self.check(&["--only", "tree.*", "--only", "row_count.public.*"], exit::DRIFT)?;

        self.say("3", "A desired-state commit ratifies the milestone that is deployed, and wants one folder more")?;
        let before = self.ratify()?;
        let narrow = ["--only", "constant.milestone", "--only", "directory./opt/*"];
        self.check(&[&["--since", before.as_str()], &narrow[..]].concat(), exit::PENDING)?;
        self.provision()
    }

    /// GAP5: proposed, signed by two, made, and taken back.
    fn provision(&self) -> Result<(), Failure> {
        if !self.sandbox.signs() {
            return self.did(
                "note",
                "there is no ssh-keygen here, so nobody can sign and nothing is applied",
            );
        }
        self.say("4", "The folders that the cutter needs (GAP5): a plan is proposed, and runs only when two people have signed it")?;
        let file = |name: &str| self.sandbox.folder().join(name).to_string_lossy().into_owned();
        let (plan, undo) = (file("plan.json"), file("undo.json"));
        let cutter = ["check", "--only", "*./var/lib/cutter*", "-q"];
        self.run(&["plan", "--gap", "GAP5", "-o", &plan], exit::OK)?;
        self.run(&["apply", &plan], exit::APPROVAL)?;
        self.approved(&plan)?;
        self.run(&cutter, exit::OK)?;
        self.say(
            "5",
            "The same way back: it removes what it made, as long as it is as it was made",
        )?;
        self.run(&["plan", "--undo", &plan, "-o", &undo, "-q"], exit::OK)?;
        self.approved(&undo)?;
        self.run(&cutter, exit::DRIFT)?;
        self.prove()
    }

    /// What proofs rest on, made by a plan; and the nine proofs of the example.
    fn prove(&self) -> Result<(), Failure> {
        self.say("6", "Does a real write work, as the real role? What makes every commit impossible is put in place by a plan that people sign")?;
        // As it was before somebody deleted a row, so that the counts are those of the baseline.
        let back = "INSERT INTO public.iu_lifecycle_log (iu_id, from_status, to_status, actor) SELECT id, 'draft', 'enacted', 'fixture' \
                    FROM public.information_unit WHERE lifecycle_status = 'enacted' LIMIT 1";
        self.runtime.block_on(self.sandbox.sql(back))?;
        self.did("database", back)?;
        let plan = self.sandbox.folder().join("guard.json").to_string_lossy().into_owned();
        self.run(&["plan", "--only", "proof_guard.*", "-o", &plan], exit::OK)?;
        self.approved(&plan)?;
        // Where no command can be run, the two lines about the adapter cannot be told.
        let expected = if self.sandbox.runs_commands().is_ok() { exit::OK } else { exit::UNKNOWN };
        self.run(&["prove", "o8c"], expected)?;
        self.gates()?;
        self.say("8", "Everything that was proposed, signed, refused, done and proven stands on a ledger that proves itself")?;
        self.run(&["ledger", "verify"], exit::OK)?;
        self.report()
    }

    /// The gates of the example, with the tree as somebody left it, and as it should be; what one gap still wants, and what only people can state.
    fn gates(&self) -> Result<(), Failure> {
        self.say("7", "May the next step be taken? Gates are computed from what is seen now and from what the ledger says of proofs")?;
        // What only people can state, nobody has stated here: of that nothing can be told.
        self.run(&["gate", "-q"], exit::UNKNOWN)?;
        let module = format!("{TREE}/cutter_agent/cutting.py");
        self.sandbox.cut(&module, QUICK_FIX.len())?;
        self.did("host", &format!("the line is taken off {module} again"))?;
        self.run(&["gate"], exit::UNKNOWN)?;
        self.run(&["gap", "next", "GAP5"], exit::DRIFT)?;
        self.run(&["attest", "--list"], exit::UNKNOWN)
    }

    /// What was written by hand once, regenerated from all of that, and opened by its verifier.
    fn report(&self) -> Result<(), Failure> {
        self.say("9", "The report of all this is computed, with what each line rests on, and verified with the ledger's key alone")?;
        let package = self.sandbox.folder().join("o8c").to_string_lossy().into_owned();
        // Nobody has attested what only people can.
        self.run(&["report", "o8c", "-o", &package], exit::UNKNOWN)?;
        self.run(&["report", "verify", &package], exit::OK)
    }

    /// Both approvers sign a plan, and it runs.
    fn approved(&self, plan: &str) -> Result<(), Failure> {
        let bytes = std::fs::read(plan)
            .map_err(|e| Failure::new(exit::ERROR, format!("cannot read {plan}: {e}")))?;
        let digest = crate::model::Digest::of(&bytes).to_string();
        let mut apply = vec!["apply".to_owned(), plan.to_owned()];
        for (name, role) in people::APPROVERS {
            let key = people::key(self.sandbox.folder(), name).to_string_lossy().into_owned();
            let signed = format!("{plan}.{role}");
            self.run(
                &[
                    "approve", plan, "--as", name, "--role", role, "--key", &key, "--reason",
                    "demo", "--digest", &digest, "-o", &signed,
                ],
                exit::OK,
            )?;
            apply.extend(["--approval".to_owned(), signed]);
        }
        let words: Vec<&str> = apply.iter().map(String::as_str).collect();
        self.run(&words, exit::OK)
    }

    /// How the first check has to end: where the commands of the example cannot be run, they are Unknown.
    fn first_exit(&self) -> Result<u8, Failure> {
        let Err(why) = self.sandbox.runs_commands() else { return Ok(exit::DRIFT) };
        self.did(
            "note",
            &format!("no command can be run here, so `smoke` will be unknown: {why}"),
        )?;
        Ok(exit::UNKNOWN)
    }

    /// Pushes a commit, and answers the one before it.
    fn ratify(&self) -> Result<String, Failure> {
        let repository = self.sandbox.repository()?;
        let path = |file: &str| format!("desired-state/hosts/{HOST}/{file}");
        let before = repository.head().map_err(SandboxError::from)?.unwrap_or_default();
        let host = path("host.toml");
        let text = repository.read(&host).map_err(SandboxError::from)?.unwrap_or_default();
        let text =
            String::from_utf8_lossy(&text).replace("milestone = \"O8B\"", "milestone = \"O4\"");
        let archive = "[directory.\"/opt/incomex/archive\"]\nmode = \"0750\"\n";
        let changes = Changes::from([
            (host, Some(text.into_bytes())),
            (path("archive.toml"), Some(archive.as_bytes().to_vec())),
        ]);
        let message = "ratify milestone O4, want an archive";
        let commit = repository.push(&changes, message).map_err(SandboxError::from)?;
        self.did("git", &format!("commit {}: {message}", &commit[..12]))?;
        Ok(before)
    }

    fn say(&self, number: &str, text: &str) -> Result<(), Failure> {
        let bold = anstyle::Style::new().bold();
        self.output.write(|out| writeln!(out, "{bold}── {number}. {text}{bold:#}\n"))
    }

    fn did(&self, place: &str, what: &str) -> Result<(), Failure> {
        self.output.write(|out| writeln!(out, "  {place:8}  {what}\n"))
    }

    fn shown(&self, command: &str) -> Result<(), Failure> {
        self.output.write(|out| writeln!(out, "$ {command}"))
    }

    /// Runs `check`.
    fn check(&self, more: &[&str], expected: u8) -> Result<(), Failure> {
        self.run(&[&["check"], more].concat(), expected)
    }

    /// Runs a verb as an operator would, and makes sure that it ends as it has to.
    fn run(&self, words: &[&str], expected: u8) -> Result<(), Failure> {
        let config = self.sandbox.config();
        let config = config.to_string_lossy().into_owned();
        let mut all = vec!["countersign"];
        all.extend(words);
        all.extend(["--config", &config]);
        // As a shell wants it.
        let quoted = all
            .iter()
            .map(|word| if word.contains('*') { format!("'{word}'") } else { (*word).to_owned() });
        self.shown(&quoted.collect::<Vec<_>>().join(" "))?;
        let code = super::main(all.iter().map(std::ffi::OsString::from));
        self.output.write(|out| writeln!(out, "(exit {code})\n"))?;
        if code == expected {
            return Ok(());
        }
        let verb = words.first().copied().unwrap_or_default();
        let message = format!("`{verb}` ended with {code}, not with {expected}");
        Err(Failure::new(exit::ERROR, message))
    }
}
