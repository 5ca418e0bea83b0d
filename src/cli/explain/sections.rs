//! The sections of desired state that are no kinds of resources: what each is for, and an example of it.

use crate::desired::{
    AttestationSection, DatabaseSection, Defaults, GapSection, GateSection, HostSection,
    ProofSection, ProofsetSection, ReportSection, WaiverSection,
};

/// A table that is no resource: its name, what it is, where it stands and what to know, an example.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) doc: &'static str,
    pub(super) example: &'static str,
    pub(super) schema: fn() -> Option<schemars::Schema>,
}

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "host",
        about: "which machine this is, and the roles that it shares",
        doc: "In hosts/NAME/host.toml. An identity that the machine contradicts ends the check with exit code 7 before anything \
              else is looked at; one that cannot be read makes every resource of the host Unknown.",
        example: "[host]\nidentity = { hostname = \"vmi3080463\", machine_id = \"…\" }\nroles = [\"base\"]",
        schema: || Some(schemars::schema_for!(HostSection)),
    },
    Section {
        name: "database",
        about: "a database of the host, and what makes it that one",
        doc: "In hosts/NAME/host.toml. How to reach it stands in the host's own configuration, as `[database.NAME] observer = \
              { url = \"…\" }`. `system_identifier` is what `SELECT system_identifier FROM pg_control_system()` prints.",
        example: "[database.directus]\nidentity = { system_identifier = \"7611578671664259111\", name = \"directus\", server_version = \"16\" }",
        schema: || Some(schemars::schema_for!(DatabaseSection)),
    },
    Section {
        name: "values",
        about: "texts that resources refer to as `${values.NAME}`",
        doc: "In fleet.toml or hosts/NAME/host.toml, and a name in only one of them. The text takes the place of the reference; \
              there are no expressions.",
        example: "[values]\nmilestone = \"O8B\"",
        schema: || None,
    },
    Section {
        name: "defaults",
        about: "what holds for every resource that does not say otherwise",
        doc: "In fleet.toml.",
        example: "[defaults]\nseverity = \"major\"\ncontact = \"operations\"",
        schema: || Some(schemars::schema_for!(Defaults)),
    },
    Section {
        name: "waiver",
        about: "known drift that is accepted for a time",
        doc: "In any file of a host or role. The drift is still shown and counted, and does not make the verdict worse until the \
              waiver expires. It covers no Unknown, and a guard cannot be waived. It is named after its one resource, or has any name and a \
              `selector`; with `field` it covers differences in that field alone, and a resource in which others differ too is not waived.",
        example: "[waiver.\"directory./var/lib/cutter\"]\nowner = \"operations\"\nreason = \"stays until its successor is deployed\"\nexpires = \"2027-12-31\"\n\n[waiver.renamed-group]\nselector = \"directory./srv/*\"\nfield = \"group\"\nowner = \"operations\"\nreason = \"the group is renamed with the next release\"\nexpires = \"2027-12-31\"",
        schema: || Some(schemars::schema_for!(WaiverSection)),
    },
    Section {
        name: "proof",
        about: "a statement that runs on the real database in a transaction that cannot commit",
        doc: "In any file of a host or role. `countersign prove NAME` logs in as the role, runs the one statement of `contract` inside of \
              another that always ends in an error, behind a trigger that refuses every commit, rolls back, and has the observer ask the server what became of \
              every transaction meanwhile. The host admits contracts by their digests, which `countersign prove --list` prints. It rests \
              on the objects of a `proof_guard`. docs/proof.md says what a verdict means and what no proof shows.",
        example: "[proof.unit-create]\ntitle = \"a unit is made, with all that belongs to it\"\ndatabase = \"directus\"\nrole = \"cutter_exec\"\n\
                  contract = \"sql/unit-create.sql\"           # SELECT public.fn_iu_create($1, $2, …) AS answer\n\
                  parameters = [{ type = \"text\", value = \"PROBE-\", nonce = true }, { type = \"text\", value = \"a title\" }]\n\
                  expect = \"write\"\nrows = 1\nresult = { \"answer.status\" = \"created\" }\n\
                  witness = \"sql/unit-count.sql\"             # SELECT count(*) FROM public.information_unit\n\
                  leak = \"sql/unit-leak.sql\"                 # … WHERE canonical_address LIKE 'PROBE-%'\n\
                  writes = [\"public.information_unit\", \"public.unit_version\"]\nsequences = [\"public.iu_anchor_n_seq\"]",
        schema: || Some(schemars::schema_for!(ProofSection)),
    },
    Section {
        name: "proofset",
        about: "proofs, resources and commands in an order, which count together as `9/9`",
        doc: "In any file of a host or role. `countersign prove NAME` goes through its lines: proofs are run, resources are looked at afresh when \
              their turn comes, or compared with how they were before the first line. A line holds when everything that it names does.",
        example: "[proofset.release]\ntitle = \"the database, before a release\"\n\n[[proofset.release.lines]]\nname = \"PROOF-1\"\n\
                  title = \"the switch is off\"\nin_sync = [\"constant.execution-enabled\"]\n\n[[proofset.release.lines]]\nname = \"PROOF-2\"\n\
                  title = \"a unit can be made\"\nproofs = [\"proof.unit-create\"]\n\n[[proofset.release.lines]]\nname = \"PROOF-3\"\n\
                  title = \"no count has changed\"\nunchanged = [\"row_count.*\"]",
        schema: || Some(schemars::schema_for!(ProofsetSection)),
    },
    Section {
        name: "attestation",
        about: "what only a person can state, as text that somebody signs",
        doc: "In any file of a host or role, or in fleet.toml. `countersign attest NAME --as …` shows the text and has it signed with the signer's own \
              SSH key; `attest --import` puts it on the executor's ledger. It holds, as `attestation.NAME` in `requires` and `closes_when`, while as many \
              people as it asks for have stated this very text for this host, in a role that it names and that `[attest]` of the trust file lets attest, \
              and nothing of that has expired or was taken back. Otherwise it was not run: a missing statement is never known to be false. \
              docs/attestations.md says more.",
        example: "[attestation.no-secret-asked]\ntitle = \"secrets\"\nstatement = \"nobody was asked for a secret during this run\"\nroles = [\"owner\"]\nmax_age = \"7d\"\n\n\
                  [attestation.target]\ntitle = \"the document of the first run\"\ncriteria = [\n  \"it is not the constitution\",\n  \"a dry run of it was green\",\n]\n\
                  document = true                             # its SHA-256 has to be named\nroles = [\"owner\"]\npeople = 2",
        schema: || Some(schemars::schema_for!(AttestationSection)),
    },
    Section {
        name: "gate",
        about: "what has to hold before something goes on, and the gates that come before it",
        doc: "In any file of a host or role, or in fleet.toml. `countersign gate NAME` looks at all that it requires and says PASS, PARTIAL, FAIL, \
              BLOCKED or NOT_RUN, with what that rests on and the first thing that is missing. Resources have to be in sync, and a \
              waiver does not make them so; of proofs the newest outcome on the executor's ledger counts, while it is of the same \
              contract and no older than `max_age`. Nothing that was not run passes.",
        example: "[gate.G0]\ntitle = \"what is deployed is what was ratified\"\nrequires = [\"tree.*\", \"kill_switch\"]\n\n[gate.G4]\n\
                  title = \"the write is proven, and nothing of it stays\"\nneeds = [\"G0\"]\nrequires = [\"proofset.release\"]\nmax_age = \"12h\"\n\n\
                  [[gate.G4.criteria]]\nname = \"row_counts_unchanged\"\nrequires = [\"row_count.*\"]",
        schema: || Some(schemars::schema_for!(GateSection)),
    },
    Section {
        name: "gap",
        about: "what is known to be missing, what closes it, and the gates that wait for it",
        doc: "In any file of a host or role, or in fleet.toml. Nobody sets its state: it is CLOSED while all of `closes_when` holds and every \
              resource that says `gap = \"NAME\"` is in sync, PARTIAL while some of it does, OPEN otherwise; it opens again by itself. A gate in `blocks` \
              does not pass while it is not closed. `countersign gap list` and `gap show NAME` compute it, `gap next NAME` prints the commands that \
              would close it.",
        example: "[gap.GAP5]\ntitle = \"the folders of a run are not there\"\naliases = [\"GAP-5\"]\ncontact = \"operator\"\n\
                  closes_when = [\"directory./var/lib/cutter*\"]\nresidue = \"a deployment makes the configuration stale\"\n\
                  next = \"approve the plan that makes them\"\nblocks = [\"first-run\"]",
        schema: || Some(schemars::schema_for!(GapSection)),
    },
    Section {
        name: "report",
        about: "what is reported after a piece of work: documents, what has to hold, what must not have been done",
        doc: "In any file of a host or role, or in fleet.toml. `countersign report NAME -o DIR` computes it and writes a package: each document as \
              Markdown, HTML and JSON, the whole as one page, what was seen, the entries of the executor's ledger that lines cite, and a signed statement over \
              all of it. The outcome is `ready` only if every gate passes, every criterion holds, everything that is forbidden is shown not to have been done, \
              and the run itself changed nothing; a line that nothing backs holds it back. docs/report-packages.md says what a package proves.",
        example: "[report.release]\ntitle = \"the database, before a release\"\nid = \"release-42\"\nready = \"READY\"\nblocked = \"BLOCKED\"\n\
                  next = [\"deploy\"]\n\n[[report.release.documents]]\nname = \"01-precheck\"\ntitle = \"what is deployed\"\ngates = [\"G0\"]\n\
                  resources = [\"tree.*\"]\n\n[[report.release.documents]]\nname = \"02-final\"\ntitle = \"the outcome\"\nproofs = [\"proofset.release\"]\n\n\
                  [[report.release.criteria]]\nname = \"row_counts_unchanged\"\nrequires = [\"row_count.*\"]\n\n[[report.release.forbidden]]\n\
                  name = \"a change of the host\"\nabsent = [\"step.intent\"]",
        schema: || Some(schemars::schema_for!(ReportSection)),
    },
];
