//! The suite that every backend must pass, unchanged: one function a promise, its name the promise.
//!
//! A backend's tests implement [`Backend`] and say [`contract_tests!`](crate::contract_tests) once.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken promise is a panic: these are tests")]

pub mod accounts;
pub mod commands;
pub mod journal;
pub mod lists;
pub mod orders;
mod trial;
pub mod work;

pub use trial::{
    Backend, Recorder, Seen, Trader, Trial, accepted, at, closed, executed, happening, keyed, patient,
    submitting,
};

/// Makes a test of each promise. The expression makes a [`Backend`] on an empty database, anew for each.
#[macro_export]
macro_rules! contract_tests {
    ($backend:expr) => {
        $crate::contract_tests! { $backend =>
            accounts {
                a_registered_user_has_a_key_an_account_and_an_empty_stream
                a_taken_username_makes_nothing
                many_registrations_of_one_name_make_one_user
                usernames_are_compared_exactly
                an_unknown_key_is_nobodys
                accounts_are_listed_oldest_first
                accounts_are_listed_in_the_order_of_linking_even_if_ids_and_times_go_backwards
                accounts_that_are_linked_at_once_are_listed_in_the_order_of_the_log
                each_user_can_link_an_account_only_once
                a_deactivated_account_may_be_linked_again
                of_many_attempts_to_link_one_account_at_once_one_succeeds
                linking_and_deactivating_at_once_leaves_one_active_account
                a_policy_change_is_kept_and_audited_with_before_and_after
                an_unchanged_policy_writes_nothing
                a_deactivated_account_stays_listed_and_is_audited_once
                another_users_account_cannot_be_changed
                every_change_of_keys_or_accounts_raises_the_revision
                an_issued_key_opens_beside_the_first
                one_secret_is_sampled_for_each_encryption_key
            }
            orders {
                an_accepted_order_is_stored_with_its_event_its_entry_and_its_count
                numbers_have_no_gaps_however_many_accept_at_once
                a_repeated_key_gives_the_first_order
                many_requests_with_one_key_make_one_order
                an_idempotency_key_belongs_to_one_user
                equal_orders_without_a_key_are_two_orders
                prices_come_back_with_their_very_digits
                a_refused_signal_is_journaled_and_takes_no_number
                what_is_withdrawn_at_its_deadline_is_not_stored
                an_order_of_nobody_is_refused
                another_users_order_is_not_there
                a_request_is_stored_once
                a_request_that_the_status_does_not_allow_changes_nothing
                an_order_keeps_its_account_and_its_source
            }
            lists {
                orders_are_listed_newest_first
                pages_neither_repeat_nor_skip_while_orders_come_in
                the_last_page_says_so
                filters_combine
                a_filtered_page_looks_at_a_bounded_number_of_orders
                counts_follow_an_order_through_its_whole_life
                counts_agree_while_orders_come_in
            }
            commands {
                a_command_touches_the_open_orders_it_is_about_and_no_other
                a_command_that_cannot_be_carried_out_for_one_order_touches_none
                a_command_is_remembered_by_its_key
                a_command_with_nothing_to_do_says_so_and_leaves_nothing_behind
                a_close_leaves_pending_orders_alone_and_remembers_them
                a_command_that_skips_no_order_is_stored_as_before
                a_rehearsal_gives_the_reason_for_which_the_command_is_refused
                a_rehearsal_finds_an_open_order_behind_a_long_history
                a_part_of_a_position_is_closed_and_the_rest_lives_on
            }
            journal {
                a_message_is_told_kept_and_replayed_as_the_same_bytes
                events_after_a_number_are_all_the_later_ones_in_order
                a_history_is_oldest_first_and_shows_internal_steps
                a_long_history_is_complete_in_pages
                a_history_of_more_entries_than_a_walk_looks_at_is_complete_in_pages
                entries_page_newest_first_without_gap_or_repetition
                a_page_of_entries_or_events_is_bounded
                the_head_is_the_last_message
                an_untouched_journal_is_intact
                everything_survives_reopening
            }
            work {
                events_recorded_together_are_all_kept_in_their_order
                an_event_that_cannot_happen_leaves_nothing_behind
                an_event_that_cannot_happen_fails_alone
                internal_steps_take_no_number
                events_are_applied_to_the_order_as_it_is_stored
                a_finished_order_takes_a_late_fill
                an_order_is_due_when_its_time_has_come
                what_is_busy_is_passed_over
                the_next_due_time_is_the_earliest
                a_postponed_order_is_due_later_and_no_entry_says_so
                postponing_gives_way_to_a_request_that_came_meanwhile
                each_recorded_step_is_audited_under_its_word
                a_probe_is_seen_by_nobody
            }
        }
    };
    ($backend:expr => $($part:ident { $($promise:ident)+ })+) => {$(
        mod $part {
            use super::*;
            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    $crate::contract::$part::$promise($crate::contract::Trial::open($backend).await).await;
                }
            )+
        }
    )+};
}
