//! What a statement is to the connection that is about to send it.

use std::sync::Arc;

use larder_core::{Change, Stamp, TableName};
use sea_orm::sea_query::Values;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StatementBuilder,
};

use crate::analysis::{
    Analysis, Followed, Following, Kind, MOST_EXACT, OwnedStatement, Plan, Reads, Uncacheable,
    Writing, Written, analyse, analyse_raw, kind_of, own, plan, preimage, raw_preimage,
};
use crate::by_hand::{Balance, balance};
use crate::catalog::Catalog;
use crate::domain::Domain;
use crate::reader::Reader;
use crate::settings::Settings;

/// What a statement is to the connection that is about to send it.
pub(crate) enum Intent {
    /// It reads and does nothing else.
    Read(Read),
    /// It may do more than read.
    Write(Box<Write>),
}

/// A statement that only reads.
#[derive(Debug)]
pub(crate) struct Read {
    /// Taken before the catalog was asked.
    pub(crate) stamp: Stamp,
    /// What its answer depends on, or why it must not be kept.
    pub(crate) dependencies: Result<Reads, Uncacheable>,
    /// What it tells the database of who reads, instead of reading.
    pub(crate) tells: Option<Settings>,
}

impl Read {
    /// Takes the read for one whose rows are not looked at when they come.
    pub(crate) fn untold(mut self) -> Self {
        if let Ok(reads) = &mut self.dependencies {
            reads.untold();
        }
        self
    }

    /// Takes the read for one of which the first row alone is looked at.
    pub(crate) fn of_first(mut self) -> Self {
        if let Ok(reads) = &mut self.dependencies {
            reads.of_first();
        }
        self
    }
}

/// A statement that may write, with all that is needed to send and to publish it.
pub(crate) struct Write {
    /// What is sent.
    pub(crate) statement: Sent,
    /// Why what is made with its answer must not be kept.
    pub(crate) refusal: Uncacheable,
    /// It changes the schema.
    pub(crate) schema: bool,
    /// What it does to the transaction of the connection it meets.
    pub(crate) control: Option<Balance>,
    /// What it changes in the session.
    pub(crate) session: SessionChange,
    /// Refused by the server, it has changed nothing.
    pub(crate) all_or_nothing: bool,
    /// It is one statement.
    single: bool,
    /// The rows it is about to change, if they have been read.
    before: Option<(Preimage, Vec<QueryResult>)>,
    /// The rows of other tables that will follow those, if they have been read.
    followed: Followed,
    /// `None`: it writes by ending what others wrote, or the schema is not known.
    writing: Option<Writing>,
    catalog: Option<Arc<Catalog>>,
}

/// What a statement changes in its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionChange {
    /// Nothing that counts.
    Nothing,
    /// Something, until its transaction ends, that may change what names and values mean.
    Local,
    /// Something, for good.
    Lasting,
}

/// A statement that belongs to its holder.
#[derive(Debug)]
pub(crate) enum Sent {
    /// One of `SeaORM`'s, or text with its values.
    Prepared(OwnedStatement),
    /// Text that is sent as it is.
    Unprepared(String),
}

/// How the rows are found that a write is about to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preimage {
    /// By the condition of the write.
    Picked,
    /// By the keys it names.
    ByKey,
}

/// What the caller wants of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// How many rows it touches.
    Done,
    /// The rows it returns.
    Rows,
}

/// What a statement was answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// How many rows it touched.
    Done(ExecResult),
    /// Rows, all there are.
    Rows(Vec<QueryResult>),
}

impl Intent {
    /// Tells what a statement of `SeaORM`'s is.
    pub(crate) fn of<S: StatementBuilder>(statement: &S, domain: &Domain, reader: &Reader) -> Self {
        let backend = domain.backend;
        let asked = Asked::now(domain, reader);
        if matches!(kind_of(statement), Kind::Select | Kind::With) {
            let built = statement.build(&backend);
            if let Some(read) = asked.remembered(&built.sql, built.values.as_ref()) {
                return Self::Read(read);
            }
        }
        let (analysis, owned) = analyse(statement, backend);
        asked.decide(&analysis, backend, || {
            let owned = owned.unwrap_or_else(|| own(statement, backend));
            // Text may hold several statements, of which the first were carried out.
            (Sent::Prepared(owned), kind_of(statement) != Kind::Other)
        })
    }

