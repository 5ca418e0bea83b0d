//! What a trust file promises and cannot keep.

use std::collections::{BTreeMap, BTreeSet};

use super::{Approver, People, Policy, Trust};
use crate::model::{Code, Diagnostic, SshKey, Timestamp};

impl Trust {
    /// Everything that looks wrong although its form is right. Nothing here is refused: all of it fails closed. `actions`: the
    /// names of all that there are.
    #[must_use]
    pub fn lint(&self, now: Timestamp, actions: &[&str]) -> Vec<Diagnostic> {
        let people = self.people();
        let mut found = Vec::new();
        self.shared_keys(&people, &mut found);
        self.idle_approvers(&mut found);
        self.idle_roles(&mut found);
        for (name, policy) in &self.policies {
            self.quorum(name, policy, &people, &mut found);
            for action in policy.actions.iter().filter(|one| !actions.contains(&one.as_str())) {
                let message = format!("`{name}` covers `{action}`, and no action has that name");
                let hint = format!("there are: {}", actions.join(", "));
                found.push(self.warning("policy", name, message, &hint));
            }
            for freeze in policy.freeze.iter().filter(|freeze| freeze.is_over(now)) {
                let message = format!("the freeze {freeze} is over");
                found.push(self.warning(
                    "policy",
                    name,
                    message,
                    "remove it, or write the next one",
                ));
            }
        }
        if self.policies.is_empty() {
            let message = "there is no policy, so no plan can be approved";
            let hint = "write a [policy.NAME] for the changes that may be approved";
            let warning = Diagnostic::error(Code::TrustGap, self.file.clone(), 0..0, message);
            found.push(warning.warning().hint(hint));
        }
        found.sort();
        found
    }

    fn warning(
        &self,
        section: &'static str,
        name: &str,
        message: String,
        hint: &str,
    ) -> Diagnostic {
        let place = self.places.get(&(section, name.to_owned())).cloned().unwrap_or_default();
        Diagnostic::error(Code::TrustGap, self.file.clone(), place, message).warning().hint(hint)
    }

    fn shared_keys(&self, people: &People, found: &mut Vec<Diagnostic>) {
        let mut owner: BTreeMap<&SshKey, &String> = BTreeMap::new();
        for (name, approver) in &self.approvers {
            let mut own = BTreeSet::new();
            for key in &approver.keys {
                if !own.insert(key) {
                    let message = format!("`{name}` has one key twice: {}", key.fingerprint());
                    found.push(self.warning("approver", name, message, "remove one of the two"));
                    continue;
                }
                if let Some(other) = owner.insert(key, name) {
                    let message = format!(
                        "`{other}` and `{name}` have one key, so they count as one person: {}",
                        key.fingerprint()
                    );
                    let hint = "each person signs with a key of their own";
                    found.push(self.warning("approver", name, message, hint));
                }
            }
        }
        // The same person may commit and approve; under two names it only looks like two people.
        for name in self.committers.keys().filter(|name| !self.approvers.contains_key(*name)) {
            if let Some(alias) = people.aliases(name).next() {
                let message = format!("the committer `{name}` is the same person as `{alias}`");
                found.push(self.warning("committer", name, message, "use one name in both places"));
            }
        }
    }

    fn idle_approvers(&self, found: &mut Vec<Diagnostic>) {
        let attest = self.attest.as_ref().map(super::Attest::all).unwrap_or_default();
        let asked = self.policies.values().flat_map(|policy| policy.require.keys());
        let asked: BTreeSet<&String> = asked.chain(&attest).collect();
        for (name, approver) in self.approvers.iter().filter(|(_, one)| !one.revoked) {
            if approver.keys.iter().all(|key| self.is_revoked(key)) {
                let message = format!("every key of `{name}` is revoked");
                found.push(self.warning("approver", name, message, "give them a new key"));
            } else if !approver.roles.iter().any(|role| asked.contains(role)) {
                let message = format!("no policy asks for a role that `{name}` has");
                let hint = "a statement of theirs can reject or revoke, and never approve";
                found.push(self.warning("approver", name, message, hint));
            }
        }
    }

    /// Roles that attest, and that nobody has.
    fn idle_roles(&self, found: &mut Vec<Diagnostic>) {
        for role in self.attest.iter().flat_map(super::Attest::all) {
            let has = |approver: &Approver| !approver.revoked && approver.roles.contains(&role);
            if !self.approvers.values().any(has) {
                let message = format!("`[attest]` names the role `{role}`, which nobody has");
                let hint = "give it to an approver, or remove it";
                found.push(self.warning("attest", "", message, hint));
            }
        }
    }

    /// Are there enough people for a policy at all?
    fn quorum(&self, name: &str, policy: &Policy, people: &People, found: &mut Vec<Diagnostic>) {
        let able = |approver: &Approver| {
            !approver.revoked && approver.keys.iter().any(|key| !self.is_revoked(key))
        };
        let with = |asked: &dyn Fn(&Approver) -> bool| {
            let able = self.approvers.iter().filter(|(_, one)| able(one) && asked(one));
            able.map(|(name, _)| people.person(name)).collect::<BTreeSet<_>>().len()
        };
        for (role, min) in &policy.require {
            let have = with(&|approver| approver.roles.contains(role));
            if have < *min {
                let message = format!(
                    "`{name}` asks for {min} people in the role `{role}`, and there are {have}"
                );
                let hint = "no plan under this policy can be approved";
                found.push(self.warning("policy", name, message, hint));
            }
        }
        let have = with(&|approver| approver.roles.iter().any(|r| policy.require.contains_key(r)));
        if have < policy.total {
            let total = policy.total;
            let message = format!(
                "`{name}` asks for {total} people in all, and there are {have} in its roles"
            );
            let hint = "no plan under this policy can be approved";
            found.push(self.warning("policy", name, message, hint));
        }
    }
}
