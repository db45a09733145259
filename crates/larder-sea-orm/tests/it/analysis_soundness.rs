//! Whenever the answer of a read really changes, one of its dependencies is touched.
//!
//! Random reads and writes, from a seed, on real databases: as `SeaORM` statements and as the raw SQL they
//! print. The answer of every read is compared before and after every write. `LARDER_FUZZ=100` in the environment
//! makes it a hundred times as long, with as many seeds.

use larder_core::{Change, Dependency, What};
use larder_sea_orm::analysis::{Analysis, Written, analyse, analyse_raw, plan};
use larder_sea_orm::catalog::Catalog;
use sea_orm::sea_query::{
    Expr, ExprTrait, Func, JoinType, OnConflict, Order, Query, SelectStatement, SimpleExpr,
    UnionType, Value,
};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StatementBuilder,
};

use crate::catalog::sqlite;
use crate::catalog_servers::{mariadb, postgres};

const READS: usize = 30;

/// Pseudo-random numbers (xorshift64*), the same for the same seed everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn id(&mut self) -> i32 {
        i32::try_from(self.below(7)).unwrap()
    }

    /// An integer, in whatever type a caller may give it.
    fn int(&mut self, strict: bool) -> SimpleExpr {
        let id = self.id();
        let value: Value = match self.below(if strict { 1 } else { 6 }) {
            1 => i64::from(id).into(),
            2 => u8::try_from(id).unwrap().into(),
            3 => id.to_string().into(),
            4 => format!("0{id}").into(),
            5 => (id == 1).into(),
            _ => id.into(),
        };
        value.into()
    }

    fn text(&mut self) -> SimpleExpr {
        self.pick(&[
            "a", "A", "a ", "b", "é", "e", "-a", "7", "ab", "a-b", "", "ä",
        ])
        .into()
    }
}

/// A column and how to make values for it.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    text: bool,
}

/// A table: its key first, then the rest.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    key: &'static [Field],
    rest: &'static [Field],
}

const fn int(name: &'static str) -> Field {
    Field { name, text: false }
}

const fn text(name: &'static str) -> Field {
    Field { name, text: true }
}

const TABLES: [Shape; 5] = [
    Shape {
        name: "note",
        key: &[int("id")],
        rest: &[text("title"), int("views")],
    },
    Shape {
        name: "tag",
        key: &[int("id")],
        rest: &[int("note_id"), int("code")],
    },
    Shape {
        name: "tagging",
        key: &[int("note_id"), int("tag_id")],
        rest: &[int("w")],
    },
    Shape {
        name: "word",
        key: &[text("word")],
        rest: &[int("n")],
    },
    Shape {
        name: "door",
        key: &[],
        rest: &[int("code"), int("n")],
    },
];

const SCHEMA: &str = "
    CREATE TABLE note (id $AUTO, title $TEXT UNIQUE, views INT);
    CREATE TABLE tag (id $AUTO, note_id INT, code INT UNIQUE,
        FOREIGN KEY (note_id) REFERENCES note(id) ON DELETE SET NULL);
    CREATE TABLE tagging (note_id INT, tag_id INT, w INT, PRIMARY KEY (note_id, tag_id),
        FOREIGN KEY (note_id) REFERENCES note(id) ON DELETE CASCADE);
    CREATE TABLE word (word $TEXT PRIMARY KEY, n INT);
    CREATE TABLE door (code INT, n INT, FOREIGN KEY (code) REFERENCES tag(code) ON UPDATE CASCADE ON DELETE CASCADE)";

fn schema(auto: &str, text: &str) -> String {
    SCHEMA.replace("$AUTO", auto).replace("$TEXT", text)
}

/// What makes statements for one database.
struct Maker {
    dice: Dice,
    backend: DbBackend,
}

impl Maker {
    fn table(&mut self) -> Shape {
        self.dice.pick(&TABLES)
    }

    fn field(&mut self, shape: Shape) -> Field {
        let all: Vec<Field> = shape.key.iter().chain(shape.rest).copied().collect();
        self.dice.pick(&all)
    }

    fn value(&mut self, field: Field) -> SimpleExpr {
        let strict = self.backend == DbBackend::Postgres;
        if field.text {
            self.dice.text()
        } else {
            self.dice.int(strict)
        }
    }

