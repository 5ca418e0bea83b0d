//! `[smoke]`: which commands desired state may have run, as whom, and what they may read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::SmokeSection;

/// The user whose rights commands have when nobody else is named.
const USER: &str = "nobody";

/// What the host lets desired state run. Nothing at all unless its configuration says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokePolicy {
    allow: Vec<Vec<String>>,
    /// Whose rights a command has when this program runs as root.
    pub user: String,
    /// Folders of the running system that a command may read, besides the system's own and `[observe] roots`.
    pub read: Vec<PathBuf>,
    /// Additions to a command's environment.
    pub environment: BTreeMap<String, String>,
}

impl SmokePolicy {
    /// No command may run.
    #[must_use]
    pub fn nothing() -> Self {
        let (allow, read, environment) = Default::default();
        Self { allow, user: USER.to_owned(), read, environment }
    }

    /// This one command may run.
    #[must_use]
    pub fn allowing(command: &[String]) -> Self {
        Self { allow: vec![command.to_vec()], ..Self::nothing() }
    }

    /// May this command run? Only one that is listed with exactly these words.
    #[must_use]
    pub fn allows(&self, command: &[String]) -> bool {
        self.allow.iter().any(|allowed| allowed == command)
    }

    /// The commands, as their words.
    #[must_use]
    pub fn allowed(&self) -> &[Vec<String>] {
        &self.allow
    }

    /// Takes a section over, and says what is wrong with it.
    pub(super) fn of(section: SmokeSection) -> (Self, Vec<String>) {
        let SmokeSection { allow, user, read, environment } = section;
        let user = user.unwrap_or_else(|| USER.to_owned());
        let policy = Self { allow, user, read, environment };
        let faults = policy.faults();
        (policy, faults)
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for command in &self.allow {
            let program = command.first().map(String::as_str).unwrap_or_default();
            if program.is_empty() {
                faults.push("a command of `allow` has no program".to_owned());
            } else if !is_program(program) {
                faults.push(format!(
                    "`{program}` of `allow` is neither a plain name nor an absolute path"
                ));
            }
            if command.iter().any(|word| word.contains('\0')) {
                faults.push(format!("a word of the command `{program}` holds a zero byte"));
            }
        }
        if self.user == "root" || self.user.is_empty() {
            faults.push("`user` has to be an unprivileged user".to_owned());
        }
        for folder in self.read.iter().filter(|folder| !folder.is_absolute()) {
            faults.push(format!("`read` holds absolute paths, not `{}`", folder.display()));
        }
        for (name, value) in &self.environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                faults.push(format!("`{name}` of `environment` cannot be a variable"));
            }
        }
        faults
    }
}

/// A name to be looked up in the system's folders, or an absolute path; never a path from wherever we happen to be.
fn is_program(program: &str) -> bool {
    !program.contains('/') || Path::new(program).is_absolute()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_compared_word_by_word() {
        let policy = SmokePolicy {
            allow: vec![words("python3 -m unittest discover"), words("/bin/true")],
            ..SmokePolicy::nothing()
        };
        for allowed in ["python3 -m unittest discover", "/bin/true"] {
            assert!(policy.allows(&words(allowed)), "{allowed}");
        }
        for refused in [
            "python3",
            "python3 -m unittest",
            "python3 -m unittest discover -v",
            "python3 -m unittest  discover",
            "PYTHON3 -m unittest discover",
            "/usr/bin/python3 -m unittest discover",
            "true",
            "/bin/true ",
        ] {
            assert!(!policy.allows(&words(refused)), "{refused}");
        }
        assert!(!policy.allows(&["python3 -m unittest discover".to_owned()]));
        assert!(!SmokePolicy::nothing().allows(&[]));
    }

    #[test]
    fn what_could_not_be_meant_is_named() {
        let section = |text: &str| toml::from_str::<SmokeSection>(text).expect("a section");
        let faults = |text: &str| SmokePolicy::of(section(text)).1;
        assert_eq!(faults("allow = [['true'], ['/bin/true', 'x/y']]\nread = ['/srv']"), [""; 0]);
        assert_eq!(SmokePolicy::of(section("")).0, SmokePolicy::nothing());
        for bad in [
            "allow = [[]]",
            "allow = [['']]",
            "allow = [['./x']]",
            "allow = [['bin/x']]",
            "allow = [['x', \"a\\u0000\"]]",
            "user = 'root'",
            "user = ''",
            "read = ['srv']",
            "environment = { 'A=B' = 'x' }",
            "environment = { '' = 'x' }",
        ] {
            assert_eq!(faults(bad).len(), 1, "{bad}");
        }
    }
}
