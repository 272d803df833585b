//! A database, the nodes that share it, its users, and what becomes of all of it in the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hookfill_rig::{Database, wait_until};
use hookfill_store::postgres::{Options, PostgresStore};
use hookfill_store::{ChainState, Journal as _, NoListener, Role};
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, Handle, Runtime};
use uuid::Uuid;

use super::PATIENCE;
use super::checker::Evidence;
use super::client::{Connection, Trader};
use super::follower::{Follower, Seen};
use super::load::{Load, Manner, Sendings};
use super::node::{Node, Settings};
use super::reading::Reader;
use super::witness;

/// A database and what goes on around it. Clients run beside the test, which breaks things meanwhile.
pub(crate) struct Scene {
    pub(crate) nodes: Vec<Node>,
    pub(crate) traders: Vec<Trader>,
    pub(crate) database: Database,
    pub(crate) settings: Settings,
    runtime: Runtime,
}

/// What was found to be right.
pub(crate) struct Verdict {
    /// How many orders there are.
    pub(crate) orders: usize,
    /// What came over each stream.
    pub(crate) streams: Vec<Seen>,
}

impl Scene {
    /// Without any node yet.
    pub(crate) fn on(database: Database) -> Self {
        let key = hookfill::secrets::new_key().expect("a key");
        let settings = Settings::new(database.url(), key.expose_secret());
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        Self { nodes: Vec::new(), traders: Vec::new(), database, settings, runtime }
    }

    /// Where the database server listens, as `host:port`.
    pub(crate) fn server(&self) -> String {
        let authority = self.database.url().split('/').nth(2).unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default().to_owned()
    }

    /// With nodes that share the work, users, and a witness.
    pub(crate) fn with_nodes(self, nodes: usize, users: usize) -> Self {
        let server = self.server();
        self.with_first_node_through(&server, nodes, users)
    }

    /// The same, where the first node reaches the database server by another address.
    pub(crate) fn with_first_node_through(mut self, address: &str, nodes: usize, users: usize) -> Self {
        let server = self.server();
        for number in 0..nodes {
            let (name, address) = (format!("node-{number}"), if number == 0 { address } else { &server });
            let url = format!("{}?application_name={name}", self.database.url_through(address));
            let node = Node::start(&self.settings.clone().with("DATABASE_URL", url));
            if number == 0 {
                witness::call(&self.database);
            }
            witness::introduce(&self.database, &name, &node);
            self.nodes.push(node);
        }
        self.await_shares(nodes);
        self.register(users);
        self
    }

    /// Stops a node as an operator does, and starts it again at its address.
    pub(crate) fn restart(&mut self, number: usize, limit: Duration) {
        let node = &mut self.nodes[number];
        node.terminate();
        let status = node.ended(limit);
        assert_eq!(status.code(), Some(0), "{status}:\n{}", node.log());
        node.start_again();
        witness::introduce(&self.database, &format!("node-{number}"), node);
    }

    /// Makes users at the first node.
    pub(crate) fn register(&mut self, users: usize) {
        let mut first = Connection::to(self.nodes[0].address());
        for number in 0..users {
            let name = format!("user-{number}");
            self.traders.push(self.runtime.block_on(first.register(&name)));
        }
    }

    /// Waits until so many nodes have the partitions evenly among them.
    pub(crate) fn await_shares(&self, nodes: usize) {
        let shared = || {
            let counts =
                self.database.psql("SELECT count(*) FROM partitions WHERE owner IS NOT NULL GROUP BY owner");
            let counts: Vec<usize> = counts.lines().filter_map(|count| count.parse().ok()).collect();
            counts.len() == nodes
                && counts.iter().sum::<usize>() == 256
                && counts.iter().all(|count| *count >= 200 / nodes)
        };
        wait_until("each node has its share of the work", PATIENCE, shared);
    }

    pub(crate) fn runtime(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Does something that is asynchronous.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// All users begin to send, to all nodes.
    pub(crate) fn load(&self, manner: Manner) -> Load {
        Load::start(self.runtime(), &self.traders, &self.addresses(), manner)
    }

    /// Follows each user's stream: the first user's at the first node, the second's at the second …
    pub(crate) fn follow_all(&self) -> Vec<Follower> {
        let mut nodes = self.addresses();
        let mut followers = Vec::new();
        for trader in &self.traders {
            followers.push(Follower::start(self.runtime(), trader, &nodes));
            nodes.rotate_left(1);
        }
        followers.iter().for_each(Follower::await_opened);
        followers
    }

    /// Waits until so many orders more than now are accepted.
    pub(crate) fn await_accepted(&self, load: &Load, more: usize) {
        let enough = load.journal().accepted() + more;
        wait_until("more orders are accepted", PATIENCE, || load.journal().accepted() >= enough);
    }

    /// Waits until every order of every user has come to its end, as a node says.
    pub(crate) fn await_ends(&self, node: SocketAddr) {
        for trader in &self.traders {
            let mut reader = Reader::at(node, trader);
            wait_until("all orders are closed", PATIENCE, || self.wait(reader.open_orders()) == 0);
        }
    }

    /// Waits for all orders to end and for all streams to have shown it, and judges: by what the clients were told, by
    /// what this node answers, by what the streams brought, by the witness, and by the chain of the audit log.
    pub(crate) fn judge(&self, node: &Node, sendings: &Sendings, followers: Vec<Follower>) -> Verdict {
        self.await_ends(node.address());
        let mut evidence = Evidence { sent: sendings.journal.all(), ..Evidence::default() };
        for trader in &self.traders {
            let account = self.wait(Reader::at(node.address(), trader).account());
            evidence.accounts.insert(trader.user_id, account);
        }
        let mut streams = Vec::new();
        for follower in followers {
            let account = evidence.accounts.get_mut(&follower.user_id).expect("a user of the scene");
            let seen = follower.finish(account.events.len());
            assert_eq!(seen.wrong, Vec::<String>::new());
            account.streams.push(seen.messages.clone());
            streams.push(seen);
        }
        assert_eq!(evidence.complaints(), Vec::<String>::new());
        assert_eq!(
            witness::trespasses(&self.database),
            "",
            "recorded by a node that did not hold the partition"
        );
        assert!(witness::steps(&self.database) > 0, "the witness saw nothing");
        self.assert_chain_intact(self.database.url());
        Verdict { orders: evidence.orders(), streams }
    }

    /// Walks the audit chain.
    pub(crate) fn assert_chain_intact(&self, url: &str) {
        let options = Options {
            role: Role::Tool,
            node: Uuid::nil(),
            name: "judge".to_owned(),
            lease: Duration::ZERO,
            split_by_user: false,
        };
        let chain = self.wait(async {
            let store = PostgresStore::open(url, options, Arc::new(NoListener)).await;
            store.expect("a database").verify().await.expect("the chain can be read")
        });
        assert!(matches!(chain, ChainState::Intact { .. }), "{chain:?}");
    }
}
