//! The command line: one file a verb. Wires the other modules together, and is the only one that reads the environment.

mod adopt;
mod approve;
mod asking;
mod attest;
mod attested;
mod check;
mod config;
mod confined;
mod context;
pub mod error;
pub mod exit;
mod explain;
mod gap;
mod gate;
mod halt;
mod history;
mod ledger;
mod ledgers;
mod lint;
mod looking;
mod monitor;
mod observing;
mod outcomes;
pub mod output;
mod page;
mod plan;
mod planning;
mod reconcile;
mod refusal;
mod report;
mod resting;
mod resume;
mod schema;
mod show;
mod signing;
mod statements;
mod status;
mod suspend;
mod trust;
mod trusting;
mod verbs;
mod version;
mod watch;
mod world;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::config::{Origin, Overrides};
use crate::model::display::{escape, escaped_line, shell_word};
use crate::model::nearest;
use crate::report::{self as formats, Use};
use error::Failure;
use output::{Color, Output, Target};

/// Check hosts and PostgreSQL databases against desired state in git, and change nothing unapproved
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The host's configuration [default: /etc/countersign/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Desired state: a folder, a repository, or a URL that git fetches from
    #[arg(long, global = true, value_name = "PATH|URL")]
    desired: Option<String>,
    /// The branch, tag or commit of desired state
    #[arg(long, global = true, value_name = "REF")]
    rev: Option<String>,
    /// Which hosts/NAME of desired state this is
    #[arg(long, global = true, value_name = "NAME")]
    host: Option<String>,
    /// Observe the tree under DIR as if it were /
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The program's own folder [default: /var/lib/countersign]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The format, or FORMAT=FILE; may be given several times. Of check: text, json, ndjson, markdown, html, junit,
    /// sarif, prometheus, nagios, silent
    #[arg(long, global = true, value_name = "FORMAT[=FILE]", default_value = "text")]
    output: Vec<OsString>,
    /// Write the only format to FILE, whole or not at all
    #[arg(short, long = "output-file", global = true, value_name = "FILE")]
    o: Option<PathBuf>,
    /// When to use colours: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    color: Color,
    /// Print the verdict alone, and no warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print everything: what is in sync too, and every difference
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Arguments),
    Lint(lint::Arguments),
    Adopt(adopt::Arguments),
    Plan(plan::Arguments),
    Show(show::Arguments),
    Approve(approve::Arguments),
    Attest(Box<attest::Arguments>),
    Gate(gate::Arguments),
    Gap(gap::Arguments),
    Report(report::Arguments),
    Trust(trust::Arguments),
    Halt(halt::Arguments),
    Watch(watch::Arguments),
    Status(status::Arguments),
    Reconcile(reconcile::Arguments),
    Suspend(suspend::Arguments),
    Resume(resume::Arguments),
    History(history::Arguments),
    Explain(explain::Arguments),
    Schema(schema::Arguments),
    Config(config::Arguments),
    Ledger(ledger::Arguments),
    #[cfg(feature = "execute")]
    Apply(apply::Arguments),
    #[cfg(feature = "execute")]
    Prove(prove::Arguments),
    #[cfg(feature = "execute")]
    Demo(demo::Arguments),
    Version(version::Arguments),
    #[command(hide = true)]
    Confined(confined::Arguments),
}

#[cfg(feature = "execute")]
mod apply;
#[cfg(feature = "execute")]
mod demo;
#[cfg(feature = "execute")]
mod prove;

