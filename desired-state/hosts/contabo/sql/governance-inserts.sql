WITH envelope AS (
  INSERT INTO cutter_governance.manifest_envelope (id, source_digest) VALUES ($1, 'probe') RETURNING id
), block AS (
  INSERT INTO cutter_governance.manifest_unit_block (id, envelope_id, canonical_address) SELECT id, id, 'probe' FROM envelope
), change AS (
  INSERT INTO cutter_governance.cut_change_set (id, envelope_id, status) SELECT id, id, 'probe' FROM envelope RETURNING id
), affected AS (
  INSERT INTO cutter_governance.cut_change_set_affected_row (id, change_set_id, relation) SELECT id, id, 'probe' FROM change
), decision AS (
  INSERT INTO cutter_governance.review_decision (id, change_set_id, decision) SELECT id, id, 'probe' FROM change
), signature AS (
  INSERT INTO cutter_governance.dot_pair_signature (id, change_set_id, signer) SELECT id, id, 'cutter_exec' FROM change
), entry AS (
  INSERT INTO cutter_governance.decision_backlog_entry (id, subject) SELECT id, 'probe' FROM change RETURNING id
)
INSERT INTO cutter_governance.decision_backlog_history (id, entry_id, note) SELECT id, id, 'probe' FROM entry
