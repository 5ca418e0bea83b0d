SELECT count(*) FROM cutter_governance.verify_result