    fn comparison(&mut self, shape: Shape, by_key: bool) -> SimpleExpr {
        let key = by_key && !shape.key.is_empty();
        let field = if key {
            self.dice.pick(shape.key)
        } else {
            self.field(shape)
        };
        let column = Expr::col((shape.name, field.name));
        match self.dice.below(if key { 3 } else { 8 }) {
            0 | 1 => column.eq(self.value(field)),
            2 => {
                let values: Vec<_> = (0..=self.dice.below(3))
                    .map(|_| self.value(field))
                    .collect();
                column.is_in(values)
            }
            3 => column.gt(self.value(field)),
            4 => column.is_null(),
            5 => column.eq(self.value(field)).not(),
            6 => column.between(self.value(field), self.value(field)),
            _ => column.ne(self.value(field)),
        }
    }

    fn condition(&mut self, shape: Shape) -> SimpleExpr {
        let mut condition = self.comparison(shape, true);
        for _ in 1..shape.key.len() {
            condition = condition.and(self.comparison(shape, true));
        }
        if self.dice.one_in(3) {
            let other = self.comparison(shape, false);
            condition = if self.dice.one_in(2) {
                condition.or(other)
            } else {
                condition.and(other)
            };
        }
        if self.dice.one_in(8) {
            let other = self.table();
            let inner = Query::select()
                .expr(Expr::val(1))
                .from(other.name)
                .and_where(self.comparison(other, false))
                .take();
            let exists = Expr::exists(inner);
            condition = condition.and(if self.dice.one_in(2) {
                exists.not()
            } else {
                exists
            });
        }
        condition
    }

    fn select(&mut self, shape: Shape) -> SelectStatement {
        let mut select = Query::select();
        select.from(shape.name);
        let columns: Vec<Field> = shape.key.iter().chain(shape.rest).copied().collect();
        match self.dice.below(5) {
            0 => {
                select.expr(Expr::cust("COUNT(*) AS num_items"));
            }
            1 => {
                let field = self.dice.pick(shape.rest);
                let column = Expr::col((shape.name, field.name));
                select
                    .expr(Func::max(column))
                    .expr(Func::count(Expr::val(1)));
            }
            _ => {
                select.columns(columns.iter().map(|field| (shape.name, field.name)));
                for field in columns {
                    let order = if self.dice.one_in(4) {
                        Order::Desc
                    } else {
                        Order::Asc
                    };
                    select.order_by((shape.name, field.name), order);
                }
                if self.dice.one_in(4) {
                    select
                        .limit(self.dice.below(3) + 1)
                        .offset(self.dice.below(2));
                }
                if self.dice.one_in(5) {
                    select.distinct();
                }
            }
        }
        if !self.dice.one_in(6) {
            select.and_where(self.condition(shape));
        }
        if self.dice.one_in(4) {
            let other = self.table();
            if other.name != shape.name {
                let (a, b) = (self.dice.pick(shape.rest), self.dice.pick(other.rest));
                if a.text == b.text {
                    let join = self.dice.pick(&[JoinType::InnerJoin, JoinType::LeftJoin]);
                    let on = Expr::col((shape.name, a.name)).equals((other.name, b.name));
                    select.join(join, other.name, on);
                }
            }
        }
        select.take()
    }

    fn read(&mut self) -> SelectStatement {
        let shape = self.table();
        let select = self.select(shape);
        if self.dice.one_in(10) {
            let count = Query::select()
                .expr(Expr::cust("COUNT(*) AS num_items"))
                .from(shape.name)
                .take();
            let mut union = Query::select();
            union
                .expr(Expr::cust("COUNT(*) AS num_items"))
                .from_subquery(select, "sub_query");
            return union.union(UnionType::All, count).take();
        }
        select
    }

    fn row(&mut self, shape: Shape, with_key: bool) -> Vec<(Field, SimpleExpr)> {
        let fields = shape.key.iter().filter(|_| with_key).chain(shape.rest);
        let fields: Vec<Field> = fields.copied().collect();
        fields
            .into_iter()
            .map(|field| (field, self.value(field)))
            .collect()
    }

