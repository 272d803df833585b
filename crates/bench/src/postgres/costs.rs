//! What an order costs on PostgreSQL: processor time, transactions, log, rows, room on the disk; and what a node costs
//! that has nothing to do.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::cluster::{Cluster, Nodes};
use super::processor;
use crate::command::Options;
use crate::load::{self, Plan};
use crate::report::Table;
use crate::users::{self, User};

/// After how long without work a connection of PostgreSQL has told what it counted: its own 10 s, and a little.
const TOLD_AFTER: Duration = Duration::from_secs(11);
/// How many orders are sent one at a time, at most: each is a commit of its own.
const ONE_BY_ONE: u64 = 2000;
/// How many statements are listed.
const LISTED: usize = 12;

/// From here on, statements are counted.
const COUNT: &str = "CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()";
/// Everything that the server counts, in the order in which [`Counters`] has it.
const COUNTERS: &str = "\
    SELECT s.commits, s.statements, w.wal_sync, pg_current_wal_lsn() - '0/0'::pg_lsn, t.inserted, t.updated, t.hot
    FROM (SELECT coalesce(sum(calls) FILTER (WHERE query = 'COMMIT'), 0) AS commits, coalesce(sum(calls), 0) AS statements
          FROM pg_stat_statements JOIN pg_database ON oid = dbid AND datname = current_database()) AS s,
         pg_stat_wal AS w,
         (SELECT sum(n_tup_ins) AS inserted, sum(n_tup_upd) AS updated, sum(n_tup_hot_upd) AS hot
          FROM pg_stat_user_tables WHERE relname NOT IN ('partitions', 'nodes', 'revision')) AS t";
const STATEMENTS: &str = "\
    SELECT calls, rows, total_exec_time, replace(left(regexp_replace(regexp_replace(query, '\\s+', ' ', 'g'),
                                                       '^SELECT .*? FROM (?=unnest|heads|partitions)', 'SELECT … FROM '), 90), '|', '/')
    FROM pg_stat_statements JOIN pg_database ON oid = dbid AND datname = current_database()
    WHERE query NOT LIKE '%pg_stat%' ORDER BY total_exec_time DESC LIMIT ";
const SIZES: &str = "\
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relname IN ('orders', 'journal', 'heads', 'instrument_counts')
    ORDER BY pg_total_relation_size(oid) DESC";

/// What is counted up to a moment, or between two.
#[derive(Debug, Clone, Copy)]
struct Counters([f64; 7]);

impl Counters {
    fn read(nodes: &Nodes) -> Result<Self> {
        let line = nodes.ask(COUNTERS)?;
        let numbers: Vec<f64> = line.split('|').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self(numbers.try_into().ok().context("a counter is missing")?))
    }

    fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] - before.0[index]))
    }
}

/// What some orders took.
struct Cost {
    orders: f64,
    node_seconds: f64,
    postgres_seconds: f64,
    elapsed: Duration,
    counters: Counters,
}

/// A node, its database and the server below, before and after some work.
struct Meter<'a> {
    cluster: &'a Cluster,
    nodes: &'a Nodes,
}

impl Meter<'_> {
    fn seconds(&self) -> Result<(f64, f64)> {
        let node = processor::seconds(self.nodes.servers[0].ticks()?);
        Ok((node, processor::seconds_of(self.cluster.pid())?))
    }

    /// Measures what some work takes, whatever the server counts late.
    async fn around(&self, orders: u64, work: impl Future<Output = Result<()>>) -> Result<Cost> {
        sleep(TOLD_AFTER).await;
        let counted = Counters::read(self.nodes)?;
        let ((node, postgres), began) = (self.seconds()?, Instant::now());
        work.await?;
        let (elapsed, after) = (began.elapsed(), self.seconds()?);
        sleep(TOLD_AFTER).await;
        Ok(Cost {
            orders: orders.max(1) as f64,
            node_seconds: after.0 - node,
            postgres_seconds: after.1 - postgres,
            elapsed,
            counters: Counters::read(self.nodes)?.since(counted),
        })
    }
}

/// Sends so many orders and waits until all have come so far.
async fn orders(nodes: &Nodes, users: &[User], connections: usize, plan: (u64, &str)) -> Result<()> {
    let (count, event) = plan;
    let before = nodes.happened(event).await?;
    load::run_at(&nodes.each_at_one(users), connections, Plan::Requests(count)).await?;
    nodes.until_happened(event, before + count).await
}

