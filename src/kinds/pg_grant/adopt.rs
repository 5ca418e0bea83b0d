//! What is granted, written down as sentences: one for each thing and grantee.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::PgGrant;
use super::look::{Seen, look};
use super::subject::Subject;
use super::wanted::Wanted;
use crate::kinds::closed::{is_pattern, matches};
use crate::kinds::in_database::{adopt_each, key_of};
use crate::kinds::{Adopted, Draft, Named};
use crate::model::display::escape;
use crate::model::grant::{Class, Grant, Grantee, Securable, Standing, columns_written};
use crate::model::{Reason, Unknown};
use crate::probe::World;
use crate::probe::postgres::Session;

/// Where a list is longer, its reader is told how to shorten it.
const LONG: usize = 60;
/// Fewer privileges are named one by one.
const ALL_AT_LEAST: usize = 3;

/// Whoever can be granted something. Roles of the server itself are written down only by their names.
const ROLES: &str = "SELECT r.rolname::text FROM pg_catalog.pg_roles r ORDER BY 1";

/// Writes down what was asked for, in every database that is looked at.
pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let pattern = is_pattern(asked) && !asked.contains(' ');
    if !pattern && let Err(problem) = Subject::parse(asked) {
        let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let detail = format!("`{}`: {}{hint}", escape(asked), escape(&problem.message));
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let adopted = adopt_each(world, asked, |database, session| async move {
        let subjects =
            if pattern { grantees(session, asked).await? } else { vec![asked.to_owned()] };
        Ok(write_down(world, database, session, subjects).await)
    });
    Ok(adopted.await)
}

/// Those that a pattern matches; PUBLIC only with all the others.
async fn grantees(session: &Session, pattern: &str) -> Result<Vec<String>, Unknown> {
    let rows = session.ask(ROLES, &[]).await?;
    let roles = rows.into_iter().flatten().flatten();
    let own = roles.filter(|role| !role.starts_with("pg_") || pattern.starts_with("pg_"));
    let everybody = (pattern == "*").then(|| Grantee::Public.to_string());
    let names = own.filter(|role| matches(pattern, role));
    Ok(everybody.into_iter().chain(names.map(|role| Grantee::Role(role).to_string())).collect())
}

async fn write_down(
    world: &World,
    database: &str,
    session: &Session,
    subjects: Vec<String>,
) -> Adopted {
    let mut adopted = Adopted::default();
    let named = |subject: String| {
        let spec = PgGrant {
            database: database.to_owned(),
            grants: Some(Vec::new()),
            within: None,
            allowed: None,
            denied: None,
            elsewhere: None,
            digest: None,
            wanted: Wanted::default(),
        };
        Named { name: key_of(world, database, &subject), spec: Arc::new(spec) }
    };
    let named: Vec<Named<PgGrant>> = subjects.into_iter().map(named).collect();
    let asked: Vec<&Named<PgGrant>> = named.iter().collect();
    let mut answers = look(session, &asked, Instant::now() + world.deadline).await;
    for Named { name, spec } in &named {
        match (answers.remove(name), spec.subject(name)) {
            (Some(Ok(seen)), Ok(subject)) if seen.present => {
                adopted.drafts.push(draft(name, database, &subject, &seen));
            }
            (Some(Err(why)), _) => adopted.unseen.push((name.clone(), why)),
            _ => {}
        }
    }
    adopted
}

fn draft(name: &str, database: &str, subject: &Subject, seen: &Seen) -> Draft {
    let sentences = sentences(subject, seen);
    let mut comment = Vec::new();
    if seen.superuser {
        comment.push("A superuser: it may do everything, whatever it is granted.".to_owned());
    }
    if sentences.len() > LONG {
        comment.push(
            "`SELECT on all tables in schema NAME` stands for all that there are, and will be."
                .to_owned(),
        );
    }
    let draft = Draft::new(name).set("database", database).set("grants", sentences);
    if comment.is_empty() { draft } else { draft.comment(comment.join("\n")) }
}

/// What one sentence can say: the same thing, the same grantee, and the same to be done with it.
type Group<'a> = (&'a Securable, &'a Grantee, Standing, bool);

/// The sentences of all that is granted and was taken away, by what they are on.
pub(super) fn sentences(subject: &Subject, seen: &Seen) -> Vec<String> {
    let mut groups: BTreeMap<Group<'_>, Vec<&Grant>> = BTreeMap::new();
    for grant in seen.grants.iter().filter(|grant| grant.standing != Standing::Initial) {
        let group = (&grant.on, &grant.grantee, grant.standing, grant.with_grant_option);
        groups.entry(group).or_default().push(grant);
    }
    let sentence = |((on, grantee, standing, option), grants): (Group<'_>, Vec<&Grant>)| {
        let no = if standing == Standing::Revoked { "no " } else { "" };
        // What was taken away has no grant option, whatever it had.
        let option = if option && no.is_empty() { " with grant option" } else { "" };
        let what = privileges(on.class, &grants, seen.version);
        let thing = match subject {
            Subject::On(_) => String::new(),
            _ => format!(" on {on}"),
        };
        let to = match subject {
            Subject::To(_) => String::new(),
            _ => format!(" to {grantee}"),
        };
        format!("{no}{what}{thing}{to}{option}")
    };
    groups.into_iter().map(sentence).collect()
}

/// `SELECT, UPDATE (title, body)`, in the order of the class.
fn privileges(class: Class, grants: &[&Grant], version: u32) -> String {
    let order = |privilege: &str| class.privileges().iter().position(|known| *known == privilege);
    let mut whole: Vec<&str> = Vec::new();
    let mut columns: BTreeMap<(Option<usize>, &str), Vec<String>> = BTreeMap::new();
    for grant in grants {
        match &grant.column {
            None => whole.push(&grant.privilege),
            Some(column) => columns
                .entry((order(&grant.privilege), &grant.privilege))
                .or_default()
                .push(column.clone()),
        }
    }
    whole.sort_by_key(|privilege| order(privilege));
    if whole.len() >= ALL_AT_LEAST && class.all(false, version).eq(whole.iter().copied()) {
        whole = vec!["ALL"];
    }
    let of_columns = columns
        .into_iter()
        .map(|((_, privilege), columns)| format!("{privilege} ({})", columns_written(&columns)));
    let all: Vec<String> = whole.into_iter().map(str::to_owned).chain(of_columns).collect();
    all.join(", ")
}
