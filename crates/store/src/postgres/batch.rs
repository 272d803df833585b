//! Statements that leave together, so that all of them cost one way to the server and back.

use futures_util::future::{BoxFuture, join_all};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};

use super::sql::{Sql, Statements};

/// A connection that writes.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) statements: Statements,
}

pub(super) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// Statements that are sent one behind the other. The server runs them in their order.
pub(super) struct Batch<'a> {
    link: &'a Link,
    running: Vec<BoxFuture<'a, Result<Vec<Row>, Error>>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(link: &'a Link) -> Self {
        Self { link, running: Vec::new() }
    }

    /// Adds a statement as text.
    pub(super) fn say(&mut self, text: &'static str) {
        let client = &self.link.client;
        self.running.push(Box::pin(async move { client.batch_execute(text).await.map(|()| Vec::new()) }));
    }

    /// Adds a statement with its parameters; `count` of them being 0 leaves it out, with no rows.
    pub(super) fn add(&mut self, count: usize, sql: Sql, parameters: Vec<Parameter<'a>>) {
        let (client, statement) = (&self.link.client, self.link.statements.of(sql));
        self.running.push(Box::pin(async move {
            if count == 0 { Ok(Vec::new()) } else { client.query(statement, &parameters).await }
        }));
    }

    /// Adds a statement whose parameters are arrays of the same length.
    pub(super) fn add_columns(&mut self, sql: Sql, columns: &'a Columns<'_>) {
        self.add(columns.count, sql, columns.parameters());
    }

    /// Sends everything and waits for all of it: what comes after an error is refused by the server itself.
    pub(super) async fn run(self) -> Result<Vec<Vec<Row>>, Error> {
        join_all(self.running).await.into_iter().collect()
    }
}

/// Arrays of the same length: the columns of what a statement reads or writes.
pub(super) struct Columns<'a> {
    pub(super) count: usize,
    pub(super) values: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

impl Columns<'_> {
    pub(super) fn parameters(&self) -> Vec<Parameter<'_>> {
        self.values.iter().map(|column| &**column as Parameter<'_>).collect()
    }
}

/// Makes [`Columns`] of the rows of an iterator, one array for each named value.
macro_rules! columns {
    ($rows:expr, $row:pat => [$($name:ident: $value:expr),+ $(,)?]) => {{
        $(let mut $name = Vec::new();)+
        let mut count = 0usize;
        for $row in $rows {
            count += 1;
            $($name.push($value);)+
        }
        $crate::postgres::batch::Columns { count, values: vec![$(Box::new($name)),+] }
    }};
}
pub(super) use columns;
