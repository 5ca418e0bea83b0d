WITH change AS (
  INSERT INTO cutter_governance.cut_change_set (id, envelope_id, status) VALUES ($1, 1, 'probe') RETURNING id
), signature AS (
  INSERT INTO cutter_governance.dot_pair_signature (id, change_set_id, signer) SELECT id, id, 'cutter_verify' FROM change
)
INSERT INTO cutter_governance.verify_result (id, change_set_id, verdict) SELECT id, id, 'probe' FROM change
