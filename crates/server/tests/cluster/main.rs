//! Several nodes, with the servers they share: started here, broken on command. Needs nats-server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod harness;
mod judge_sees;
mod killed_node_is_replaced;
mod lost_commit_answer_is_looked_up;
mod nats;
mod outage_of_the_database_is_outlived;
mod paused_node_changes_nothing;
mod rolling_restart_fails_no_request;
