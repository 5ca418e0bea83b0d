"""The live adapter: the six legs of a run, against the real database."""

from cutter_agent import orchestrator


class ProductionExecutionNotAuthorized(RuntimeError):
    """A live leg was called while the switch is off."""


LEGS = (
    "pre_write_backup",
    "cut_leg_a",
    "leg_b_record",
    "write_verify",
    "lifecycle_enact",
    "compensate",
)


class LiveAdapter:
    """Runs legs over connections that `provider` opens, one for each leg."""

    def __init__(self, provider):
        self._provider = provider

    def pre_write_backup(self, run_id):
        return self._leg("pre_write_backup", "select pg_export_snapshot()", run_id)

    def cut_leg_a(self, run_id):
        return self._leg("cut_leg_a", "select public.fn_iu_create(%s)", run_id)

    def leg_b_record(self, run_id):
        return self._leg("leg_b_record", "insert into cutter_governance.cut_change_set values (%s)", run_id)

    def write_verify(self, run_id):
        return self._leg("write_verify", "insert into cutter_governance.verify_result values (%s)", run_id)

    def lifecycle_enact(self, run_id):
        return self._leg("lifecycle_enact", "select public.fn_iu_enact(%s)", run_id)

    def compensate(self, run_id):
        return self._leg("compensate", "insert into cutter_governance.review_decision values (%s)", run_id)

    def _leg(self, leg, statement, run_id):
        # The switch comes first: a refused leg must not even be able to open a connection.
        if not orchestrator.execution_enabled():
            raise ProductionExecutionNotAuthorized(f"{leg}: execution is not enabled")
        if not run_id:
            raise ValueError(f"{leg}: a run needs an id")
        connection = self._provider()
        try:
            return connection.execute(statement, (run_id,))
        finally:
            connection.close()
