def test_no_completed_run_is_lost(lostproof_check):
    """Whatever happens within the bounds."""
    lostproof_check(holds=["completed-run-never-lost", "live-run-never-lost"])
