//! Several nodes, with the servers they share: started here, broken on command. Needs nats-server.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod nats;
