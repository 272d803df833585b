//! A PostgreSQL server, what ceiling and service are over it, and NATS beside them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hookfill_rig::{Database, Nats, Postgres};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::{Connection, request};
use crate::command::Options;
use crate::load::Target;
use crate::process::{Program, Server};
use crate::users::User;

/// What is set besides PostgreSQL's own defaults: memory, and room in the log so that a round has no checkpoint of its
/// own making. What makes commits durable is as it comes: `fsync`, `synchronous_commit` and `full_page_writes` are on.
const SETTINGS: &[(&str, &str)] = &[("shared_buffers", "256MB"), ("max_wal_size", "4GB")];
/// What is set besides to count statements, which costs a little time.
const COUNTING: &[(&str, &str)] = &[("shared_preload_libraries", "pg_stat_statements")];
/// A Fernet key. What it encrypts are the secrets of a broker that has none.
const ENCRYPTION_KEY: &str = "aG9va2ZpbGwtYmVuY2gtaG9va2ZpbGwtYmVuY2gtMDA=";
/// How often nodes are asked how far they are.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long nodes may take to share the partitions.
const SHARED_WITHIN: Duration = Duration::from_secs(20);
/// How long orders may take to come to where they are awaited.
const HAPPENED_WITHIN: Duration = Duration::from_secs(600);

/// A PostgreSQL server.
pub(super) struct Cluster {
    postgres: Postgres,
}

/// A ceiling over a database of its own.
pub(super) struct Ceiling {
    pub(super) server: Server,
    _folder: TempDir,
    _database: Database,
}

/// Nodes that share a database of their own.
pub(super) struct Nodes {
    // In this order: nobody is connected when the database goes.
    pub(super) servers: Vec<Server>,
    _folders: Vec<TempDir>,
    pub(super) database: Database,
}

impl Cluster {
    /// Starts a server; with `--folder`, in there.
    pub(super) fn start(options: &Options) -> Result<Self> {
        Self::start_with(options, SETTINGS)
    }

    /// The same, and it counts its statements.
    pub(super) fn start_counting(options: &Options) -> Result<Self> {
        Self::start_with(options, &[SETTINGS, COUNTING].concat())
    }

    fn start_with(options: &Options, settings: &[(&str, &str)]) -> Result<Self> {
        if let Some(folder) = &options.folder {
            let folder =
                folder.canonicalize().with_context(|| format!("there is no {}", folder.display()))?;
            // Taken already: by an earlier measurement of this run, and to the same.
            let _ = tempfile::env::override_temp_dir(&folder);
        }
        let more = options.postgres_setting.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<(&str, &str)> = settings.iter().copied().chain(more).collect();
        let postgres = tokio::task::block_in_place(|| Postgres::start_with(&settings));
        Ok(Self { postgres })
    }

    /// The process id of its first process.
    pub(super) fn pid(&self) -> u32 {
        self.postgres.pid()
    }

    /// An empty database.
    pub(super) fn database(&self) -> Database {
        tokio::task::block_in_place(|| self.postgres.database())
    }

    /// The bare handler with three plain rows a request, over so many connections.
    pub(super) async fn ceiling(&self, options: &Options, lanes: usize) -> Result<Ceiling> {
        let (database, folder) = (self.database(), options.fresh_folder()?);
        let lanes = lanes.to_string();
        let program = Program::own(&["bare", "--postgres", database.url(), "--lanes", &lanes])?;
        Ok(Ceiling { server: program.start(folder.path()).await?, _folder: folder, _database: database })
    }

    /// So many nodes of `service`, once they have shared the partitions. With NATS, if there is one.
    pub(super) async fn nodes(
        &self,
        options: &Options,
        service: Program,
        count: usize,
        nats: Option<&Nats>,
    ) -> Result<Nodes> {
        let mut nodes = Nodes { servers: Vec::new(), _folders: Vec::new(), database: self.database() };
        let mut node =
            service.set("DATABASE_URL", nodes.database.url()).set("ENCRYPTION_KEY", ENCRYPTION_KEY);
        if let Some(nats) = nats {
            node = node.set("NATS_URL", &nats.url());
        }
        for _ in 0..count {
            let folder = options.fresh_folder()?;
            nodes.servers.push(node.start(folder.path()).await?);
            nodes._folders.push(folder);
        }
        nodes.until_shared().await?;
        Ok(nodes)
    }

