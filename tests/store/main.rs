//! The conformance suite of the store: every promise is tried on SQLite, and on PostgreSQL when `SYNDARIX_TEST_POSTGRES` holds the
//! owner's URL of a throwaway server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batch;
mod fair;
mod guard;
mod inbox;
mod isolation;
mod journal;
mod lanes;
mod ledger;
mod links;
mod migrations;
mod runs;
mod seal;
mod settings;
mod tokens;
mod work;
mod world;

/// Makes each case a test on both engines.
macro_rules! on_both_engines {
    ($($room:ident: $($case:ident)*;)*) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$room::$case(&crate::world::World::sqlite().await).await;
                }
            )*)*
        }
        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(world) = crate::world::World::postgres().await {
                        crate::$room::$case(&world).await;
                        world.drop_database().await;
                    }
                }
            )*)*
        }
    };
}

on_both_engines! {
    guard:
        fifty_runs_at_once_never_pass_the_limit
        an_hour_passes_and_a_life_does_not
        fifty_commands_at_once_empty_one_bucket;
    inbox:
        ten_equal_deliveries_at_once_are_one
        deliveries_that_come_together_do_not_depend_on_each_other
        a_replayed_delivery_is_read_again
        what_failed_is_read_again_once_per_request
        old_deliveries_go_and_unread_ones_stay
        deliveries_end_with_their_reason
        a_delivery_cannot_be_finished_twice;
    links:
        a_pair_is_found_from_either_side
        comments_are_pairs_as_well
        a_reason_that_comes_during_a_comparison_is_kept;
    work:
        every_item_goes_to_one_worker
        a_zombie_cannot_write_after_its_lease
        an_old_claim_does_not_fit_a_new_life_of_the_item
        work_that_comes_during_a_lease_is_kept
        work_for_later_that_comes_during_a_lease_keeps_its_time
        retries_wait_for_the_injected_clock
        the_longest_due_kind_comes_first
        an_extended_lease_holds
        nothing_is_scheduled_by_a_rollback
        what_was_put_off_can_be_stirred_and_looks_do_not_count;
    fair:
        a_flood_does_not_keep_the_others_waiting
        a_look_beside_a_flood_goes_by_the_index_of_shares
        shares_that_are_full_are_left_out
        kinds_take_turns
        deliveries_of_a_flooding_repository_let_others_pass
        lanes_that_schedule_each_other_do_not_block_each_other
        a_lease_lost_within_a_transaction_is_noticed_at_its_commit
        leases_do_not_go_by_the_clocks_of_processes
        work_of_other_processes_is_found_by_looking
        an_older_program_goes_on_after_a_newer_one_came;
    batch:
        what_is_claimed_in_batches_goes_to_one_worker_each
        what_is_done_ends_where_new_work_is_fetched
        a_batch_that_was_lost_ends_nothing
        a_batch_is_shared_out_and_keeps_to_what_a_share_may_have
        kinds_share_a_batch
        batches_and_schedules_do_not_block_each_other
        steps_that_share_a_commit_do_not_share_a_fate
        a_step_given_up_by_its_run_leaves_the_others_alone;
    journal:
        two_writers_of_one_version_conflict
        appends_without_expectation_all_succeed
        the_journal_and_the_chain_cannot_be_changed
        what_was_written_is_what_is_read;
    lanes:
        an_intent_is_queued_once_per_source
        intents_keep_their_order_through_retries
        a_parked_intent_lets_the_lane_go_on
        the_first_holder_keeps_an_alias
        effects_with_one_key_become_the_last_of_them
        an_effect_that_was_tried_blocks_its_lane
        a_delayed_effect_lets_others_pass
        an_effect_is_queued_once
        timers_move_both_ways;
    runs:
        a_done_step_answers_from_its_row
        a_step_is_recorded_with_its_entry_or_not_at_all
        a_stop_reaches_unfinished_runs_only
        agents_keep_their_name
        erased_texts_stay_erased
        an_older_object_is_not_taken;
    ledger:
        fifty_reservations_at_once_never_overshoot
        a_repeated_step_finds_its_reservation
        settling_books_the_real_cost_once;
    seal:
        late_commits_are_sealed_and_places_are_dense
        two_sealers_at_once_make_one_chain
        the_pushed_position_is_fenced_and_never_moves_back;
    tokens:
        a_token_is_kept_read_and_revoked_once
        uses_are_noted_by_the_hour
        what_is_done_with_tokens_is_in_the_systems_own_chain
        pages_follow_each_other_and_keep_to_projects;
    settings:
        a_setting_is_kept_replaced_and_taken_back
        many_stories_never_overshoot_the_month_they_share
        limits_and_reservations_do_not_pass_each_other
        a_storys_own_limit_goes_over_the_configured_one
        what_cannot_be_read_keeps_the_purse_shut
        costs_are_told_apart_by_agent;
    isolation:
        a_project_sees_only_its_own
        a_reading_transaction_cannot_write
        projects_are_found_by_their_repository;
    migrations:
        sample_rows_survive_every_migration
        a_newer_schema_is_refused
        opening_twice_changes_nothing;
}