    /// Tells what text with its values is.
    pub(crate) fn of_raw(statement: &Statement, domain: &Domain, reader: &Reader) -> Self {
        let sent = || Sent::Prepared(OwnedStatement::Built(statement.clone()));
        Self::of_text(
            &statement.sql,
            statement.values.as_ref(),
            domain,
            reader,
            sent,
        )
    }

    /// Tells what text without values is.
    pub(crate) fn of_unprepared(sql: &str, domain: &Domain, reader: &Reader) -> Self {
        Self::of_text(sql, None, domain, reader, || {
            Sent::Unprepared(sql.to_owned())
        })
    }

    fn of_text(
        sql: &str,
        values: Option<&Values>,
        domain: &Domain,
        reader: &Reader,
        sent: impl FnOnce() -> Sent,
    ) -> Self {
        let asked = Asked::now(domain, reader);
        if let Some(read) = asked.remembered(sql, values) {
            return Self::Read(read);
        }
        let analysis = analyse_raw(sql, values, domain.backend);
        if analysis.session_change
            && let Some(told) = asked.telling(&analysis, sql, values, domain.backend)
        {
            return Self::Read(told);
        }
        asked.decide(&analysis, domain.backend, || (sent(), false))
    }
}

/// The state of things before a statement is looked at.
struct Asked {
    stamp: Stamp,
    catalog: Option<Arc<Catalog>>,
}

impl Asked {
    /// The stamp first: whoever changes the schema publishes after the catalog was read anew.
    fn now(domain: &Domain, reader: &Reader) -> Self {
        domain.look();
        Self {
            stamp: domain.larder.stamp(),
            catalog: domain.catalog_for(reader),
        }
    }

    /// Returns what a text that is sent again reads; `None`: it must be looked at.
    fn remembered(&self, sql: &str, values: Option<&Values>) -> Option<Read> {
        let catalog = self.catalog.as_deref()?;
        Some(Read {
            stamp: self.stamp,
            dependencies: catalog.remembered.reads(sql, values, catalog)?,
            tells: None,
        })
    }

    /// Takes a statement that does nothing but tell the database who reads for a read of nothing.
    fn telling(
        &self,
        analysis: &Analysis,
        sql: &str,
        values: Option<&Values>,
        backend: DbBackend,
    ) -> Option<Read> {
        let plan = plan(analysis, self.catalog.as_deref()?);
        let nothing_else = plan.write.is_none() && !plan.ddl && !plan.transaction_control;
        nothing_else.then_some(())?;
        Some(Read {
            stamp: self.stamp,
            dependencies: Ok(Reads::default()),
            tells: Some(Settings::made_by(sql, values, backend)?),
        })
    }

    fn decide(
        self,
        analysis: &Analysis,
        backend: DbBackend,
        sent: impl FnOnce() -> (Sent, bool),
    ) -> Intent {
        let (plan, writes) = match self.catalog.as_deref() {
            Some(catalog) => {
                let plan = plan(analysis, catalog);
                let writes = plan.write.is_some();
                (plan, writes)
            }
            None => (without_catalog(analysis), analysis.may_write(backend)),
        };
        if !writes && !plan.ddl && !plan.transaction_control && !plan.session_change {
            return Intent::Read(Read {
                stamp: self.stamp,
                dependencies: plan.read,
                tells: None,
            });
        }
        let (statement, single) = sent();
        let text = statement.text();
        let everything = plan.write.as_ref().is_none_or(Writing::is_everything);
        Intent::Write(Box::new(Write {
            schema: plan.ddl,
            control: plan.transaction_control.then(|| balance(text, backend)),
            session: session_change(text, plan.session_change),
            all_or_nothing: (single || analysis.all_or_nothing)
                && !everything
                && !plan.write.as_ref().is_some_and(Writing::may_be_partial),
            single: single || analysis.all_or_nothing,
            statement,
            refusal: plan.read.err().unwrap_or(Uncacheable::Write),
            before: None,
            followed: Followed::new(),
            writing: plan.write,
            catalog: self.catalog,
        }))
    }
}

fn without_catalog(analysis: &Analysis) -> Plan {
    Plan {
        read: Err(Uncacheable::Opaque("a schema that is not known")),
        write: None,
        transaction_control: analysis.transaction_control,
        session_change: analysis.session_change,
        ddl: analysis.ddl,
    }
}

fn session_change(text: &str, changes: bool) -> SessionChange {
    let local = || {
        text.trim_start()
            .get(..10)
            .is_some_and(|it| it.eq_ignore_ascii_case("SET LOCAL "))
    };
    match changes {
        false => SessionChange::Nothing,
        true if local() && !text.contains(';') => SessionChange::Local,
        true => SessionChange::Lasting,
    }
}