impl Verb {
    /// The formats that it can write.
    fn formats(&self) -> Vec<&'static str> {
        match self {
            Self::Check(_) => formats::FORMATS.iter().map(|format| format.name).collect(),
            // A schema is JSON whatever is asked for.
            Self::Lint(_)
            | Self::Config(_)
            | Self::Schema(_)
            | Self::Adopt(_)
            | Self::Ledger(_)
            | Self::Plan(_)
            | Self::Status(_)
            | Self::Reconcile(_)
            | Self::History(_)
            | Self::Show(_)
            | Self::Attest(_)
            | Self::Gate(_)
            | Self::Gap(_)
            | Self::Report(_) => {
                vec!["text", "json"]
            }
            #[cfg(feature = "execute")]
            Self::Prove(_) => vec!["text", "json"],
            _ => vec!["text"],
        }
    }

    /// Does its `-o` name a folder?
    const fn writes_folder(&self) -> bool {
        match self {
            Self::Adopt(_) => true,
            Self::Ledger(arguments) => arguments.writes_folder(),
            Self::Report(arguments) => arguments.writes_folder(),
            _ => false,
        }
    }

    /// What it writes besides its result.
    fn also_writes(&self) -> Option<&Path> {
        match self {
            Self::Check(arguments) => arguments.record(),
            _ => None,
        }
    }

    /// Refuses what cannot be written, or cannot be written together.
    fn require(&self, targets: &[Target]) -> Result<(), Failure> {
        for target in targets {
            self.require_format(&target.format)?;
        }
        let usage = |message: String| Failure::new(exit::USAGE, message);
        if !matches!(self, Self::Check(_)) {
            return match targets {
                [_] => Ok(()),
                _ => Err(usage("this verb writes one format".to_owned())),
            };
        }
        for target in targets {
            let name = &target.format;
            match formats::format(name).map(|format| &format.used) {
                Some(Use::Monitor(_)) if targets.len() > 1 => {
                    let why = format!("{name} has exit codes of its own, so it stands alone");
                    return Err(usage(why));
                }
                Some(Use::Nothing) if target.file.is_some() => {
                    return Err(usage(format!("{name} writes nothing, so it needs no file")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses a format that would otherwise be passed over in silence.
    fn require_format(&self, name: &str) -> Result<(), Failure> {
        let formats = self.formats();
        if formats.contains(&name) {
            return Ok(());
        }
        let message = format!("this verb has no format `{}`", escape(name));
        let failure = Failure::new(exit::USAGE, message);
        Err(match nearest(name, formats.iter().copied()) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint(format!("it has: {}", formats.join(", "))),
        })
    }
}

/// Runs the program; answers its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match verbs::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            // Nobody is left to tell when the stream is gone.
            let _ = error.print();
            let said = error.to_string();
            let why = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
            return match monitor::of_words(&arguments) {
                _ if asked => exit::OK,
                Some(monitor) => monitor::tell(monitor, why),
                None => exit::USAGE,
            };
        }
    };
    run(&cli, &arguments).unwrap_or_else(|failure| {
        tell(&failure, cli.global.color);
        match monitor::of(&cli) {
            Some(monitor) => monitor::tell(monitor, &failure.message),
            None => failure.code,
        }
    })
}

fn run(cli: &Cli, arguments: &[OsString]) -> Result<u8, Failure> {
    require_all_outputs(arguments, cli.global.output.len())?;
    let targets = Target::all(&cli.global.output, cli.global.o.as_deref())?;
    cli.verb.require(&targets)?;
    let output = &Output { targets, color: cli.global.color };
    if !cli.verb.writes_folder() {
        output.ready(cli.verb.also_writes())?;
    }
    match &cli.verb {
        Verb::Check(arguments) => check::run(arguments, &cli.global, output),
        Verb::Lint(arguments) => lint::run(arguments, &cli.global, output),
        Verb::Adopt(arguments) => adopt::run(arguments, &cli.global, output),
        Verb::Plan(arguments) => plan::run(arguments, &cli.global, output),
        Verb::Show(arguments) => show::run(arguments, output),
        Verb::Approve(arguments) => approve::run(arguments, &cli.global, output),
        Verb::Attest(arguments) => attest::run(arguments, &cli.global, output),
        Verb::Gate(arguments) => gate::run(arguments, &cli.global, output),
        Verb::Gap(arguments) => gap::run(arguments, &cli.global, output),
        Verb::Report(arguments) => report::run(arguments, &cli.global, output),
        Verb::Trust(arguments) => trust::run(arguments, &cli.global, output),
        Verb::Halt(arguments) => halt::run(arguments, &cli.global, output),
        Verb::Watch(arguments) => watch::run(arguments, &cli.global, output),
        Verb::Status(arguments) => status::run(arguments, &cli.global, output),
        Verb::Reconcile(arguments) => reconcile::run(arguments, &cli.global, output),
        Verb::Suspend(arguments) => suspend::run(arguments, &cli.global, output),
        Verb::Resume(arguments) => resume::run(arguments, &cli.global, output),
        Verb::History(arguments) => history::run(arguments, &cli.global, output),
        Verb::Explain(arguments) => explain::run(arguments, output),
        Verb::Schema(arguments) => schema::run(arguments, output),
        Verb::Config(arguments) => config::run(arguments, &cli.global, output),
        Verb::Ledger(arguments) => ledger::run(arguments, &cli.global, output),
        #[cfg(feature = "execute")]
        Verb::Apply(arguments) => apply::run(arguments, &cli.global, output),
        #[cfg(feature = "execute")]
        Verb::Prove(arguments) => prove::run(arguments, &cli.global, output),
        #[cfg(feature = "execute")]
        Verb::Demo(arguments) => demo::run(arguments, output),
        Verb::Version(arguments) => version::run(arguments, output),
        Verb::Confined(arguments) => confined::run(arguments),
    }
}

/// Of options before and after the verb only the latter are kept: one that was lost must not go unnoticed.
fn require_all_outputs(arguments: &[OsString], kept: usize) -> Result<(), Failure> {
    let options = arguments.iter().take_while(|word| *word != "--");
    let given = options
        .filter(|word| *word == "--output" || word.as_encoded_bytes().starts_with(b"--output="));
    if given.count() > kept {
        let message = "--output stands both before and after the verb";
        return Err(Failure::new(exit::USAGE, message).hint("write all of them after it"));
    }
    Ok(())
}

fn tell(failure: &Failure, color: Color) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
    let mut text = failure.drawn.clone();
    // Most of it was escaped before; names of folders and hosts that went into a sentence are escaped here.
    let safe = |line| escaped_line(line, usize::MAX);
    for line in failure.message.lines().map(safe) {
        let _ = writeln!(text, "{red}error{red:#}: {line}");
    }
    for line in failure.hint.iter().flat_map(|hint| hint.lines()).map(safe) {
        let _ = writeln!(text, "{cyan}hint{cyan:#}: {line}");
    }
    output::say(&text, color);
}

