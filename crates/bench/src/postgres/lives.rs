//! Whole lives of orders a second on PostgreSQL, by one node and by two.

use anyhow::Result;

use super::accepts::Ceilings;
use super::cluster::{self, Cluster, Nodes};
use crate::command::Options;
use crate::figures::Samples;
use crate::load::{self, Plan, Target};
use crate::report::Table;
use crate::users;

/// What some nodes did.
struct Contest<'a> {
    name: &'static str,
    nodes: &'a Nodes,
    targets: Vec<Target>,
    accepts: Samples,
    lives: Samples,
}

impl<'a> Contest<'a> {
    fn new(name: &'static str, nodes: &'a Nodes, targets: Vec<Target>) -> Self {
        Self { name, nodes, targets, accepts: Samples::default(), lives: Samples::default() }
    }

    async fn round(&mut self, options: &Options) -> Result<()> {
        let before = self.nodes.happened("closed").await?;
        let done = load::run_at(&self.targets, options.connections, Plan::Requests(options.lives)).await?;
        self.nodes.until_happened("closed", before + done.all).await?;
        self.accepts.add(done.rate);
        self.lives.add(done.all as f64 / done.began.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Table> {
    let cluster = Cluster::start(options)?;
    let nats = cluster::nats();
    let service = || Ok::<_, anyhow::Error>(options.service()?.delays("0s", "0s"));
    let one = cluster.nodes(options, service()?, 1, None).await?;
    let two = cluster.nodes(options, service()?, 2, Some(&nats)).await?;
    let of_one = users::register(one.servers[0].address, options.users.max(2)).await?;
    let of_two = users::register(two.servers[0].address, options.users.max(2)).await?;
    let mut ceilings = Ceilings::start(&cluster, options, &of_one).await?;
    let mut contests = [
        Contest::new("one node", &one, one.each_at_one(&of_one)),
        Contest::new("two nodes", &two, two.each_at_one(&of_two)),
    ];
    for _ in 0..options.rounds.max(1) {
        ceilings.round(options).await?;
        for contest in &mut contests {
            contest.round(options).await?;
        }
    }
    let columns = ["what", "a second", "÷ three rows"];
    let mut table = Table::new("postgres-lives", &columns);
    ceilings.rows(&mut table, columns.len());
    for contest in &contests {
        for (what, rates) in [
            ("accepts while lives go on", &contest.accepts),
            ("whole lives, first accept to last close", &contest.lives),
        ] {
            let ratio = rates.over(&ceilings.best).ratios();
            table.row([format!("{}, {what}", contest.name), rates.rates(), ratio]);
        }
    }
    table.note(format!(
        "{} rounds of {} orders, median (least to most), ratios to the better ceiling; {} connections, {} users, each at \
         one node; {}; two nodes have NATS beside them.",
        ceilings.best.count(),
        options.lives,
        options.connections,
        of_two.len(),
        cluster.circumstances(&one.database)?,
    ));
    Ok(table)
}