impl Write {
    /// Returns what the write has changed, as far as its answer tells.
    pub(crate) fn changes(&self, answer: &Answer, domain: &Domain) -> Vec<Change> {
        match (&self.writing, answer) {
            _ if self.is_outdated(domain) => vec![Change::everything()],
            // It begins or ends what was written before, or changes what will be.
            (None, _) => vec![Change::everything()],
            (Some(writing), answer) if matches!(self.before, Some((Preimage::Picked, _))) => {
                self.of_rows_before(writing, answer)
            }
            (Some(writing), answer) => {
                let written = self.written(writing, answer);
                self.of_rows_by_key(writing, &written, domain.backend)
                    .unwrap_or_else(|| writing.changes(&written))
            }
        }
    }

    fn written<'a>(&self, writing: &Writing, answer: &'a Answer) -> Written<'a> {
        match answer {
            Answer::Rows(rows) => Written {
                rows,
                all_rows: true,
                last_insert_id: None,
                rows_affected: None,
            },
            Answer::Done(done) => Written {
                last_insert_id: writing
                    .wants_last_insert_id()
                    .then(|| done.last_insert_id()),
                rows_affected: self.single.then(|| done.rows_affected()),
                ..Written::default()
            },
        }
    }

    /// Returns the SELECT of the rows that are about to change, if the entity's changes are to be exact.
    pub(crate) fn preimage(&self, domain: &Domain) -> Option<(Preimage, Statement)> {
        self.picked(domain)
            .map(|select| (Preimage::Picked, select))
            .or_else(|| Some((Preimage::ByKey, self.by_key(domain)?)))
    }

    /// Returns the SELECT of the rows that the condition of the write picks.
    fn picked(&self, domain: &Domain) -> Option<Statement> {
        let writing = self.writing.as_ref()?;
        if !domain.is_exact(writing.wants_preimage()?) {
            return None;
        }
        let backend = domain.backend;
        // What a refused write has written stays where the text stands alone, and would not in a transaction.
        let raw = self.is_alone() && !writing.may_be_partial();
        match &self.statement {
            Sent::Prepared(OwnedStatement::Built(built)) => raw
                .then(|| raw_preimage(&built.sql, built.values.as_ref(), backend))
                .flatten(),
            Sent::Unprepared(sql) => raw.then(|| raw_preimage(sql, None, backend)).flatten(),
            Sent::Prepared(statement) => {
                preimage(statement, backend).map(|select| backend.build(&select))
            }
        }
    }

    /// Returns the SELECT of the rows of the keys that the write names.
    fn by_key(&self, domain: &Domain) -> Option<Statement> {
        let (table, select) = self.writing.as_ref()?.by_key(domain.backend)?;
        (self.is_alone() && domain.is_exact(table)).then(|| domain.backend.build(&select))
    }

    /// Tells whether it is one statement that does nothing but write rows.
    fn is_alone(&self) -> bool {
        self.single
            && self.control.is_none()
            && !self.schema
            && self.session == SessionChange::Nothing
    }

    /// Takes the rows that are about to change; nobody else may change them before the write does.
    pub(crate) fn read_before(&mut self, how: Preimage, rows: Vec<QueryResult>) {
        self.before = Some((how, rows));
    }

    /// Returns how to find the rows that will follow those that were read, by each foreign key.
    pub(crate) fn following(&self, domain: &Domain) -> Vec<Following> {
        let (Some(writing), Some((how, rows))) = (&self.writing, &self.before) else {
            return Vec::new();
        };
        // By keys a row may not be found that is there when it is written, unless nobody else may write.
        if *how == Preimage::ByKey && domain.backend != DbBackend::Sqlite {
            return Vec::new();
        }
        let exact = |(table, how): (&TableName, Following)| {
            if domain.is_exact(table) {
                how
            } else {
                Following::Unknown
            }
        };
        let following = writing.following(rows, domain.backend);
        following.into_iter().map(exact).collect()
    }

    /// Takes the rows that will follow, by each foreign key.
    pub(crate) fn follow(&mut self, followed: Followed) {
        self.followed = followed;
    }

    /// Returns the changes of the rows read before by their keys.
    fn of_rows_by_key(
        &self,
        writing: &Writing,
        written: &Written<'_>,
        backend: DbBackend,
    ) -> Option<Vec<Change>> {
        let (Preimage::ByKey, rows) = self.before.as_ref()? else {
            return None;
        };
        // Nothing is read before a write to SQLite but by who holds the right to write.
        writing.changes_by_key(rows, &self.followed, written, backend == DbBackend::Sqlite)
    }

    /// Returns the changes of the rows read before, unless others were written than those.
    fn of_rows_before(&self, writing: &Writing, answer: &Answer) -> Vec<Change> {
        let rows = self.before.as_ref().map_or(&[][..], |(_, rows)| rows);
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let (written, touched) = match answer {
            Answer::Done(done) => (Written::default(), done.rows_affected()),
            // Without a RETURNING none come back, however many were written.
            Answer::Rows(returned) => (
                self.written(writing, answer),
                u64::try_from(returned.len()).unwrap_or(u64::MAX),
            ),
        };
        let same = count == touched && count <= MOST_EXACT;
        let none = matches!(answer, Answer::Rows(_)) && touched == 0;
        let exact = (same && !none)
            .then(|| writing.changes_of(rows, &self.followed, &written))
            .flatten();
        exact.unwrap_or_else(|| writing.changes(&written))
    }

    /// Returns all that the write may have changed, whatever it was answered.
    pub(crate) fn at_most(&self, domain: &Domain) -> Vec<Change> {
        match &self.writing {
            Some(writing) if !self.is_outdated(domain) => writing.changes(&Written::default()),
            _ => vec![Change::everything()],
        }
    }

    /// Tells whether the schema was read anew since the statement was looked at.
    fn is_outdated(&self, domain: &Domain) -> bool {
        let then = self.catalog.as_ref();
        then.is_none_or(|then| !domain.is_current(then))
    }
}