    fn insert(&mut self) -> sea_orm::sea_query::InsertStatement {
        let shape = self.table();
        let with_key = !self.dice.one_in(3);
        let mut insert = Query::insert();
        insert.into_table(shape.name);
        let rows = self.dice.pick(&[1, 1, 2]);
        for number in 0..rows {
            let row = self.row(shape, with_key);
            if number == 0 {
                insert.columns(row.iter().map(|(field, _)| field.name));
            }
            insert.values_panic(row.into_iter().map(|(_, value)| value));
        }
        let mysql = self.backend == DbBackend::MySql;
        match self.dice.below(6) {
            0 if self.backend != DbBackend::Postgres => {
                insert.replace();
            }
            1 if !shape.key.is_empty() => {
                let set = self.dice.pick(shape.rest).name;
                let target = if self.dice.one_in(3) {
                    &shape.rest[..1]
                } else {
                    shape.key
                };
                let conflict = OnConflict::columns(target.iter().map(|field| field.name))
                    .update_column(set)
                    .to_owned();
                insert.on_conflict(conflict);
            }
            2 if !shape.key.is_empty() => {
                let key: Vec<_> = shape.key.iter().map(|field| field.name).collect();
                insert.on_conflict(
                    OnConflict::columns(key.clone())
                        .do_nothing_on(key)
                        .to_owned(),
                );
            }
            _ => {}
        }
        if !mysql && self.dice.one_in(2) {
            insert.returning_all();
        }
        insert.take()
    }

    fn update(&mut self) -> sea_orm::sea_query::UpdateStatement {
        let shape = self.table();
        let mut update = Query::update();
        update.table(shape.name);
        let of_key = self.dice.one_in(8) && !shape.key.is_empty();
        let field = if of_key {
            self.dice.pick(shape.key)
        } else {
            self.dice.pick(shape.rest)
        };
        update.value(field.name, self.value(field));
        if !self.dice.one_in(8) {
            update.and_where(self.condition(shape));
        }
        if self.backend != DbBackend::MySql && self.dice.one_in(3) {
            update.returning_all();
        }
        update.take()
    }

    fn delete(&mut self) -> sea_orm::sea_query::DeleteStatement {
        let shape = self.table();
        let mut delete = Query::delete();
        delete.from_table(shape.name);
        if !self.dice.one_in(20) {
            delete.and_where(self.condition(shape));
        }
        if self.backend != DbBackend::MySql && self.dice.one_in(3) {
            delete.returning_all();
        }
        delete.take()
    }

    /// Analyses a statement by its tree or by its text.
    fn analyse<S: StatementBuilder>(&mut self, statement: &S) -> (Analysis, Statement) {
        let built = statement.build(&self.backend);
        let analysis = if self.dice.one_in(2) {
            analyse(statement, self.backend).0
        } else {
            analyse_raw(&built.sql, built.values.as_ref(), self.backend)
        };
        (analysis, built)
    }
}

/// A read, what it answered, and what that depends on.
struct Kept {
    statement: Statement,
    dependencies: Vec<Dependency>,
    answer: Vec<String>,
}

async fn answer(db: &DatabaseConnection, statement: &Statement) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(statement.clone()).await?;
    Ok(rows.iter().map(print).collect())
}

fn print(row: &QueryResult) -> String {
    let columns = row.column_names();
    let columns = (0..columns.len()).map(|at| {
        let wide = row
            .try_get_by_index::<Option<i64>>(at)
            .map(|it| format!("{it:?}"));
        let int = wide.or_else(|_| {
            row.try_get_by_index::<Option<i32>>(at)
                .map(|it| format!("{it:?}"))
        });
        int.or_else(|_| {
            row.try_get_by_index::<Option<String>>(at)
                .map(|it| format!("{it:?}"))
        })
        .unwrap_or_else(|error| panic!("{error}"))
    });
    columns.collect::<Vec<_>>().join(", ")
}

fn touches(change: &Change, dependency: &Dependency) -> bool {
    match (change.what(), dependency) {
        (What::Everything, _) => true,
        (What::Table(table), Dependency::Table(of) | Dependency::Row(of, _)) => table == of,
        (What::Row(row), Dependency::Table(of)) => row.table == *of,
        (What::Row(row), Dependency::Row(of, key)) => row.table == *of && row.key == *key,
        _ => false,
    }
}

async fn keep(db: &DatabaseConnection, maker: &mut Maker, catalog: &Catalog) -> Kept {
    loop {
        let select = maker.read();
        let (analysis, statement) = maker.analyse(&select);
        let plan = plan(&analysis, catalog);
        assert!(plan.write.is_none(), "{statement}");
        let dependencies = plan
            .read
            .unwrap_or_else(|reason| panic!("{reason}: {statement}"));
        if let Ok(answer) = answer(db, &statement).await {
            return Kept {
                statement,
                dependencies,
                answer,
            };
        }
    }
}

