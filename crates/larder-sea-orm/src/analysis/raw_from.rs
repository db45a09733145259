//! The FROM of raw SQL: its tables and how they are joined.

use sqlparser::ast::{
    Expr, Join as Joined, JoinConstraint, JoinOperator, Query, TableAlias, TableFactor,
    TableWithJoins,
};

use super::derived::{Behind, Derived, renamed};
use super::raw_blocks::{Around, Blocks, Here};
use super::raw_columns::Columns;
use super::{Join, Name, Place, RelationName, Role, Source};

/// A part of FROM that is looked at when all its sources are known.
enum Part<'q> {
    On(u16, &'q Expr),
    Query(&'q Query),
    Arguments(&'q TableFactor),
}

impl Blocks<'_> {
    pub(super) fn from(&mut self, here: Here<'_>, from: &[TableWithJoins]) {
        let mut parts = Vec::new();
        for tables in from {
            self.joined(here, tables, Join::Inner, &mut parts);
        }
        for part in parts {
            match part {
                Part::On(source, condition) => {
                    self.condition(here, condition, Place::On(source));
                }
                Part::Query(query) => self.query(query, Around::From(here.at), false),
                Part::Arguments(table) => {
                    Columns::new(self, here, Role::Where).go(table);
                }
            }
        }
    }

    fn joined<'q>(
        &mut self,
        here: Here<'_>,
        tables: &'q TableWithJoins,
        outside: Join,
        parts: &mut Vec<Part<'q>>,
    ) {
        self.source(here, &tables.relation, outside, parts);
        for joined in &tables.joins {
            let (join, constraint) = how(joined);
            // Inside an outer join nothing is said of how its tables meet those outside.
            let join = if outside == Join::Inner {
                join
            } else {
                Join::Other
            };
            let source = u16::try_from(self.found[here.at].sources.len());
            self.source(here, &joined.relation, join, parts);
            match (constraint, source) {
                (Some(JoinConstraint::On(condition)), Ok(source)) => {
                    parts.push(Part::On(source, condition));
                }
                (Some(JoinConstraint::None), Ok(_)) => {}
                (Some(_), Ok(_)) => self.found[here.at].opaque = true,
                (None, _) | (_, Err(_)) => self.lost = true,
            }
        }
    }

    fn source<'q>(
        &mut self,
        here: Here<'_>,
        table: &'q TableFactor,
        join: Join,
        parts: &mut Vec<Part<'q>>,
    ) {
        let (relation, alias) = match table {
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                self.found[here.at].opaque |= alias.is_some();
                let join = if join == Join::Inner {
                    Join::Inner
                } else {
                    Join::Other
                };
                return self.joined(here, table_with_joins, join, parts);
            }
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                let Some(name) = RelationName::of_object(name) else {
                    self.lost = true;
                    return;
                };
                if self.is_cte(&name) {
                    let behind = Behind::Cte(name.name.folded(self.backend()).into_owned());
                    self.derive(here, alias.as_ref(), behind);
                    (None, Some(named(alias.as_ref()).unwrap_or(name.name)))
                } else {
                    self.found[here.at].opaque |= is_altered(table);
                    (Some(name), named(alias.as_ref()))
                }
            }
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                parts.push(Part::Query(subquery));
                let behind = Behind::Query(std::ptr::from_ref(&**subquery));
                self.derive(here, alias.as_ref(), behind);
                (None, Some(named(alias.as_ref()).unwrap_or_else(nameless)))
            }
            other => {
                let Some(name) = function(other) else {
                    self.lost = true;
                    return;
                };
                parts.push(Part::Arguments(other));
                (None, Some(name))
            }
        };
        self.found[here.at].sources.push(Source {
            relation,
            alias,
            join,
        });
    }

    /// Notes that the next source is a query.
    fn derive(&mut self, here: Here<'_>, alias: Option<&TableAlias>, behind: Behind) {
        self.derived.push(Derived {
            outer: here.at,
            source: self.found[here.at].sources.len(),
            columns: renamed(alias),
            behind,
        });
    }

    fn is_cte(&self, name: &RelationName) -> bool {
        let backend = self.backend();
        name.schema.is_none() && {
            let folded = name.name.folded(backend);
            self.ctes.iter().any(|cte| cte.folded(backend) == folded)
        }
    }
}

fn named(alias: Option<&TableAlias>) -> Option<Name> {
    alias.map(|alias| Name::from(&alias.name))
}

/// Returns the name a function in FROM goes by.
fn function(table: &TableFactor) -> Option<Name> {
    let (alias, own) = match table {
        TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => {
            (alias, RelationName::of_object(name)?.name)
        }
        TableFactor::UNNEST { alias, .. } => (alias, Name::plain("unnest")),
        TableFactor::JsonTable { alias, .. } => (alias, Name::plain("json_table")),
        TableFactor::XmlTable { alias, .. } => (alias, Name::plain("xmltable")),
        TableFactor::TableFunction { alias, .. } => (alias, nameless()),
        _ => return None,
    };
    Some(named(alias.as_ref()).unwrap_or(own))
}

/// Returns what no name in a statement is.
fn nameless() -> Name {
    Name::quoted("")
}

fn how(joined: &Joined) -> (Join, Option<&JoinConstraint>) {
    match &joined.join_operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::CrossJoin(on)
        | JoinOperator::StraightJoin(on) => (Join::Inner, Some(on)),
        JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (Join::Left, Some(on)),
        JoinOperator::Right(on) | JoinOperator::RightOuter(on) | JoinOperator::FullOuter(on) => {
            (Join::Other, Some(on))
        }
        _ => (Join::Other, None),
    }
}

/// Tells whether a table's columns are renamed or its rows picked in a way that no column tells.
fn is_altered(table: &TableFactor) -> bool {
    match table {
        TableFactor::Table {
            alias,
            with_hints,
            version,
            partitions,
            json_path,
            sample,
            ..
        } => {
            alias
                .as_ref()
                .is_some_and(|alias| !alias.columns.is_empty() || alias.at.is_some())
                || !with_hints.is_empty()
                || version.is_some()
                || !partitions.is_empty()
                || json_path.is_some()
                || sample.is_some()
        }
        _ => true,
    }
}
