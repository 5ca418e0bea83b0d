//! The refusals of `apply` and `prove`, besides those of approvals: a page for each word that they write to the ledger.

/// A gate that did not open.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    /// With what the run ends; where it depends on why, the first that comes to mind.
    pub(super) exit: u8,
    /// What to do about it.
    pub(super) hint: &'static str,
}

macro_rules! gates {
    ($($word:literal, $exit:literal, $title:literal, $hint:literal;)+) => {
        &[$(Gate { word: $word, title: $title, exit: $exit, hint: $hint }),+]
    };
}

/// In the order in which they are asked.
pub(super) const GATES: &[Gate] = gates! {
    "switched_off", 7, "the switch is off", "the owner of switch.toml arms the verb, for as long as it is needed";
    "switch_unreadable", 7, "what the switch says cannot be told, so it is off", "mend switch.toml; without it nothing is armed";
    "switch_insecure", 78, "others could have written the switch", "it and its folder belong to root, or to the user of a sandbox, alone";
    "halted", 7, "somebody halted this host", "`countersign halt --status` says who and why; the owner of the configuration lifts it with `halt --lift`";
    "halt_unreadable", 7, "whether it is halted cannot be told", "let the user who applies read the folder `halt` below `data`";
    "trust_unusable", 78, "the trust file cannot be used", "`countersign trust lint` says what is wrong with it";
    "ledger_damaged", 8, "the ledger does not verify", "nothing is changed on its word; `countersign ledger verify` finds the first entry that is wrong";
    "ledger_unreadable", 8, "the ledger cannot be read", "`countersign ledger verify` says where";
    "ledger_contradicted", 8, "somebody who approved saw another ledger", "it was shortened or written anew: find out by whom, and restore it";
    "other_ledger", 8, "the plan names another ledger than this host has", "make a new plan; find out what became of the earlier ledger";
    "plan_malformed", 8, "the file is no plan, or not one of this program", "`countersign show FILE` says what it is";
    "not_sealed", 8, "no such plan was made here", "apply the very file that `countersign plan -o` wrote on this host";
    "host_unverified", 7, "this machine cannot be told from others", "a machine has one line in /etc/machine-id";
    "clock_regressed", 7, "the clock is behind the newest entry of the ledger", "mend the clock, then try again";
    "plan_expired", 5, "the plan is too old", "make a new one";
    "no_executor", 78, "the host has no executor for a database of the plan", "`executor` of [database.NAME] in the host's configuration names the session";
    "wrong_cluster", 7, "a database is another one than the plan names", "compare its system identifier with that of the plan";
    "source_unverified", 8, "the commit is not signed as the host demands", "`verify` of [source] in the host's configuration says how";
    "replan_failed", 4, "the plan could not be made again, so nobody knows whether it still says what would happen", "the message says what could not be seen";
    "stale_plan", 5, "made again, the plan has another effect", "the world or desired state moved: make a new plan, and have it approved";
    "trust_changed", 5, "the trust file is another one than when the plan was made", "make a new plan, so that people approve under the rules of today";
    "statement_unreadable", 6, "a statement cannot be read", "one among them could be a veto: mend or remove the file";
    "author_unreadable", 6, "who signed the commits cannot be read", "the policy asks for it; `git fsck` in the source says more";
    "not_marked", 8, "what was had from the source could not be kept", "the message says why; `data` has to be writable for the owner";
    "guard_broken", 7, "a guard is not seen to hold", "nothing is changed or proven until every guard holds: `countersign check` shows which does not";
    "guard_broken_afterwards", 7, "a guard was not seen to hold when the run had ended", "look at once: `countersign check`, then the ledger's last entries";
    "desired_state", 65, "desired state cannot be had or is not valid", "`countersign lint` says what is wrong";
    "no_such_proof", 65, "there is no proof of that name", "`countersign prove --list` names them all";
    "no_proofs", 65, "the host has no proofs", "`countersign explain proof` shows how one is declared";
    "ambiguous", 64, "a proof and a set of proofs have that name", "write proof.NAME or proofset.NAME";
    "not_admitted", 7, "this host does not admit the contract", "`admit` of [prove] in its configuration, or a signature by `countersign attest --admit`";
    "role_not_admitted", 7, "nothing is proven as this role", "`roles` of the prover of [database.NAME] names those who may";
    "no_session", 78, "the host has no session that proofs need", "`prover` and `observer` of [database.NAME] in its configuration";
    "identity", 7, "the host or the cluster is not the one that is meant, or that cannot be told", "compare `identity` of desired state with what the message names";
    "not_prepared", 4, "the session of the proof did not come to be as it has to", "the message says what it lacked";
    "ledger_unwritable", 1, "the ledger could not take the record", "nothing runs that is not recorded first: look at disk and rights of `data`";
    "no_nonce", 1, "the system gave no random number", "try again; without one nothing runs";
    "no_runtime", 1, "the program could not start its own threads", "look at the limits of processes and memory";
};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// The words in `Refusal::new("…"`, on the same line or the next.
    fn words_of(text: &str) -> Vec<String> {
        let after = text.split("Refusal::new(").skip(1);
        let literal =
            |rest: &str| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned);
        after.filter_map(literal).collect()
    }

    #[test]
    fn every_refusal_has_a_page() {
        let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
        let mut files = vec![cli.join("apply.rs"), cli.join("prove.rs")];
        for folder in ["apply", "prove"] {
            let entries = fs::read_dir(cli.join(folder)).expect("a folder");
            files.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        let words: Vec<String> = files
            .iter()
            .flat_map(|file| words_of(&fs::read_to_string(file).expect("text")))
            .collect();
        assert!(words.len() > 30, "{words:?}");
        for word in &words {
            assert!(super::super::page(word).is_some(), "{word} has no page");
        }
    }
}
