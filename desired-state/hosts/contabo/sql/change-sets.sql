SELECT count(*) FROM cutter_governance.cut_change_set