/// Carries a write out; `None` when the database refuses it.
async fn write(
    db: &DatabaseConnection,
    maker: &mut Maker,
    catalog: &Catalog,
) -> Option<(Statement, Vec<Change>)> {
    let (analysis, statement) = match maker.dice.below(7) {
        0..=2 => {
            let insert = maker.insert();
            maker.analyse(&insert)
        }
        3..=5 => {
            let update = maker.update();
            maker.analyse(&update)
        }
        _ => {
            let delete = maker.delete();
            maker.analyse(&delete)
        }
    };
    let writing = plan(&analysis, catalog).write.expect("it writes");
    let changes = if writing.wants_rows() {
        let rows = db.query_all_raw(statement.clone()).await.ok()?;
        // What `query_one` fetches of them.
        let first = maker.dice.one_in(4);
        let fetched = if first {
            &rows[..rows.len().min(1)]
        } else {
            &rows[..]
        };
        let all_rows = !first || rows.is_empty();
        writing.changes(&Written {
            rows: fetched,
            all_rows,
            last_insert_id: None,
        })
    } else {
        let done = db.execute_raw(statement.clone()).await.ok()?;
        let last_insert_id = writing
            .wants_last_insert_id()
            .then(|| ExecResult::last_insert_id(&done));
        writing.changes(&Written {
            last_insert_id,
            ..Written::default()
        })
    };
    Some((statement, changes))
}

async fn fuzz(db: DatabaseConnection, seed: u64, writes: usize) {
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let mut maker = Maker {
        dice: Dice(seed),
        backend: db.get_database_backend(),
    };
    let (mut pairs, mut changed, mut invalid) = (0, 0, 0);
    let mut kept = Vec::new();
    for _ in 0..READS {
        kept.push(keep(&db, &mut maker, &catalog).await);
    }
    for number in 0..writes {
        let Some((written, changes)) = write(&db, &mut maker, &catalog).await else {
            continue;
        };
        for read in &mut kept {
            let now = answer(&db, &read.statement).await.unwrap();
            let touched = read
                .dependencies
                .iter()
                .any(|it| changes.iter().any(|change| touches(change, it)));
            pairs += 1;
            invalid += u32::from(touched);
            changed += u32::from(now != read.answer);
            assert!(
                touched || now == read.answer,
                "seed {seed}, write {number}: {written}\nchanged {changes:?}\nbut not {:?}\nof {}\nwhich was {:?}\nand is {now:?}",
                read.dependencies,
                read.statement,
                read.answer
            );
            read.answer = now;
        }
        let place = usize::try_from(maker.dice.below(READS as u64)).unwrap();
        kept[place] = keep(&db, &mut maker, &catalog).await;
    }
    eprintln!("seed {seed}: {pairs} pairs, {changed} changed, {invalid} invalidated");
    assert!(
        changed > 0 && invalid < pairs,
        "{changed} of {pairs} changed, {invalid} were invalid"
    );
}

/// How many times as long as usual to try.
fn factor() -> u64 {
    std::env::var("LARDER_FUZZ")
        .ok()
        .and_then(|factor| factor.parse().ok())
        .unwrap_or(1)
}

#[tokio::test]
async fn no_change_is_missed_on_sqlite() {
    for seed in 1..=factor() {
        let script = schema("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT");
        fuzz(sqlite(&script).await, seed, 500).await;
    }
}

#[tokio::test]
async fn no_change_is_missed_on_postgres() {
    let Some(server) = postgres() else { return };
    for seed in 1..=factor() {
        let db = server.fresh().await;
        db.execute_unprepared(&schema("serial PRIMARY KEY", "text"))
            .await
            .unwrap();
        fuzz(db, seed, 150).await;
    }
}

#[tokio::test]
async fn no_change_is_missed_on_mariadb() {
    let Some(server) = mariadb() else { return };
    let text = "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
    for seed in 1..=factor() {
        let db = server.fresh().await;
        for statement in schema("int AUTO_INCREMENT PRIMARY KEY", text).split(';') {
            db.execute_unprepared(statement).await.unwrap();
        }
        fuzz(db, seed, 150).await;
    }
}