    /// What a reader has to know of the server.
    pub(super) fn circumstances(&self, database: &Database) -> Result<String> {
        let asked = "SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN \
                     ('fsync', 'synchronous_commit', 'full_page_writes')";
        let (version, settings) = (ask(database, "SHOW server_version")?, ask(database, asked)?);
        let version = version.split(' ').next().unwrap_or_default();
        Ok(format!("PostgreSQL {version} on the same machine with {settings} and 256 MB of shared buffers"))
    }
}

/// What `psql` prints for a query.
pub(super) fn ask(database: &Database, sql: &str) -> Result<String> {
    tokio::task::block_in_place(|| database.try_psql(sql)).map_err(anyhow::Error::msg)
}

/// A NATS server, started for the measurement.
pub(super) fn nats() -> Nats {
    tokio::task::block_in_place(Nats::start)
}

impl Nodes {
    /// The one column of one row.
    pub(super) fn ask(&self, sql: &str) -> Result<String> {
        ask(&self.database, sql)
    }

    /// The same as a number.
    pub(super) fn number(&self, sql: &str) -> Result<f64> {
        self.ask(sql)?.parse().with_context(|| format!("no number: {sql}"))
    }

    /// Waits until every node has its share of the partitions.
    async fn until_shared(&self) -> Result<()> {
        let shares = "SELECT count(*) FROM (SELECT owner FROM partitions GROUP BY owner \
                      HAVING count(*) * (SELECT count(*) FROM nodes) <= 256 + (SELECT count(*) FROM nodes)) AS s \
                      WHERE owner IS NOT NULL";
        let began = Instant::now();
        while self.number(shares)? < self.servers.len() as f64 {
            if began.elapsed() > SHARED_WITHIN {
                bail!("the nodes do not come to share the partitions");
            }
            sleep(LOOK_EVERY * 4).await;
        }
        Ok(())
    }

    /// How many orders have come so far, over all nodes: `accepted` by the broker, `closed`.
    pub(super) async fn happened(&self, event: &str) -> Result<u64> {
        let mut all = 0;
        for server in &self.servers {
            let mut connection = Connection::open(server.address).await?;
            let answer = connection.call(&request("GET /metrics", server.address, "", "")).await?;
            answer.expect(200)?;
            all += counted(std::str::from_utf8(answer.body)?, event);
        }
        Ok(all)
    }

    /// Waits until so many orders have come so far.
    pub(super) async fn until_happened(&self, event: &str, wanted: u64) -> Result<()> {
        let began = Instant::now();
        while self.happened(event).await? < wanted {
            if began.elapsed() > HAPPENED_WITHIN {
                bail!("{} of {wanted} orders are {event}", self.happened(event).await?);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Each user's signal, at one of the nodes.
    pub(super) fn each_at_one(&self, users: &[User]) -> Vec<Target> {
        let at = self.servers.iter().cycle();
        users.iter().zip(at).map(|(user, server)| target(user, server)).collect()
    }

    /// Each user's signal, at every node.
    pub(super) fn each_at_all(&self, users: &[User]) -> Vec<Target> {
        let at = |user| self.servers.iter().map(move |server| target(user, server));
        users.iter().flat_map(at).collect()
    }
}

fn target(user: &User, server: &Server) -> Target {
    Target { address: server.address, request: user.signal(server.address) }
}

/// What a node's metrics say of an event.
fn counted(metrics: &str, event: &str) -> u64 {
    let name = format!("hookfill_order_events_total{{event=\"{event}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn events_are_counted_by_name() {
        let metrics = "# TYPE x counter\nhookfill_order_events_total{event=\"accepted\"} 12\n\
                       hookfill_order_events_total{event=\"closed\"} 7\n";
        assert_eq!(["accepted", "closed", "executed"].map(|event| counted(metrics, event)), [12, 7, 0]);
    }
}
