//! Policies of row security as desired state writes them, and what of one differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::clauses::{clauses, inside, items};
use crate::model::display::escape;
use crate::model::{Change, Comparison, Difference, leading_name, written};
use crate::probe::catalog::Policy;

const WORDS: [&str; 5] = ["as", "for", "to", "using", "with check"];
const COMMANDS: [&str; 5] = ["all", "select", "insert", "update", "delete"];

/// The parts of a policy by the words that open them. What a policy has when nothing is said is there as well.
type Parts = BTreeMap<&'static str, String>;

/// A policy as it is written: `as restrictive for select to app using ((owner = CURRENT_USER))`.
///
/// # Errors
/// A fragment that says what is wrong.
pub(super) fn parse(text: &str) -> Result<Parts, String> {
    let usual = [("as", "permissive"), ("for", "all"), ("to", "public")];
    let mut parts: Parts = usual.map(|(word, text)| (word, text.to_owned())).into();
    let mut said = BTreeSet::new();
    for (word, text) in clauses(text, &WORDS, &[]) {
        if word.is_empty() {
            if !text.is_empty() {
                return Err(format!(
                    "it begins with `{text}`, and not with `as`, `for`, `to` or `using`"
                ));
            }
            continue;
        }
        if !said.insert(word) {
            return Err(format!("`{word}` stands twice"));
        }
        let text = match word {
            "as" if ["permissive", "restrictive"].contains(&text) => text.to_owned(),
            "as" => return Err("`as` takes `permissive` or `restrictive`".to_owned()),
            "for" if COMMANDS.contains(&text) => text.to_owned(),
            "for" => return Err(format!("`for` takes one of {}", COMMANDS.join(", "))),
            "to" => roles(text)?,
            word => {
                let form = || format!("the expression behind `{word}` stands in brackets");
                inside(text).ok_or_else(form).map(|_| text.to_owned())?
            }
        };
        parts.insert(word, text);
    }
    Ok(parts)
}

/// Roles, sorted as they are compared.
fn roles(text: &str) -> Result<String, String> {
    let mut roles = BTreeSet::new();
    for role in items(text) {
        match leading_name(role) {
            Ok((name, "")) => drop(roles.insert(name)),
            Ok(_) => return Err(format!("`{role}` is no role")),
            Err(why) => return Err(format!("role `{role}`: {why}")),
        }
    }
    Ok(listed(roles.iter()))
}

fn listed<'a>(roles: impl Iterator<Item = &'a String>) -> String {
    roles.map(|role| written(role).into_owned()).collect::<Vec<_>>().join(", ")
}

fn parts_of(policy: &Policy) -> Parts {
    let roles: BTreeSet<&String> = policy.roles.iter().collect();
    let mut parts = Parts::from([
        ("as", if policy.permissive { "permissive" } else { "restrictive" }.to_owned()),
        ("for", policy.command.clone()),
        ("to", listed(roles.into_iter())),
    ]);
    let expressions = [("using", &policy.using), ("with check", &policy.check)];
    parts.extend(
        expressions.into_iter().filter_map(|(w, e)| Some((w, format!("({})", e.as_ref()?)))),
    );
    parts
}

/// A policy as it would be written.
pub(super) fn text(policy: &Policy) -> String {
    let parts = parts_of(policy);
    let said = WORDS.iter().filter_map(|word| Some((*word, parts.get(word)?)));
    let said = said.filter(|(word, text)| *word != "as" || *text != "permissive");
    said.map(|(word, text)| format!("{word} {text}")).collect::<Vec<_>>().join(" ")
}

/// Compares: `wanted` are all that may be there.
pub(super) fn compare(wanted: &BTreeMap<String, String>, seen: &[Policy], found: &mut Comparison) {
    for (name, wanted) in wanted {
        let field = format!("policy {}", escape(name));
        match (seen.iter().find(|policy| policy.name == *name), parse(wanted)) {
            (None, _) => {
                let difference = Difference::new(field, wanted.as_str(), Value::Null);
                found.differences.push(difference.changed(Change::Missing));
            }
            (Some(policy), Ok(parts)) => differ(field, &parts, &parts_of(policy), found),
            (Some(_), Err(_)) => {}
        }
    }
    for policy in seen.iter().filter(|policy| !wanted.contains_key(&policy.name)) {
        let field = format!("policy {}", escape(&policy.name));
        let difference = Difference::new(field, Value::Null, escape(&text(policy)));
        found.differences.push(difference.changed(Change::Unlisted));
    }
}

fn differ(field: String, wanted: &Parts, is: &Parts, found: &mut Comparison) {
    let other: Vec<&str> =
        WORDS.into_iter().filter(|word| wanted.get(word) != is.get(word)).collect();
    if other.is_empty() {
        return;
    }
    let said = |parts: &Parts| {
        let said = other.iter().map(|word| match parts.get(word) {
            Some(text) => format!("{word} {text}"),
            None => format!("no {word}"),
        });
        said.collect::<Vec<_>>().join(", ")
    };
    found.differences.push(Difference::new(field, said(wanted), escape(&said(is))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            name: "p".to_owned(),
            permissive: false,
            command: "update".to_owned(),
            roles: vec!["b".to_owned(), "A".to_owned()],
            using: Some("(owner = ') to x'::name)".to_owned()),
            check: Some("true".to_owned()),
            comment: None,
        }
    }

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        let written = text(&policy());
        let expected = "as restrictive for update to \"A\", b using ((owner = ') to x'::name)) with check (true)";
        assert_eq!(written, expected);
        assert_eq!(parse(&written), Ok(parts_of(&policy())));
        assert_eq!(parse("using (true)"), parse("as permissive for all to public using (true)"));
        for bad in [
            "select",
            "for reading",
            "to A",
            "to a b",
            "using true",
            "using (a) or (b)",
            "for all for all",
            "as x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_difference_names_what_changed() {
        let lines = |wanted: &[(&str, &str)]| -> Vec<String> {
            let wanted = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let mut found = Comparison::default();
            compare(&wanted, &[policy()], &mut found);
            found
                .differences
                .iter()
                .map(|d| format!("{} {} {}", d.field, d.desired, d.actual))
                .collect()
        };
        let written = text(&policy());
        assert_eq!(lines(&[("p", &written)]), [""; 0]);
        assert_eq!(
            lines(&[("p", &written.replace("update", "select").replace(" with check (true)", ""))]),
            ["policy p \"for select, no with check\" \"for update, with check (true)\""]
        );
        let found = lines(&[("q", "using (true)")]);
        assert_eq!(found[0], "policy q \"using (true)\" null");
        assert!(found[1].starts_with("policy p null \"as restrictive"), "{found:?}");
    }
}
