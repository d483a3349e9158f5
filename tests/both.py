"""Which tests run on PostgreSQL in `make test` too; the others do on SQLite there, and on both in `make long`.

What a flow does is the same on both databases: it is proved on one. What may differ is named here: locks, who comes
first, what survives a death, and each statement in the dialect of the other database.
"""

from __future__ import annotations

#: folders, modules and single tests, by how their names begin
TAKES_PART = (
    # the statements themselves, one by one
    "tests/store/",
    # what dies and what two do at once
    "tests/faults/",
    "tests/cli/test_bulk_kills.py::test_a_killed_replay_is_resumed_and_does_each_once",
    "tests/dead_letters/test_bulk.py",
    "tests/flows/test_alerts.py",
    "tests/flows/test_clock_merges.py",
    "tests/flows/test_doubles.py",
    "tests/flows/test_escalations.py",
    "tests/flows/test_journey.py",
    "tests/flows/test_lasting.py",
    "tests/flows/test_late_locks.py",
    "tests/flows/test_orphans.py",
    "tests/flows/test_protocol.py",
    "tests/flows/test_races.py",
    "tests/flows/test_rate.py",
    "tests/flows/test_routing.py::test_many_at_once_never_overfill_anybody",
    "tests/flows/test_routing.py::test_a_sweep_that_dies_gives_it_once_in_the_end",
)
#: with those above, PostgreSQL is given every statement that the whole suite gives it: 797 of 797 when it was counted
SAYS_MORE = {
    "tests/connectors/email/test_conversations.py": (
        "test_one_in_copy_who_is_refused_is_told",
        "test_what_no_person_wrote_is_listed_and_can_be_taken",
    ),
    "tests/connectors/email/test_import.py": ("test_what_lies_in_a_mailbox_is_brought_in",),
    "tests/dead_letters/test_healing.py": (
        "test_a_create_without_a_word_for_its_status_heals_when_the_map_has_one",
        "test_a_parked_delivery_is_decided_by_the_rules_of_then_when_it_is_pinned",
        "test_an_edit_does_not_go_beside_what_has_landed",
        "test_an_edited_update_is_another_effect_where_nothing_has_landed",
        "test_an_event_on_a_blocked_ticket_says_behind_what_it_is_held",
        "test_the_mark_of_a_create_that_was_given_up_confirms_it",
    ),
    "tests/dead_letters/test_resolve.py": (
        "test_a_skipped_letter_goes_to_the_end_of_its_lane",
        "test_it_is_found_by_a_part_of_its_id",
    ),
    "tests/demo/test_counting.py": ("test_what_reached_the_other_desk_once_is_delivered",),
    "tests/flow/test_sweep.py": ("test_clearing_goes_on_at_the_next_sweep_while_there_is_more",),
    "tests/flows/edges/test_out_of_sight.py": ("test_what_is_to_be_written_waits_behind_one_letter",),
    "tests/flows/edges/test_split.py": ("test_what_is_split_off_has_a_copy_of_its_own",),
    "tests/flows/test_actions.py": ("test_a_hook_whose_answer_is_lost_is_posted_again_under_its_name",),
    "tests/flows/test_authority.py": ("test_where_the_gateway_counts_the_desk_is_recorded_and_changes_nothing",),
    "tests/flows/test_clocks.py": ("test_a_promise_around_the_clock_may_wait_for_business_days_of_its_policy",),
    "tests/flows/test_crosslinks.py": ("test_tickets_that_a_team_has_tied_become_one",),
    "tests/flows/test_drift.py": (
        "test_a_busy_desk_is_waited_for",
        "test_a_ticket_that_we_do_not_have_is_found",
    ),
    "tests/flows/test_duplicates.py": (
        "test_nothing_of_a_customer_stands_in_the_keys",
        "test_what_is_delivered_again_says_nothing_twice",
    ),
    "tests/flows/test_enriching.py": ("test_an_answer_is_never_kept_without_the_rules_running_again",),
    "tests/flows/test_feeds.py": (
        "test_a_feed_that_no_rota_names_any_more_is_forgotten",
        "test_the_sweep_rings_for_a_feed_that_is_due",
        "test_who_leaves_earlier_now_is_asked_to_hand_over_in_time",
    ),
    "tests/flows/test_files.py": ("test_a_file_comes_with_its_comment",),
    "tests/flows/test_handoff_buttons.py": ("test_a_forged_press_is_refused",),
    "tests/flows/test_linked_originals.py": ("test_what_is_said_on_the_duplicate_is_still_heard",),
    "tests/flows/test_long_queue.py": ("test_other_routes_let_the_whole_queue_be_looked_at_once",),
    "tests/flows/test_merges.py": (
        "test_a_dead_letter_holds_the_lane_that_it_has_moved_to",
        "test_the_lanes_of_two_linked_tickets_are_joined",
    ),
    "tests/flows/test_observed_report.py": ("test_what_an_observer_would_have_done_is_counted",),
    "tests/flows/test_reports.py": (
        "test_progress_is_told_and_a_ticket_that_cannot_be_told_is_left_out",
        "test_what_happened_at_the_desks_is_in_the_report",
    ),
    "tests/flows/test_routing.py": ("test_each_answer_is_explained",),
    "tests/flows/test_routing_alerts.py": (
        "test_what_no_route_is_for_is_listed_however_often_it_was_passed_on",
        "test_what_nobody_can_have_and_what_is_frozen_is_told_once",
    ),
    "tests/flows/test_showing.py": ("test_a_merged_ticket_is_left_alone_and_its_copy_is_due_no_more",),
}
BOTH = (*TAKES_PART, *(f"{module}::{test}" for module, tests in SAYS_MORE.items() for test in tests))


def needs_both(name: str) -> bool:
    """Say whether a test, by its node id, runs on PostgreSQL in `make test`."""
    return name.startswith(BOTH)