impl Global {
    /// The flags that say which host it is, for a command that is about the same one; each with a blank before it.
    fn same_host(&self) -> String {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let flags = [
            ("--config", path(&self.config)),
            ("--host", self.host.clone()),
            ("--root", path(&self.root)),
        ];
        flags
            .into_iter()
            .filter_map(|(flag, value)| Some((flag, value?)))
            .fold(String::new(), |text, (flag, value)| {
                format!("{text} {flag} {}", shell_word(&value))
            })
    }

    /// What flags and environment say, with who said it.
    fn overrides(&self) -> Overrides {
        fn pick<T: From<OsString>>(
            flag: Option<T>,
            name: &'static str,
            variable: &'static str,
        ) -> Option<(T, Origin)> {
            flag.map(|value| (value, Origin::Flag(name))).or_else(|| {
                Some((std::env::var_os(variable)?.into(), Origin::Environment(variable)))
            })
        }
        let text = |flag: &Option<String>, name, variable| {
            pick(flag.clone().map(OsString::from), name, variable)
                .map(|(value, origin)| (value.to_string_lossy().into_owned(), origin))
        };
        Overrides {
            config: pick(self.config.clone(), "--config", "COUNTERSIGN_CONFIG"),
            desired: text(&self.desired, "--desired", "COUNTERSIGN_DESIRED"),
            revision: text(&self.rev, "--rev", "COUNTERSIGN_REV"),
            host: text(&self.host, "--host", "COUNTERSIGN_HOST"),
            root: pick(self.root.clone(), "--root", "COUNTERSIGN_ROOT"),
            data: pick(self.data.clone(), "--data", "COUNTERSIGN_DATA"),
            replay: false,
        }
    }
}
