//! Connections on which no call waits for ever: a statement that is not answered in time fails, and its connection is given up,
//! because a server that vanished says nothing more on it. One whose caller went away in the middle is given up as well: only
//! a whole answer tells that the other end is there.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow};
use sqlx::postgres::{PgStatement, PgTransactionManager, PgTypeInfo};
use sqlx::{Either, Error, Execute, Executor, Postgres, SqlSafeStr, SqlStr};
use sqlx_core::transaction::TransactionManager;
use tokio::time::timeout;

/// Connections for reading and writing.
const CONNECTIONS: u32 = 10;

/// Longest that a statement may go without a word of the server. Longer than [`OWN_LIMITS`], so that the server's own word
/// comes first.
const SILENCE: Duration = Duration::from_secs(75);

/// What the server ends by itself: statements, and transactions of a dird that went away and left its locks behind.
const OWN_LIMITS: [(&str, &str); 2] = [
    ("statement_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "300s"),
];

/// The connections of one server.
#[derive(Debug)]
pub(super) struct Connections(PgPool);

impl Connections {
    /// Connects when it is asked to; a call waits for `patience` at most until it has a connection.
    pub(super) fn new(options: PgConnectOptions, patience: Duration) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(patience);
        Self(pool.connect_lazy_with(options.options(OWN_LIMITS)))
    }

    /// A connection, for statements that stand alone.
    pub(super) async fn acquire(&self) -> Result<Session, Error> {
        Ok(Session {
            connection: self.0.acquire().await?,
            unanswered: false,
        })
    }

    /// A transaction that is begun by `statement`, or as the server does by itself.
    pub(super) async fn begin(&self, statement: Option<&'static str>) -> Result<Session, Error> {
        let mut session = self.acquire().await?;
        let statement = statement.map(SqlSafeStr::into_sql_str);
        let begun = PgTransactionManager::begin(&mut session.connection, statement);
        answered(&mut session.unanswered, begun).await?;
        Ok(session)
    }
}

/// A connection in use. A transaction that is not committed is rolled back when this is dropped.
#[derive(Debug)]
pub(super) struct Session {
    connection: PoolConnection<Postgres>,
    /// Whether a statement is under way.
    unanswered: bool,
}

impl Session {
    /// Commits the transaction.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        let committed = PgTransactionManager::commit(&mut self.connection);
        answered(&mut self.unanswered, committed).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.unanswered {
            self.connection.close_on_drop();
        } else {
            PgTransactionManager::start_rollback(&mut self.connection);
        }
    }
}

/// What `answer` brings, if it comes in time.
async fn answered<T>(
    unanswered: &mut bool,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    *unanswered = true;
    let answer = timeout(SILENCE, answer).await.map_err(|_| silent())?;
    *unanswered = false;
    answer
}

fn silent() -> Error {
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer");
    Error::Io(error)
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.unanswered = true;
        let answer = (&mut *self.connection).fetch_many(query);
        let steps = Some((answer, &mut self.unanswered));
        Box::pin(stream::unfold(steps, |steps| async move {
            let (mut answer, unanswered) = steps?;
            let Ok(step) = timeout(SILENCE, answer.next()).await else {
                return Some((Err(silent()), None));
            };
            match step {
                Some(Ok(step)) => Some((Ok(step), Some((answer, unanswered)))),
                failed_or_none => {
                    *unanswered = false;
                    failed_or_none.map(|failed| (failed, None))
                }
            }
        }))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let answer = (&mut *self.connection).fetch_optional(query);
        Box::pin(answered(&mut self.unanswered, answer))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        let answer = (&mut *self.connection).prepare_with(sql, parameters);
        Box::pin(answered(&mut self.unanswered, answer))
    }
}

/// Statements that stand alone.
impl<'c> Executor<'c> for &'c Connections {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let steps = async move {
            match self.acquire().await {
                Ok(mut session) => session.fetch_many(query).collect().await,
                Err(error) => vec![Err(error)],
            }
        };
        Box::pin(stream::once(steps).flat_map(stream::iter))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move { self.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.acquire().await?.prepare_with(sql, parameters).await })
    }
}
