//! Looking accounts up: each list is read once for all tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::account::{Source, text};
use super::super::closed::{is_pattern, matches};
use super::super::{Answers, no_answer};
use super::{One, Seen};
use crate::model::{Reason, Unknown};
use crate::probe::accounts::{
    Account, Group, List, NameService, Password, Shadow, nss_knows_none, read_groups, read_users,
};
use crate::probe::host::Host;

/// What is asked about one name.
pub(super) struct Question {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) password: bool,
}

pub(super) fn all(host: &Host, questions: Vec<Question>, deadline: Duration) -> Answers<Seen> {
    let (service, files): (Vec<_>, Vec<_>) =
        questions.into_iter().partition(|question| question.source == Source::Nss);
    let mut answers = Answers::new();
    if !files.is_empty() {
        let shadow = files.iter().any(|question| question.password).then(|| Shadow::read(host));
        let lists = Lists::read(host, shadow);
        answers.extend(files.into_iter().map(|question| {
            let seen = match &lists {
                Ok(lists) if is_pattern(&question.name) => lists.matched(&question.name),
                Ok(lists) => lists.seen(&question.name, question.password),
                Err(unknown) => Err(unknown.clone()),
            };
            (question.name, seen)
        }));
    }
    if !service.is_empty() {
        let names: Vec<String> = service.into_iter().map(|question| question.name).collect();
        match by_service(host, &names, deadline) {
            Ok(seen) => answers.extend(seen),
            Err(unknown) => {
                answers.extend(names.into_iter().map(|name| (name, Err(unknown.clone()))));
            }
        }
    }
    answers
}

/// What the files say of one name, or of all that a pattern matches.
pub(super) fn files(host: &Host, asked: &str) -> Result<Vec<(String, Seen)>, Unknown> {
    let lists = Lists::read(host, None)?;
    let names: BTreeSet<String> = if is_pattern(asked) {
        let names = lists.users.whole()?.iter().map(|user| user.name.clone());
        names.filter(|name| matches(asked, name)).collect()
    } else {
        BTreeSet::from([asked.to_owned()])
    };
    let seen = names.into_iter().map(|name| Ok((name.clone(), lists.seen(&name, false)?)));
    seen.collect()
}

struct Lists {
    users: List<Account>,
    groups: Result<List<Group>, Unknown>,
    shadow: Option<Result<Shadow, Unknown>>,
}

impl Lists {
    fn read(host: &Host, shadow: Option<Result<Shadow, Unknown>>) -> Result<Self, Unknown> {
        Ok(Self { users: read_users(host)?, groups: read_groups(host), shadow })
    }

    fn matched(&self, pattern: &str) -> Result<Seen, Unknown> {
        let mut seen = BTreeMap::new();
        for user in self.users.whole()?.iter().filter(|user| matches(pattern, &user.name)) {
            let shell = String::from_utf8_lossy(&user.shell);
            seen.entry(user.name.clone())
                .or_insert_with(|| Some(format!("uid {}, shell {shell}", user.uid)));
        }
        Ok(Seen::Matched(seen))
    }

    fn seen(&self, name: &str, password: bool) -> Result<Seen, Unknown> {
        let Some(user) = self.users.named(name)? else { return Ok(Seen::Absent) };
        let groups = self.groups.as_ref().map_err(Clone::clone);
        let named = groups.clone().and_then(|groups| {
            let group = groups.numbered(user.gid)?;
            Ok(group.map_or_else(|| user.gid.to_string(), |group| group.name.clone()))
        });
        let listing = groups.and_then(List::whole).map(|groups| {
            let with =
                |group: &&Group| group.gid != user.gid && group.members.iter().any(|m| m == name);
            groups.iter().filter(with).map(|group| group.name.clone()).collect()
        });
        let same_uid = self.users.whole().map(|users| {
            let same = |other: &&Account| other.uid == user.uid && other.name != name;
            users.iter().filter(same).map(|other| other.name.clone()).collect()
        });
        Ok(Seen::One(Box::new(One {
            group: named,
            groups: listing,
            same_uid,
            password: password.then(|| self.password(user)),
            again: self.users.again(name),
            ..One::plain(user)
        })))
    }

    fn password(&self, user: &Account) -> Result<Password, Unknown> {
        match (user.password, &self.shadow) {
            (Some(password), _) => Ok(password),
            (None, Some(Ok(shadow))) => shadow.of(&user.name),
            (None, Some(Err(unknown))) => Err(unknown.clone()),
            (None, None) => Err(no_answer()),
        }
    }
}

impl One {
    /// What the line of the account says on its own.
    fn plain(user: &Account) -> Self {
        Self {
            uid: user.uid,
            group: Ok(user.gid.to_string()),
            groups: Ok(BTreeSet::new()),
            home: text(&user.home),
            shell: text(&user.shell),
            comment: text(&user.comment),
            same_uid: Ok(Vec::new()),
            password: None,
            again: Vec::new(),
        }
    }
}

fn by_service(host: &Host, names: &[String], deadline: Duration) -> Result<Answers<Seen>, Unknown> {
    let service = NameService::of(host, deadline)?;
    let accounts = service.users(names)?;
    let one = |name: &String| {
        let account = accounts.named(name)?.ok_or_else(|| nss_knows_none(name))?;
        let group_name = |gid: u32| {
            let found = service.groups(&[gid.to_string()])?;
            Ok(found.numbered(gid)?.map_or_else(|| gid.to_string(), |group| group.name.clone()))
        };
        let others = service.groups_of(name).and_then(|gids| {
            gids.into_iter().filter(|gid| *gid != account.gid).map(group_name).collect()
        });
        Ok(Seen::One(Box::new(One {
            group: group_name(account.gid),
            groups: others,
            same_uid: Err(Unknown::new(
                Reason::NotSupported,
                "a name service need not list everybody",
            )),
            ..One::plain(account)
        })))
    };
    Ok(names.iter().map(|name| (name.clone(), one(name))).collect())
}
