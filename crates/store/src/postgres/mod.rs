//! The store on PostgreSQL: a few lanes that commit in groups, leases on the work, a pool of readers beside them.

mod accounts;
mod batch;
mod books;
mod connect;
mod doubt;
mod error;
mod history;
mod journal;
mod lane;
mod leases;
mod load;
mod migrate;
mod orders;
mod rows;
mod sql;
mod step;
mod tls;
mod waiting;
mod work;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use hookfill_domain::ids::UserId;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::Row;
use uuid::Uuid;

use self::batch::Parameter;
use self::books::{Group, Needs};
use self::connect::{Target, settle};
use self::error::{Meaning, meaning, sentence};
use self::lane::{Lane, Terms, lane_of};
use self::leases::Leases;
pub use self::migrate::{migrate, migrations};
use self::waiting::Waiting;
use crate::queue::{Patience, Queue, queue};
use crate::{CommitListener, OpenError, Role, StoreError};

/// Groups that are written at the same time. A user's writes go through one of them.
const LANES: usize = 4;
/// Queries that run at the same time; more wait.
const READERS: usize = 8;
/// How long a query waits for a connection.
const READER_WAIT: Duration = Duration::from_secs(2);
/// How long a query may take; the server ends it by itself a little later.
const QUERY_LIMIT: Duration = Duration::from_secs(5);
/// How long each step of opening may take.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// How long migrations may take, another node's included.
const MIGRATION_LIMIT: Duration = Duration::from_secs(3600);
const SILENT: &str = "it does not answer in time";

/// Whether a URL can be understood. Asks no server.
///
/// # Errors
/// The rest of a sentence that begins with the setting that holds the URL, and has nothing secret in it.
pub fn check_url(url: &str) -> Result<(), String> {
    Target::parse(url).map(drop)
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who opens it.
    pub role: Role,
    /// The node's id, drawn at its start: who has the same has the same leases.
    pub node: Uuid,
    /// The node's name, for people.
    pub name: String,
    /// After how long without a sign of life a node's work is taken over.
    pub lease: Duration,
    /// Never two users in a transaction: for databases that keep users apart. A group that is split commits as well.
    pub split_by_user: bool,
}

/// The store on PostgreSQL.
pub struct PostgresStore {
    lanes: Vec<Queue<Waiting>>,
    pool: Pool,
    target: Target,
    leases: Arc<Leases>,
    keeper: Option<JoinHandle<()>>,
    installation: Uuid,
}

impl PostgresStore {
    /// Opens a database, migrating it where the role may, and takes a share of its work.
    ///
    /// # Errors
    /// [`OpenError`] says why the database cannot be served. The URL is in no error: a password may be in it.
    pub async fn open(
        url: &str,
        options: Options,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Self, OpenError> {
        let target = Target::parse(url).map_err(OpenError::Url)?;
        let unreadable = |cause: String| OpenError::Unreadable { path: target.name(), cause };
        let silent = |_| unreadable(SILENT.to_owned());
        let connected = async {
            let client = target.connect().await.map_err(|error| unreadable(sentence(&error)))?;
            migrate::check_server(&client, &target.name()).await.map(|()| client)
        };
        let client = timeout(OPEN_LIMIT, connected).await.map_err(silent)??;
        let mut opened = migrate::Opened { client, name: target.name() };
        timeout(MIGRATION_LIMIT, opened.bring_up_to_date(options.role)).await.map_err(silent)??;
        let found =
            timeout(OPEN_LIMIT, opened.client.query_one("SELECT installation FROM revision", &[])).await;
        let found = found.map_err(silent)?.and_then(|row| row.try_get(0));
        let installation = found.map_err(|error| unreadable(sentence(&error)))?;
        let Options { role, node, name, lease, split_by_user } = options;
        let leases = Arc::new(Leases::new(node, name, lease));
        let keeper = match role {
            Role::Server => {
                let first = timeout(OPEN_LIMIT, leases.round(&target, &mut None, &*listener)).await;
                first.map_err(silent)?.map_err(|error| unreadable(sentence(&error)))?;
                let keep = Arc::clone(&leases).keep(target.clone(), Arc::clone(&listener));
                Some(tokio::spawn(keep))
            }
            Role::Tool => None,
        };
        let pool = pool(&target).map_err(|error| unreadable(error.to_string()))?;
        let terms = Terms { target: target.clone(), listener, leases: Arc::clone(&leases), split_by_user };
        let lanes = (0..LANES).map(|_| {
            let (queue, waiting) = queue();
            tokio::spawn(Lane::new(terms.clone()).run(waiting));
            queue
        });
        Ok(Self { lanes: lanes.collect(), pool, target, leases, keeper, installation })
    }

    /// Names this installation where several share a message bus.
    #[must_use]
    pub fn installation(&self) -> Uuid {
        self.installation
    }

    /// Whether this node works a partition now.
    #[must_use]
    pub fn works(&self, partition: crate::Partition) -> bool {
        self.leases.fence(partition).is_some()
    }

    /// Does some work in a group of the user's lane, and returns once it is on disk.
    async fn write<T, F>(&self, patience: Patience, needs: Needs, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Group) -> Result<T, StoreError> + Send + 'static,
    {
        // Who is not known yet has no head that another lane could lock.
        let owner = needs.head;
        let lane = &self.lanes[lane_of(owner.unwrap_or(UserId(0)), self.lanes.len())];
        lane.write(patience, owner, work, |job| Waiting { needs, job }).await
    }

    /// The rows of a query. One that met a connection which the server had closed is asked again.
    async fn rows(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        match self.ask(sql, parameters).await {
            Err(Asked::Disconnected) => {
                // Whatever closed one has closed others, and they may not have noticed yet.
                self.pool.retain(|_, _| false);
                self.ask(sql, parameters).await.map_err(StoreError::from)
            }
            asked => asked.map_err(StoreError::from),
        }
    }

    async fn row(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, parameters).await?.into_iter().next())
    }

    async fn ask(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Asked> {
        let silent =
            || Asked::Failed(StoreError::Unavailable("the database does not answer in time".to_owned()));
        // A connection that is being made has limits of its own for all but its settings.
        let got = timeout(QUERY_LIMIT, self.pool.get()).await.map_err(|_| silent())?;
        let client = got.map_err(|error| Asked::Failed(error.into()))?;
        let asked = async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, parameters).await
        };
        match timeout(QUERY_LIMIT, asked).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) if meaning(&error) == Meaning::Disconnected => {
                // Whatever it was, the next query gets another one.
                drop(deadpool_postgres::Object::take(client));
                Err(Asked::Disconnected)
            }
            Ok(Err(error)) => Err(Asked::Failed(error.into())),
            Err(_) => {
                drop(deadpool_postgres::Object::take(client));
                Err(silent())
            }
        }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

/// Why a query has no rows.
enum Asked {
    Disconnected,
    Failed(StoreError),
}

impl From<Asked> for StoreError {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Disconnected => {
                StoreError::Unavailable("the database has closed the connection".to_owned())
            }
            Asked::Failed(error) => error,
        }
    }
}

fn pool(target: &Target) -> Result<Pool, deadpool_postgres::BuildError> {
    let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(target.config.clone(), target.tls.clone(), config);
    let made =
        Hook::async_fn(|client, _| Box::pin(async move { settle(client).await.map_err(HookError::Backend) }));
    Pool::builder(manager)
        .max_size(READERS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(READER_WAIT))
        .create_timeout(Some(READER_WAIT))
        .recycle_timeout(Some(READER_WAIT))
        .post_create(made)
        .build()
}
