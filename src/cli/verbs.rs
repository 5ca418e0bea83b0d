//! The command line into a verb with its options, of which only those are built that are asked for.
//!
//! To describe all verbs to the parser takes longer than a small check.

use std::ffi::OsString;

use clap::{Args as _, Command as Syntax, FromArgMatches as _, Parser as _};

use super::{Cli, Global};
use super::{
    adopt, approve, attest, check, config, confined, explain, gap, gate, halt, history, ledger,
    lint, plan, reconcile, report, resume, schema, show, status, suspend, trust, version, watch,
};
#[cfg(feature = "execute")]
use super::{apply, demo, prove};

/// A verb, and what gives it its options.
type Verb = (&'static str, fn(Syntax) -> Syntax);

/// All of them.
const VERBS: &[Verb] = &[
    ("check", check::Arguments::augment_args),
    ("lint", lint::Arguments::augment_args),
    ("adopt", adopt::Arguments::augment_args),
    ("plan", plan::Arguments::augment_args),
    ("show", show::Arguments::augment_args),
    ("approve", approve::Arguments::augment_args),
    ("attest", attest::Arguments::augment_args),
    ("gate", gate::Arguments::augment_args),
    ("gap", gap::Arguments::augment_args),
    ("report", report::Arguments::augment_args),
    ("trust", trust::Arguments::augment_args),
    ("halt", halt::Arguments::augment_args),
    ("watch", watch::Arguments::augment_args),
    ("status", status::Arguments::augment_args),
    ("reconcile", reconcile::Arguments::augment_args),
    ("suspend", suspend::Arguments::augment_args),
    ("resume", resume::Arguments::augment_args),
    ("history", history::Arguments::augment_args),
    ("explain", explain::Arguments::augment_args),
    ("schema", schema::Arguments::augment_args),
    ("config", config::Arguments::augment_args),
    ("ledger", ledger::Arguments::augment_args),
    #[cfg(feature = "execute")]
    ("apply", apply::Arguments::augment_args),
    #[cfg(feature = "execute")]
    ("prove", prove::Arguments::augment_args),
    #[cfg(feature = "execute")]
    ("demo", demo::Arguments::augment_args),
    ("version", version::Arguments::augment_args),
    ("confined", confined::Arguments::augment_args),
];

/// Parses the words of a command line, the program's own name first.
///
/// At first as if there were only the verb that stands there before any other: what is valid then means the same with all
/// of them. Whatever is not, help included, is for the whole to say.
pub(super) fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let verb = words.iter().skip(1).find_map(|word| VERBS.iter().find(|(name, _)| word == name));
    let only = verb.and_then(|(name, augment)| {
        let command = Global::augment_args(Syntax::new("countersign"));
        let command = command.subcommand(augment(Syntax::new(*name)));
        Cli::from_arg_matches(&command.try_get_matches_from(words).ok()?).ok()
    });
    only.map_or_else(|| Cli::try_parse_from(words), Ok)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn every_verb_is_listed_once() {
        let whole = Cli::command();
        let known: Vec<&str> = whole.get_subcommands().map(Syntax::get_name).collect();
        let listed: Vec<&str> = VERBS.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn one_verb_alone_is_parsed_as_among_all() {
        for line in [
            "countersign check --quiet",
            "countersign --host lint check --only tree.*",
            "countersign --host check lint -v",
            "countersign -o check --config lint explain check",
            "countersign explain lint",
            "countersign ledger show --ledger x",
            "countersign --color never --output json version",
            "countersign check --help",
            "countersign --version",
            "countersign check lint",
            "countersign check -- lint",
            "countersign chekc",
            "countersign -q -v check",
            "countersign",
        ] {
            let said = |parsed: Result<Cli, clap::Error>| match parsed {
                Ok(cli) => format!("{cli:?}"),
                Err(error) => error.to_string(),
            };
            let (words, line) = (words(line), line.to_owned());
            assert_eq!(said(parse(&words)), said(Cli::try_parse_from(&words)), "{line}");
        }
    }
}
