//! The `[Install]` section of a unit file: whether and how it can be enabled.

use super::UnitName;

/// What `[Install]` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Install {
    /// Other names that enabling gives it.
    pub(super) aliases: Vec<String>,
    /// Is there anything that enabling would do?
    pub(super) has_rules: bool,
    /// Does it name other units to enable?
    pub(super) has_also: bool,
    /// The instance of a template that is enabled when none is named.
    pub(super) default_instance: Option<String>,
}

impl Install {
    /// Reads a unit file, and then the files that add to it, as systemd does: a backslash at the end of a line joins it
    /// with the next, and an empty value takes back what was said before. Specifiers such as `%i` stay as they are, as
    /// they do where systemd looks for links.
    pub(super) fn parse(name: &UnitName<'_>, files: &[Vec<u8>]) -> Self {
        let (mut wanted, mut aliases, mut also) = (Vec::new(), Vec::new(), Vec::new());
        let mut default_instance = None;
        for (line, inside) in files.iter().flat_map(|text| lines(text)) {
            let Some((key, value)) = line.split_once('=').filter(|_| inside) else { continue };
            let list = match key.trim_end() {
                "Alias" => &mut aliases,
                "Also" => &mut also,
                "WantedBy" | "RequiredBy" | "UpheldBy" => &mut wanted,
                "DefaultInstance" => {
                    let value = value.trim();
                    default_instance = (!value.is_empty()).then(|| value.to_owned());
                    continue;
                }
                _ => continue,
            };
            if value.trim().is_empty() {
                list.clear();
            }
            list.extend(value.split_whitespace().map(str::to_owned));
        }
        Self {
            has_rules: !wanted.is_empty() || !aliases.is_empty(),
            has_also: !also.is_empty(),
            aliases,
            default_instance: default_instance.filter(|_| name.is_template()),
        }
    }
}

/// Lines, and whether they stand in the `[Install]` section.
fn lines(text: &[u8]) -> Vec<(String, bool)> {
    let mut inside = false;
    let text = String::from_utf8_lossy(text);
    let lines = joined(&text).into_iter().map(|line| {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end() == "Install]";
        }
        (line, inside)
    });
    lines.collect()
}

/// Lines without comments and blanks around them, continued lines joined.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && !open) {
            continue;
        }
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| open) {
            Some(last) => {
                last.push(' ');
                last.push_str(part);
            }
            None => lines.push(part.to_owned()),
        }
        open = more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(name: &str, text: &str) -> Install {
        Install::parse(&UnitName::parse(name).expect("a name"), &[text.into()])
    }

    #[test]
    fn only_the_install_section_counts() {
        let text = "[Unit]\nAlias=no.service\n[Install]\n# Also=x.socket\nWantedBy = a.target b.target\n[Service]\nAlso=y";
        let found = install("a.service", text);
        assert!(found.has_rules && !found.has_also && found.aliases.is_empty());
        assert_eq!(
            install("a.service", "[Unit]\n[Service]\nExecStart=/bin/true"),
            Install::default()
        );
    }

    #[test]
    fn an_empty_value_takes_back_and_a_backslash_goes_on() {
        let text = "[Install]\nWantedBy=a.target\nWantedBy=\nAlias=x.service \\\n  # a comment\n  y.service\nAlso=z.socket";
        let found = install("a.service", text);
        assert_eq!(found.aliases, ["x.service", "y.service"]);
        assert!(found.has_also);
        assert!(!install("a.service", "[Install]\nWantedBy=a.target\nWantedBy=").has_rules);
    }

    #[test]
    fn only_templates_have_a_default_instance() {
        let text = "[Install]\nDefaultInstance=tty1";
        assert_eq!(install("a@.service", text).default_instance.as_deref(), Some("tty1"));
        assert_eq!(install("a.service", text).default_instance, None);
    }
}