impl Sent {
    /// Sends it.
    ///
    /// Rows are fetched to the last one: a driver that stops at the first may return it before the statement is
    /// committed, and the keys of the others would be unknown.
    ///
    /// # Errors
    /// What the database answers.
    pub(crate) async fn send<C: ConnectionTrait>(
        &self,
        conn: &C,
        wanted: Wanted,
    ) -> Result<Answer, DbErr> {
        let Self::Prepared(statement) = self else {
            return conn.execute_unprepared(self.text()).await.map(Answer::Done);
        };
        match wanted {
            Wanted::Done => execute(conn, statement).await.map(Answer::Done),
            Wanted::Rows => query(conn, statement).await.map(Answer::Rows),
        }
    }

    /// Returns the text, empty for what has none yet.
    fn text(&self) -> &str {
        match self {
            Self::Prepared(OwnedStatement::Built(statement)) => &statement.sql,
            Self::Prepared(_) => "",
            Self::Unprepared(sql) => sql,
        }
    }
}

async fn execute<C: ConnectionTrait>(
    conn: &C,
    statement: &OwnedStatement,
) -> Result<ExecResult, DbErr> {
    match statement {
        OwnedStatement::Select(statement) => conn.execute(&**statement).await,
        OwnedStatement::Insert(statement) => conn.execute(&**statement).await,
        OwnedStatement::Update(statement) => conn.execute(&**statement).await,
        OwnedStatement::Delete(statement) => conn.execute(&**statement).await,
        OwnedStatement::With(statement) => conn.execute(&**statement).await,
        OwnedStatement::Built(statement) => conn.execute_raw(statement.clone()).await,
    }
}

async fn query<C: ConnectionTrait>(
    conn: &C,
    statement: &OwnedStatement,
) -> Result<Vec<QueryResult>, DbErr> {
    match statement {
        OwnedStatement::Select(statement) => conn.query_all(&**statement).await,
        OwnedStatement::Insert(statement) => conn.query_all(&**statement).await,
        OwnedStatement::Update(statement) => conn.query_all(&**statement).await,
        OwnedStatement::Delete(statement) => conn.query_all(&**statement).await,
        OwnedStatement::With(statement) => conn.query_all(&**statement).await,
        OwnedStatement::Built(statement) => conn.query_all_raw(statement.clone()).await,
    }
}

impl Answer {
    /// Returns what a statement that was executed was answered.
    pub(crate) fn into_done(self) -> Result<ExecResult, DbErr> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Rows(_) => Err(DbErr::Custom("rows where none were asked for".to_owned())),
        }
    }

    /// Returns the rows of a statement that was queried.
    pub(crate) fn into_rows(self) -> Vec<QueryResult> {
        match self {
            Self::Done(_) => Vec::new(),
            Self::Rows(rows) => rows,
        }
    }
}
