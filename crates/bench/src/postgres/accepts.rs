//! Durable accepts a second on PostgreSQL, by one node and by two, as ratios to a bare group commit on the same server.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::cluster::{self, Cluster, Nodes};
use crate::accepts::sync_time;
use crate::command::Options;
use crate::figures::Samples;
use crate::load::{self, Target};
use crate::report::Table;
use crate::users::{self, User};

/// Connections over which the ceiling commits; the better one counts.
const LANES: [usize; 2] = [1, 4];

/// What is measured in a round.
struct Contest<'a> {
    name: &'static str,
    nodes: &'a Nodes,
    targets: Vec<Target>,
    rates: Samples,
    /// Orders a second until the last one was also handed to the broker.
    sustained: Samples,
}

impl<'a> Contest<'a> {
    fn new(name: &'static str, nodes: &'a Nodes, targets: Vec<Target>) -> Self {
        Self { name, nodes, targets, rates: Samples::default(), sustained: Samples::default() }
    }

    async fn round(&mut self, options: &Options) -> Result<()> {
        let before = self.nodes.happened("accepted").await?;
        let done = load::run_at(&self.targets, options.connections, options.round()).await?;
        self.nodes.until_happened("accepted", before + done.all).await?;
        self.rates.add(done.rate);
        self.sustained.add(done.all as f64 / done.began.elapsed().as_secs_f64());
        try_join_all(self.nodes.servers.iter().map(crate::process::Server::quiet)).await?;
        Ok(())
    }
}

/// The ceilings of one server: the same rows over one connection and over several.
pub(super) struct Ceilings {
    servers: Vec<cluster::Ceiling>,
    requests: Vec<Vec<Vec<u8>>>,
    rates: Vec<Samples>,
    /// The better of each round.
    pub(super) best: Samples,
}

impl Ceilings {
    pub(super) async fn start(cluster: &Cluster, options: &Options, users: &[User]) -> Result<Self> {
        let (mut servers, mut requests) = (Vec::new(), Vec::new());
        for lanes in LANES {
            let ceiling = cluster.ceiling(options, lanes).await?;
            requests.push(users.iter().map(|user| user.signal(ceiling.server.address)).collect());
            servers.push(ceiling);
        }
        Ok(Self { servers, requests, rates: vec![Samples::default(); LANES.len()], best: Samples::default() })
    }

    pub(super) async fn round(&mut self, options: &Options) -> Result<()> {
        let mut best: f64 = 0.0;
        for ((ceiling, requests), rates) in self.servers.iter().zip(&self.requests).zip(&mut self.rates) {
            let address = ceiling.server.address;
            let rate = load::run(address, requests, options.connections, options.round()).await?.rate;
            rates.add(rate);
            best = best.max(rate);
        }
        self.best.add(best);
        Ok(())
    }

    /// A row for each: name, rate, ratio, and nothing in what is left.
    pub(super) fn rows(&self, table: &mut Table, columns: usize) {
        for (lanes, rates) in LANES.iter().zip(&self.rates) {
            let many = if *lanes == 1 { "connection" } else { "connections" };
            let mut row = vec![
                format!("bare handler, three plain rows, {lanes} {many}"),
                rates.rates(),
                rates.over(&self.best).ratios(),
            ];
            row.resize(columns, "—".to_owned());
            table.row(row);
        }
    }
}

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let sync = sync_time(options)?;
    let cluster = Cluster::start(options)?;
    let nats = cluster::nats();
    // Orders stay pending: what is measured is accepting them and handing them to the broker.
    let service = || Ok::<_, anyhow::Error>(options.service()?.delays("1h", "1h"));
    let one = cluster.nodes(options, service()?, 1, None).await?;
    let two = cluster.nodes(options, service()?, 2, Some(&nats)).await?;
    let of_one = users::register(one.servers[0].address, options.users.max(2)).await?;
    let of_two = users::register(two.servers[0].address, options.users.max(2)).await?;
    let mut ceilings = Ceilings::start(&cluster, options, &of_one).await?;
    let half = &of_two[..of_two.len() / 2];
    let mut contests = [
        Contest::new("one node", &one, one.each_at_one(&of_one)),
        Contest::new("one node, one user", &one, one.each_at_one(&of_one[..1])),
        Contest::new("two nodes, each user at one of them", &two, two.each_at_one(&of_two)),
        Contest::new("two nodes, each user at both", &two, two.each_at_all(half)),
        Contest::new("two nodes, one user at both", &two, two.each_at_all(&of_two[..1])),
    ];
    for _ in 0..options.rounds.max(1) {
        ceilings.round(options).await?;
        for contest in &mut contests {
            contest.round(options).await?;
        }
    }
    let columns = ["server", "accepts/s", "÷ three rows", "accepted and submitted/s"];
    let mut table = Table::new("postgres-accepts", &columns);
    ceilings.rows(&mut table, columns.len());
    for contest in &contests {
        let ratio = contest.rates.over(&ceilings.best).ratios();
        table.row([contest.name.to_owned(), contest.rates.rates(), ratio, contest.sustained.rates()]);
    }
    table.note(format!(
        "{} rounds, median (least to most), ratios to the better of the two ceilings in the same round; {} connections, \
         {} users, {} of them where each is at both nodes; {}; two nodes have NATS beside them; one write and fdatasync \
         of 4 KiB takes {}.",
        ceilings.best.count(),
        options.connections,
        of_two.len(),
        half.len(),
        cluster.circumstances(&one.database)?,
        sync.time(0.5),
    ));
    Ok(table)
}
