//! Sequences: what no rollback takes back, and any application moves.

use super::{Attack, attack};

const MAY: &str =
    "GRANT USAGE, UPDATE ON SEQUENCE public.counted_n_seq, public.fresh TO cutter_exec";
const MAY_NOT: &str =
    "REVOKE USAGE, UPDATE ON SEQUENCE public.counted_n_seq, public.fresh FROM cutter_exec";
const COUNTED: &[&str] = &["sequence counted_n_seq"];

pub(super) const ATTACKS: &[Attack] = &[
    attack("`nextval`, without the right", doing!("PERFORM nextval('public.counted_n_seq');"), "CONTRACT-FAILED", "42501"),
    attack(
        "`nextval`",
        doing!("PERFORM nextval('public.counted_n_seq');"),
        "LEAK",
        "sequence public.counted_n_seq went from",
    )
    .given(MAY, MAY_NOT)
    .stays(COUNTED),
    attack(
        "`nextval` of a sequence that the contract declares",
        doing!("PERFORM nextval('public.counted_n_seq');"),
        "CLEAN-WITH-RESIDUE",
        "public.counted_n_seq",
    )
    .given(MAY, MAY_NOT)
    .keys("sequences = [\"public.counted_n_seq\"]")
    .stays(COUNTED),
    attack(
        "`nextval` in a block that fails",
        doing!("BEGIN PERFORM nextval('public.counted_n_seq'); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END;"),
        "LEAK",
        "sequence public.counted_n_seq went from",
    )
    .given(MAY, MAY_NOT)
    .stays(COUNTED),
    attack(
        "`nextval`, and then the refusal that is expected",
        doing!("PERFORM nextval('public.counted_n_seq'); RAISE insufficient_privilege;"),
        "LEAK",
        "sequence public.counted_n_seq went from",
    )
    .given(MAY, MAY_NOT)
    .keys("denied = \"42501\"")
    .stays(COUNTED),
    attack(
        "`nextval` where only reading is expected",
        "SELECT nextval('public.counted_n_seq')",
        "LEAK",
        "sequence public.counted_n_seq went from",
    )
    .given(MAY, MAY_NOT)
    .keys("expect = \"read\"")
    .stays(COUNTED),
    attack(
        "`nextval` by a function of the owner",
        doing!("PERFORM public.owner_run('SELECT nextval(''public.counted_n_seq'')');"),
        "LEAK",
        "sequence public.counted_n_seq went from",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run")
    .stays(COUNTED),
    attack(
        "an identity column, for which no right is needed",
        doing!("INSERT INTO public.identified (note) VALUES ('probe');"),
        "LEAK",
        "sequence public.identified_n_seq went from",
    )
    .stays(&["sequence identified_n_seq"]),
    attack(
        "an identity column whose sequence the contract declares",
        doing!("INSERT INTO public.identified (note) VALUES ('probe');"),
        "CLEAN-WITH-RESIDUE",
        "public.identified_n_seq",
    )
    .keys("sequences = [\"public.identified_n_seq\"]")
    .stays(&["sequence identified_n_seq"]),
    attack(
        "`setval`",
        doing!("PERFORM setval('public.counted_n_seq', 4711);"),
        "LEAK",
        "sequence public.counted_n_seq went from",
    )
    .given(MAY, MAY_NOT)
    .stays(COUNTED),
    attack(
        "`setval` of where a sequence that nobody has used begins",
        doing!("PERFORM setval('public.fresh', 4711, false);"),
        "LEAK",
        "sequence public.fresh went from",
    )
    .given(MAY, MAY_NOT)
    .stays(&["sequence fresh"]),
    attack(
        "`setval` there and back",
        doing!("PERFORM setval('public.counted_n_seq', 4712); PERFORM setval('public.counted_n_seq', 4711);"),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(MAY, MAY_NOT),
    attack(
        "`ALTER SEQUENCE … RESTART`",
        doing!("PERFORM public.owner_run('ALTER SEQUENCE public.counted_n_seq RESTART');"),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
    attack(
        "`TRUNCATE … RESTART IDENTITY`",
        doing!("PERFORM public.owner_run('TRUNCATE public.counted RESTART IDENTITY');"),
        "CLEAN-ABSOLUTE",
        "",
    )
    .given(owner_run!(""), "DROP FUNCTION public.owner_run"),
    attack("looking at all sequences", doing!("PERFORM last_value FROM pg_sequences;"), "CLEAN-ABSOLUTE", "").given(MAY, MAY_NOT),
    attack(
        "`nextval` of a sequence that the observer may not read",
        doing!("PERFORM nextval('public.counted_n_seq');"),
        "INCONCLUSIVE",
        "the observer may not read how far sequence public.counted_n_seq has come",
    )
    .given(
        "GRANT USAGE ON SEQUENCE public.counted_n_seq TO cutter_exec; REVOKE SELECT ON SEQUENCE public.counted_n_seq FROM countersign_observer",
        "REVOKE USAGE ON SEQUENCE public.counted_n_seq FROM cutter_exec; GRANT SELECT ON SEQUENCE public.counted_n_seq TO countersign_observer",
    )
    .stays(COUNTED),
];
