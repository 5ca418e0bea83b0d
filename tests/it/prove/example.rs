//! The real write of the worked example, with what it rests on, and without; and what puts its statements together.

use serde_json::Value;

use super::{Lab, RESOURCES};

const PROOFS: &str = include_str!("../../../desired-state/hosts/contabo/proofs.toml");
const FILES: [(&str, &str); 3] = [
    ("sql/iu-create.sql", include_str!("../../../desired-state/hosts/contabo/sql/iu-create.sql")),
    ("sql/units.sql", include_str!("../../../desired-state/hosts/contabo/sql/units.sql")),
    ("sql/units-left.sql", include_str!("../../../desired-state/hosts/contabo/sql/units-left.sql")),
];

/// The function as it is, but for the first version of the unit.
const WITHOUT_VERSION: &str = "DO $d$ DECLARE was text; becomes text; BEGIN \
    SELECT pg_get_functiondef(oid) INTO STRICT was FROM pg_proc WHERE proname = 'fn_iu_create'; \
    becomes := regexp_replace(was, 'INSERT INTO public\\.unit_version[^;]*;', ''); \
    IF becomes = was THEN RAISE 'nothing was taken away'; END IF; EXECUTE becomes; END $d$";

impl Lab {
    /// Declares the proof of the example under the name that this laboratory runs.
    fn declare_example(&self) {
        let from = PROOFS.find("[proof.iu-create]").expect("the proof of the example");
        let proof = PROOFS[from..].split("\n\n").next().unwrap_or_default();
        for (file, text) in FILES {
            self.world.desired(&format!("hosts/a/{file}"), text);
        }
        let proof = proof.replace("[proof.iu-create]", "[proof.it]");
        self.world.desired("hosts/a/proofs.toml", &proof);
        self.world.commit();
    }
}

#[tokio::test]
async fn a_unit_is_created_and_without_what_the_deferred_gate_asks_for_it_is_not() {
    let Some(lab) = Lab::new().await else { return };
    lab.sql("GRANT SELECT ON public.iu_anchor_n_seq, public.birth_registry_n_seq TO countersign_observer").await;
    lab.record_calls().await;
    lab.declare_example();
    let whole = lab.evidence();
    assert_eq!(whole["verdict"], "CLEAN-WITH-RESIDUE", "{whole:#}");

    lab.sql(WITHOUT_VERSION).await;
    let broken = lab.evidence();
    assert_eq!(broken["verdict"], "CONTRACT-FAILED", "{broken:#}");
    assert!(broken["because"].to_string().contains("is born without a version"), "{broken:#}");
    // Nobody would have seen it but for the constraint that was made to judge: the statement itself ends well.
    let alone = "SELECT (public.fn_iu_create('ICX-CONST/ALONE', 't', 'b', 'a', p_section_type => 'article'))->>'status'";
    lab.sql("BEGIN").await;
    assert_eq!(lab.text(alone).await, "created");
    lab.sql("ROLLBACK").await;
    assert_ne!(broken["attempts"], Value::Null, "{broken:#}");
}

#[tokio::test]
async fn code_that_puts_statements_together_is_told_of_where_it_cannot_hide() {
    let Some(lab) = Lab::new().await else { return };
    let hidden = "DO $d$ BEGIN INSERT INTO public.bag VALUES ('probe'); \
                  EXECUTE 'SELECT public.fn_iu_create' || '_preflight()'; END $d$";
    lab.declare(hidden, "");
    let before = lab.evidence();
    assert_eq!(before["verdict"], "INCONCLUSIVE", "{before:#}");
    lab.world.desired("hosts/a/resources.toml", format!("{RESOURCES}recording = \"written\"\n"));
    if lab.major >= 15 {
        lab.sql("REVOKE SET ON PARAMETER track_functions FROM cutter_exec, cutter_verify").await;
    }
    for role in ["cutter_exec", "cutter_verify"] {
        lab.sql(&format!("ALTER ROLE {role} IN DATABASE directus SET track_functions = 'all'"))
            .await;
    }
    lab.declare(hidden, "writes = [\"public.bag\"]");
    let after = lab.evidence();
    assert_eq!(after["verdict"], "CLEAN-ABSOLUTE", "{after:#}");
    let called = after.to_string();
    assert!(called.contains("fn_iu_create_preflight"), "{after:#}");
    if lab.major < 15 {
        return;
    }
    // What it may only become is as good as what it has.
    lab.sql(
        "CREATE ROLE lender; GRANT SET ON PARAMETER track_functions TO lender; \
             ALTER ROLE cutter_exec NOINHERIT; GRANT lender TO cutter_exec",
    )
    .await;
    let switching = "DO $d$ BEGIN INSERT INTO public.bag VALUES ('probe'); SET ROLE lender; SET track_functions = 'none'; \
                     RESET ROLE; EXECUTE 'SELECT public.fn_iu_create' || '_preflight()'; SET ROLE lender; \
                     SET track_functions = 'all'; RESET ROLE; END $d$";
    lab.declare(switching, "writes = [\"public.bag\"]");
    let hidden = lab.evidence();
    assert_eq!(hidden["verdict"], "INCONCLUSIVE", "{hidden:#}");
    assert!(hidden.to_string().contains("switched the recording of calls off"), "{hidden:#}");
}
