//! The log through its public interface, one suite over every backend.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod before;
mod interleaving;
mod line;
mod long;
mod model;
mod news;
mod outage;
mod proof;
mod replicas;
mod retention;
mod stand;
mod suite;
mod timeline;

/// Runs each test of the suite on each backend.
macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod sqlite { $(#[tokio::test] async fn $test() { crate::suite::$test(crate::stand::Stand::sqlite().await).await; })* }
        mod postgres { $(#[tokio::test] async fn $test() { crate::suite::$test(crate::stand::Stand::postgres().await).await; })* }
        mod mysql { $(#[tokio::test] async fn $test() { crate::suite::$test(crate::stand::Stand::mysql().await).await; })* }
    };
}

/// Runs each test on the databases that several processes can share.
macro_rules! shared {
    ($($test:ident),* $(,)?) => {
        mod shared_postgres { $(#[tokio::test] async fn $test() { crate::replicas::$test(crate::stand::Stand::postgres().await).await; })* }
        mod shared_mysql { $(#[tokio::test] async fn $test() { crate::replicas::$test(crate::stand::Stand::mysql().await).await; })* }
    };
}

shared!(
    replicas_append_at_once_and_see_one_order,
    a_linearizable_read_sees_what_another_replica_acknowledged,
    reads_that_wait_share_one_question,
    a_lease_that_another_replica_ended_takes_no_keys,
    a_lease_that_another_replica_renewed_goes_on_and_ends_once,
    followers_do_not_wait_for_their_period,
    a_log_that_went_back_stops_the_writer,
    a_key_too_long_for_the_index_fails_alone,
    what_two_replicas_prune_at_once_is_pruned_by_one,
    who_prunes_more_at_the_same_time_is_not_taken_for_done,
    a_hold_that_two_replicas_release_at_once_is_released_once,
);

/// Runs each test about letting go of payloads on each backend.
macro_rules! retention {
    ($($test:ident),* $(,)?) => {
        mod retention_sqlite { $(#[tokio::test] async fn $test() { crate::retention::$test(crate::stand::Stand::sqlite().await).await; })* }
        mod retention_postgres { $(#[tokio::test] async fn $test() { crate::retention::$test(crate::stand::Stand::postgres().await).await; })* }
        mod retention_mysql { $(#[tokio::test] async fn $test() { crate::retention::$test(crate::stand::Stand::mysql().await).await; })* }
    };
}

/// Runs the test of interleavings on each backend.
macro_rules! interleaving {
    ($($test:ident),* $(,)?) => {
        mod interleaving_sqlite { $(#[tokio::test] async fn $test() { crate::interleaving::$test(crate::stand::Stand::sqlite().await).await; })* }
        mod interleaving_postgres { $(#[tokio::test] async fn $test() { crate::interleaving::$test(crate::stand::Stand::postgres().await).await; })* }
        mod interleaving_mysql { $(#[tokio::test] async fn $test() { crate::interleaving::$test(crate::stand::Stand::mysql().await).await; })* }
    };
}

interleaving!(any_interleaving_with_erasures_and_holds_stays_true);

retention!(
    one_revision_goes_alone,
    what_is_old_and_not_needed_goes,
    a_legal_hold_wins,
    a_person_is_erased,
    what_is_gone_is_marked,
    a_hold_that_says_nothing_stops_no_pruning,
    salts_of_before_count,
    every_state_that_can_be_told_is_told_right,
);

/// Runs each test about time travel on each backend.
macro_rules! timeline {
    ($($test:ident),* $(,)?) => {
        mod timeline_sqlite { $(#[tokio::test] async fn $test() { crate::timeline::$test(crate::stand::Stand::sqlite().await).await; })* }
        mod timeline_postgres { $(#[tokio::test] async fn $test() { crate::timeline::$test(crate::stand::Stand::postgres().await).await; })* }
        mod timeline_mysql { $(#[tokio::test] async fn $test() { crate::timeline::$test(crate::stand::Stand::mysql().await).await; })* }
    };
}

timeline!(
    changes_replay_to_the_state_at_every_revision,
    pages_of_a_filter_lose_nothing_and_tell_nothing_twice,
    a_moment_is_the_revision_that_was_the_last_one_then,
    changes_below_the_floor_are_an_error,
    a_page_of_changes_is_bounded_in_bytes_and_in_work,
);

suite!(
    a_fresh_log_is_at_revision_one,
    revisions_are_gapless_and_counters_are_etcds,
    plain_answers_take_no_revision,
    refusals_and_records_are_events_without_changes,
    decisions_see_the_writes_before_them,
    concurrent_writers_are_batched_and_none_is_lost,
    the_past_reads_the_same_from_memory_and_from_the_log,
    a_reopened_store_is_the_same_store,
    watchers_read_whole_revisions_from_anywhere,
    a_page_of_the_log_is_bounded_in_bytes,
    the_audit_record_says_who_what_before_and_after,
    events_are_filtered_and_paged,
    a_failed_transaction_writes_nothing,
    a_large_event_is_written_whole,
    leases_end_as_one_event,
    a_lease_survives_a_restart,
    secrets_are_written_with_their_event_only,
    compaction_is_a_mark_not_a_loss,
    a_repeated_request_is_answered_once,
    any_interleaving_equals_the_sequential_model,
);
