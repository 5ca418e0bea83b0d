//! What package managers say is installed: dpkg and pip from their own files, rpm through its program.

pub mod dpkg;
pub mod pip;
pub mod rpm;

/// One package, as its manager knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, in full.
    pub version: String,
    /// What machines it is for, where the manager says so.
    pub architecture: Option<String>,
    /// What the manager says of it: the three words of dpkg, such as `install ok installed`, or [`INSTALLED`].
    pub state: String,
}

/// The state of what is installed, as dpkg words it; other managers know no other.
pub const INSTALLED: &str = "install ok installed";
