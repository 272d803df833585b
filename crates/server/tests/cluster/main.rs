//! Several nodes, with the servers they share: started here, broken on command. Needs nats-server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod cut_off_node_is_replaced;
mod harness;
mod judge_sees;
mod killed_node_is_replaced;
mod lost_commit_answer_is_looked_up;
mod nats;
mod nodes_agree_on_keys_and_policies;
mod one_users_flood_doubles_no_orders;
mod only_a_sound_node_starts;
mod outage_of_the_database_is_outlived;
mod paused_node_changes_nothing;
mod restored_dump_is_served;
mod rolling_restart_fails_no_request;
mod stream_on_another_node_misses_nothing;
mod unknown_outcome_is_told_to_a_repeating_sender;