/// Measures.
///
/// # Errors
/// If a server fails.
pub async fn measure(options: &Options) -> Result<Vec<Table>> {
    let cluster = Cluster::start_counting(options)?;
    let rest = TOLD_AFTER + Duration::from_secs(options.latency_seconds.into());
    let (idle, accepted) = {
        let nodes = cluster.nodes(options, options.service()?.delays("1h", "1h"), 1, None).await?;
        let meter = Meter { cluster: &cluster, nodes: &nodes };
        nodes.ask(COUNT)?;
        let idle = async {
            sleep(rest).await;
            Ok(())
        };
        let idle = meter.around(0, idle).await?;
        let users = users::register(nodes.servers[0].address, options.users.max(1)).await?;
        let work = orders(&nodes, &users, options.connections, (options.lives, "accepted"));
        (idle, meter.around(options.lives, work).await?)
    };
    let nodes = cluster.nodes(options, options.service()?.delays("0s", "0s"), 1, None).await?;
    let meter = Meter { cluster: &cluster, nodes: &nodes };
    nodes.ask(COUNT)?;
    let users = users::register(nodes.servers[0].address, options.users.max(1)).await?;
    let work = orders(&nodes, &users, options.connections, (options.lives, "closed"));
    let lives = meter.around(options.lives, work).await?;
    let (statements, sizes) = (statements(&nodes, options.lives)?, sizes(&nodes, options.lives)?);
    let few = options.lives.min(ONE_BY_ONE);
    let slow = meter.around(few, orders(&nodes, &users, 1, (few, "closed"))).await?;
    let columns = ["an order", "accepted and submitted", "whole life", "whole life, one sender"];
    let mut costs = Table::new("postgres-costs", &columns);
    for (name, figure) in FIGURES {
        costs.row([name.to_owned(), figure(&accepted), figure(&lives), figure(&slow)]);
    }
    costs.note(format!(
        "{} orders, {} where there is one sender, {} users; {}. A node that has nothing to do makes {:.1} statements a second \
         and takes {:.2} % of a processor; the server takes {:.2} % for it.",
        options.lives,
        few,
        options.users,
        cluster.circumstances(&nodes.database)?,
        idle.counters.0[1] / (idle.elapsed + TOLD_AFTER).as_secs_f64(),
        100.0 * idle.node_seconds / idle.elapsed.as_secs_f64(),
        100.0 * idle.postgres_seconds / idle.elapsed.as_secs_f64(),
    ));
    Ok(vec![costs, sizes, statements])
}

/// A row of the table: its name, and what is in it.
type Figure = (&'static str, fn(&Cost) -> String);

const FIGURES: [Figure; 9] = [
    ("orders a second, for comparison", |cost| format!("{:.0}", cost.orders / cost.elapsed.as_secs_f64())),
    ("processor time of the node", |cost| format!("{:.3} ms", 1000.0 * cost.node_seconds / cost.orders)),
    ("processor time of PostgreSQL", |cost| {
        format!("{:.3} ms", 1000.0 * cost.postgres_seconds / cost.orders)
    }),
    ("groups committed", |cost| format!("{:.3}", cost.counters.0[0] / cost.orders)),
    ("statements", |cost| format!("{:.2}", cost.counters.0[1] / cost.orders)),
    ("syncs of the log", |cost| format!("{:.3}", cost.counters.0[2] / cost.orders)),
    ("bytes of log", |cost| format!("{:.0}", cost.counters.0[3] / cost.orders)),
    ("rows inserted", |cost| format!("{:.2}", cost.counters.0[4] / cost.orders)),
    ("rows updated, of them within their page (HOT)", |cost| {
        let [.., updated, hot] = cost.counters.0;
        format!("{:.2}, {:.0} %", updated / cost.orders, 100.0 * hot / updated.max(1.0))
    }),
];

/// Which statements took the server's time in whole lives.
fn statements(nodes: &Nodes, orders: u64) -> Result<Table> {
    let columns = ["statement", "calls an order", "rows a call", "ms a call", "ms an order"];
    let mut table = Table::new("postgres-statements", &columns);
    let orders = orders.max(1) as f64;
    for line in nodes.ask(&format!("{STATEMENTS}{LISTED}"))?.lines() {
        let mut fields = line.splitn(4, '|');
        let mut number = || fields.next().and_then(|field| field.parse::<f64>().ok()).context("no number");
        let (calls, rows, time) = (number()?, number()?, number()?);
        let text = fields.next().unwrap_or_default();
        table.row([
            format!("`{text}`"),
            format!("{:.3}", calls / orders),
            format!("{:.1}", rows / calls),
            format!("{:.3}", time / calls),
            format!("{:.4}", time / orders),
        ]);
    }
    table.note("Time inside the server, waits for locks and for the log included, over whole lives.");
    Ok(table)
}

/// What a life leaves behind.
fn sizes(nodes: &Nodes, orders: u64) -> Result<Table> {
    let mut table = Table::new("postgres-sizes", &["table", "bytes an order", "of its indexes"]);
    let (orders, mut all) = (orders.max(1) as f64, 0.0);
    for line in nodes.ask(SIZES)?.lines() {
        let mut fields = line.splitn(3, '|');
        let name = fields.next().unwrap_or_default();
        let mut number = || fields.next().and_then(|field| field.parse::<f64>().ok()).context("no number");
        let (rows, indexes) = (number()?, number()?);
        all += rows + indexes;
        table.row([name.to_owned(), format!("{:.0}", rows / orders), format!("{:.0}", indexes / orders)]);
    }
    table.note(format!(
        "{:.0} bytes an order in all, after {orders} whole lives, dead rows and free room included.",
        all / orders
    ));
    Ok(table)
}
