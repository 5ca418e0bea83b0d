//! A monitor's plugin always prints its one line and ends with one of its own codes, also when there is no report.

use std::ffi::OsString;
use std::io::{self, Write as _};

use super::{Cli, Verb};
use crate::report::{self, FORMATS, Monitor, Use};

/// The rules of the format, when the only one that was asked for is a monitor's.
pub(super) fn of(cli: &Cli) -> Option<&'static Monitor> {
    let (Verb::Check(_), [only]) = (&cli.verb, cli.global.output.as_slice()) else { return None };
    let name = only.to_str()?.split('=').next()?;
    rules(report::format(name)?)
}

/// The same for words that are no command line.
pub(super) fn of_words(words: &[OsString]) -> Option<&'static Monitor> {
    let asks = |name: &str| {
        let pair = |two: &[OsString]| two[0] == "--output" && two[1] == name;
        let word = format!("--output={name}");
        words.windows(2).any(pair) || words.iter().any(|one| *one == *word)
    };
    let asked = FORMATS.iter().filter(|format| asks(format.name));
    asked.filter(|_| words.iter().any(|word| word == "check")).find_map(rules)
}

const fn rules(format: &report::Format) -> Option<&'static Monitor> {
    match format.used {
        Use::Monitor(rules) => Some(rules),
        Use::Document | Use::Nothing => None,
    }
}

/// Prints the line of a run that has no report; answers its exit code.
pub(super) fn tell(monitor: &Monitor, why: &str) -> u8 {
    // Nobody is left to tell when standard output is gone.
    let _ = io::stdout().write_all((monitor.failed)(why).as_bytes());
    monitor.failed_code
}
