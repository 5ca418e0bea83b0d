INSERT INTO cutter_governance.verify_result (id, change_set_id, verdict) VALUES (-1, 1, 'probe')
