//! Where an effective value came from: `config show` prints it, and some verbs refuse flags.

use std::fmt;

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is what the program does by itself.
    Default,
    /// The configuration file.
    File,
    /// A variable of the environment.
    Environment(&'static str),
    /// A flag on the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("file"),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and who set it.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value that nobody set.
    pub const fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// A value of the configuration file.
    pub const fn file(value: T) -> Self {
        Self { value, origin: Origin::File }
    }
}
