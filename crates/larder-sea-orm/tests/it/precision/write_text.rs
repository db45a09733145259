//! Random writes that only text can say: several tables at once, RETURNING where there is no tree for it.

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    DeleteStatement, Expr, ExprTrait as _, MysqlQueryBuilder, PostgresQueryBuilder, Query,
    SqliteQueryBuilder,
};

use super::maker::{Maker, Source};
use super::write::{Write, Writing};

impl Maker<'_> {
    /// Invents a write in words.
    pub(super) fn text(&mut self, table: usize) -> Write {
        let sort = self.dice().below(8);
        let text = match sort {
            0..=2 => self.update_from(table),
            3 | 4 => self.delete_using(table),
            5 if self.backend() == DbBackend::Postgres => self.writable_cte(table),
            5 if self.backend() == DbBackend::MySql => self.returning_delete(table),
            6 => self.conflicting(table),
            _ => self.ordered(table),
        };
        Write {
            statement: Writing::Text(text),
            sort: match sort {
                0..=2 => "update from",
                3 | 4 => "delete using",
                6 => "or ignore",
                _ => "other text",
            },
            returns: false,
        }
    }

    fn name(&self, name: &str) -> String {
        self.schema.quoted(name)
    }

    /// A table beside the one that is written, joined with it: its name in FROM, and the condition.
    fn joined(&mut self, own: &Source) -> (String, Source, String) {
        let other = self.any_table();
        let alias = self.alias();
        let source = self.table(other, Some(alias));
        let link = self.link(std::slice::from_ref(own), &source);
        let link = link.unwrap_or_else(|| Expr::val(1).eq(1));
        let sources = [source];
        let mut condition = self.condition(link);
        if !self.dice().one_in(3) {
            let atom = self.atom(&sources, 0, 2).expr;
            condition = format!("{condition} AND {}", self.condition(atom));
        }
        let [source] = sources;
        let from = format!(
            "{} AS {}",
            self.name(self.schema.tables[other].name),
            self.name(alias)
        );
        (from, source, condition)
    }

    /// A condition as text.
    fn condition(&self, expr: Expr) -> String {
        let delete = Query::delete().from_table("x").and_where(expr).take();
        let text = self.printed(&delete);
        let at = text.find("WHERE ").map_or(text.len(), |at| at + 6);
        format!("({})", &text[at..])
    }

    fn printed(&self, delete: &DeleteStatement) -> String {
        match self.backend() {
            DbBackend::MySql => delete.to_string(MysqlQueryBuilder),
            DbBackend::Postgres => delete.to_string(PostgresQueryBuilder),
            _ => delete.to_string(SqliteQueryBuilder),
        }
    }

    fn literal(&mut self, table: usize, at: usize) -> String {
        let value = self.stored(table, at);
        let compared = self.condition(Expr::col("it").eq(value));
        let literal = compared
            .split_once(" = ")
            .map(|(_, literal)| literal.to_owned());
        literal
            .expect("it is an equality")
            .trim_end_matches(')')
            .to_owned()
    }

    fn update_from(&mut self, table: usize) -> String {
        let own = self.table(table, None);
        let rest = self.schema.tables[table].given();
        let at = self.dice().pick(&rest);
        let (from, source, condition) = self.joined(&own);
        let column = own.columns[at];
        let same = source.of_kind(column.kind);
        let value = if same.is_empty() || self.dice().coin() {
            self.literal(table, at)
        } else {
            let theirs = self.dice().pick(&same);
            format!(
                "{}.{}",
                self.name(source.name),
                self.name(source.columns[theirs].name)
            )
        };
        let (name, set) = (self.name(own.name), self.name(column.name));
        if self.backend() == DbBackend::MySql {
            let how = self.dice().pick(&["JOIN", "LEFT JOIN"]);
            return format!("UPDATE {name} {how} {from} ON {condition} SET {name}.{set} = {value}");
        }
        format!("UPDATE {name} SET {set} = {value} FROM {from} WHERE {condition}")
    }

    fn delete_using(&mut self, table: usize) -> String {
        let own = self.table(table, None);
        let (from, source, condition) = self.joined(&own);
        let name = self.name(own.name);
        match self.backend() {
            DbBackend::Postgres => format!("DELETE FROM {name} USING {from} WHERE {condition}"),
            DbBackend::MySql if self.dice().one_in(3) => {
                let both = self.name(source.name);
                format!("DELETE {name}, {both} FROM {name} JOIN {from} ON {condition}")
            }
            DbBackend::MySql => format!("DELETE {name} FROM {name} JOIN {from} ON {condition}"),
            _ => {
                format!("DELETE FROM {name} WHERE EXISTS (SELECT 1 FROM {from} WHERE {condition})")
            }
        }
    }

    fn writable_cte(&mut self, table: usize) -> String {
        let mut delete = Query::delete();
        delete.from_table(self.schema.tables[table].name);
        for condition in self.picked(table, true) {
            delete.and_where(condition);
        }
        let inner = self.printed(&delete);
        let other = self.any_table();
        let given = self.schema.tables[other].given();
        let at = self.dice().pick(&given);
        let value = self.literal(other, at);
        let column = self.name(self.schema.tables[other].columns[at].name);
        let other = self.name(self.schema.tables[other].name);
        format!(
            "WITH gone AS ({inner} RETURNING 1) UPDATE {other} SET {column} = {value} WHERE EXISTS (SELECT 1 FROM gone)"
        )
    }

    fn returning_delete(&mut self, table: usize) -> String {
        let mut delete = Query::delete();
        delete.from_table(self.schema.tables[table].name);
        for condition in self.picked(table, true) {
            delete.and_where(condition);
        }
        format!("{} RETURNING *", self.printed(&delete))
    }

    /// An insert or update that steps aside, or pushes others aside, where keys conflict.
    fn conflicting(&mut self, table: usize) -> String {
        let shape = &self.schema.tables[table];
        let given = shape.given();
        let values: Vec<String> = given.iter().map(|at| self.literal(table, *at)).collect();
        let columns: Vec<String> = given
            .iter()
            .map(|at| self.name(shape.columns[*at].name))
            .collect();
        let name = self.name(shape.name);
        let (columns, values) = (columns.join(", "), values.join(", "));
        let verb = match self.backend() {
            DbBackend::Sqlite => {
                self.dice()
                    .pick(&["INSERT OR IGNORE", "INSERT OR REPLACE", "REPLACE"])
            }
            DbBackend::MySql => self.dice().pick(&["INSERT IGNORE", "REPLACE"]),
            _ => {
                return format!(
                    "INSERT INTO {name} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"
                );
            }
        };
        if self.backend() == DbBackend::Sqlite && self.dice().one_in(3) {
            let at = self.dice().pick(&given);
            let value = self.literal(table, at);
            let set = self.name(shape.columns[at].name);
            let sources = [self.table(table, None)];
            let atom = self.atom(&sources, 0, 2).expr;
            let condition = self.condition(atom);
            let verb = self.dice().pick(&["UPDATE OR REPLACE", "UPDATE OR IGNORE"]);
            return format!("{verb} {name} SET {set} = {value} WHERE {condition}");
        }
        format!("{verb} INTO {name} ({columns}) VALUES ({values})")
    }

    /// Two columns exchanged, or the first rows of an order deleted.
    fn ordered(&mut self, table: usize) -> String {
        let shape = &self.schema.tables[table];
        let name = self.name(shape.name);
        let sources = [self.table(table, None)];
        let atom = self.atom(&sources, 0, 2).expr;
        let condition = self.condition(atom);
        if self.backend() == DbBackend::MySql && shape.has_total_key() {
            let by = self.name(shape.columns[shape.key[0]].name);
            return format!("DELETE FROM {name} WHERE {condition} ORDER BY {by} LIMIT 1");
        }
        let numbers: Vec<usize> = shape.given();
        let numbers: Vec<usize> = numbers
            .into_iter()
            .filter(|at| shape.columns[*at].kind == super::schema::Kind::Int)
            .collect();
        if numbers.is_empty() {
            return format!("DELETE FROM {name} WHERE {condition}");
        }
        let (one, other) = (self.dice().pick(&numbers), self.dice().pick(&numbers));
        let one = self.name(shape.columns[one].name);
        let other = self.name(shape.columns[other].name);
        if one == other {
            return format!("UPDATE {name} SET {one} = {one} + 1 WHERE {condition}");
        }
        format!("UPDATE {name} SET {one} = {other}, {other} = {one} WHERE {condition}")
    }
}
