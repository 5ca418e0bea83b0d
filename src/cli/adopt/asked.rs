//! The flags of `adopt`: one for each kind that can be written down, made from the list of kinds.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::kinds::{Entry, KINDS};

/// What was asked for: a kind, and what of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// In the order of the kinds.
    pub(super) of_kinds: Vec<(&'static Entry, String)>,
}

const ONLY: &str = "only";

impl clap::Args for Asked {
    fn augment_args(mut command: Command) -> Command {
        let mut whole = Vec::new();
        for kind in KINDS {
            let Some(adoption) = kind.adoption() else { continue };
            command = command.arg(
                Arg::new(adoption.flag)
                    .long(adoption.flag)
                    .value_name(adoption.value)
                    .help(adoption.help)
                    .action(ArgAction::Append)
                    .help_heading("What to write down"),
            );
            if adoption.all.is_some() {
                whole.push(kind.name());
            }
        }
        command.arg(
            Arg::new(ONLY)
                .long(ONLY)
                .value_name("KIND")
                .help("Everything of a kind")
                .value_parser(whole)
                .action(ArgAction::Append)
                .help_heading("What to write down"),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Asked {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut asked = Self::default();
        asked.update_from_arg_matches(matches)?;
        Ok(asked)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |id: &str| {
            let values = matches.get_many::<String>(id);
            values.into_iter().flatten().cloned().collect::<Vec<_>>()
        };
        let whole = given(ONLY);
        self.of_kinds.clear();
        for kind in KINDS {
            let Some(adoption) = kind.adoption() else { continue };
            let mut values = given(adoption.flag);
            if let Some(all) = adoption.all.filter(|_| whole.iter().any(|k| k == kind.name())) {
                values.push(all.to_owned());
            }
            values.dedup();
            self.of_kinds.extend(values.into_iter().map(|value| (kind, value)));
        }
        Ok(())
    }
}
