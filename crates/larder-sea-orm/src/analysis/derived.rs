//! What is said of the columns of a query in FROM, said of the columns behind them.
//!
//! A derived table, or a CTE that is named once, which gives a row for each row it reads: what is asked of its columns
//! outside may be asked inside as well. So it is said there too. Not where a join puts NULLs in its place, and not of what is cut off by a LIMIT or ranked.

use sea_orm::DbBackend;
use smallvec::SmallVec;
use sqlparser::ast::{
    Expr, Query, Select, SelectItem, TableAlias, TableAliasColumnDef, WildcardAdditionalOptions,
};

use super::raw_blocks::{Beside, Blocks, is_same};
use super::{Block, BlockAtom, BlockCheck, Check, ColumnOf, Join, Link, Name, Place};

/// Queries in FROM inside others deeper than this are left aside.
const ROUNDS: usize = 4;

/// The columns of a query that gives a row for each row it reads.
pub(super) struct Outputs {
    /// By their names, if a name was given or is that of a column; what is no column is not told.
    columns: Vec<(Option<Name>, Option<ColumnOf>)>,
    /// All columns of its tables, under their own names.
    every: bool,
}

/// A query in FROM.
pub(super) struct Derived {
    /// The block of which FROM, and the place there.
    pub(super) outer: usize,
    pub(super) source: usize,
    /// The names its columns are given.
    pub(super) columns: Vec<Name>,
    pub(super) behind: Behind,
}

/// What a query in FROM is.
pub(super) enum Behind {
    /// This one.
    Query(*const Query),
    /// The one of a CTE of this name.
    Cte(String),
}

/// The query of a CTE.
pub(super) struct Body {
    pub(super) name: String,
    pub(super) columns: Vec<Name>,
    pub(super) query: *const Query,
    pub(super) recursive: bool,
}

/// A query in FROM whose block and columns are known.
struct Inside {
    outer: usize,
    source: usize,
    block: usize,
    columns: Vec<(Name, Option<ColumnOf>)>,
    every: bool,
}

impl Outputs {
    /// Returns the columns of a SELECT that gives a row for each row; `None` if it is cut off.
    pub(super) fn of(select: &Select, tail: &Query) -> Option<Self> {
        if tail.with.is_some() || tail.limit_clause.is_some() || tail.fetch.is_some() {
            return None;
        }
        if let [SelectItem::Wildcard(options)] = select.projection.as_slice() {
            let columns = Vec::new();
            return is_plain(options).then_some(Self {
                columns,
                every: true,
            });
        }
        let mut columns = Vec::with_capacity(select.projection.len());
        for item in &select.projection {
            columns.push(match item {
                SelectItem::UnnamedExpr(expr) => {
                    let column = column(expr);
                    (column.as_ref().map(|it| it.name.clone()), column)
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    (Some(Name::from(alias)), column(expr))
                }
                _ => return None,
            });
        }
        let every = false;
        Some(Self { columns, every })
    }

    /// Returns its columns under the names they are given outside.
    fn named(&self, names: &[Name]) -> Option<Vec<(Name, Option<ColumnOf>)>> {
        if names.is_empty() {
            let columns = self.columns.iter();
            let named = columns.filter_map(|(name, column)| Some((name.clone()?, column.clone())));
            return Some(named.collect());
        }
        let all = !self.every && names.len() == self.columns.len();
        let columns = self.columns.iter().map(|(_, column)| column.clone());
        all.then(|| names.iter().cloned().zip(columns).collect())
    }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
}

fn column(expr: &Expr) -> Option<ColumnOf> {
    match expr {
        Expr::Identifier(name) => Some(ColumnOf {
            qualifier: None,
            name: name.into(),
        }),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, name] => Some(ColumnOf {
                qualifier: Some(table.into()),
                name: name.into(),
            }),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the names that an alias gives to columns.
pub(super) fn renamed(alias: Option<&TableAlias>) -> Vec<Name> {
    let columns = alias.into_iter().flat_map(|alias| &alias.columns);
    let name = |column: &TableAliasColumnDef| Name::from(&column.name);
    columns.map(name).collect()
}

impl Blocks<'_> {
    /// Says what is said of queries in FROM of the tables behind them.
    pub(super) fn say_inside(&mut self) {
        let insides: Vec<Inside> = self
            .derived
            .iter()
            .filter_map(|derived| self.inside(derived))
            .collect();
        for _ in 0..ROUNDS {
            let mut more = false;
            for inside in &insides {
                more |= inside.say(&mut self.found, self.reader.backend);
            }
            if !more {
                return;
            }
        }
    }

    fn inside(&self, derived: &Derived) -> Option<Inside> {
        let (query, given) = match &derived.behind {
            Behind::Query(query) => (*query, &derived.columns),
            Behind::Cte(name) => {
                let is_it = |it: &&Derived| matches!(&it.behind, Behind::Cte(own) if own == name);
                let mut bodies = self.bodies.iter().filter(|body| body.name == *name);
                let body = bodies.next().filter(|body| !body.recursive)?;
                let once = self.derived.iter().filter(is_it).count() == 1;
                if !once || bodies.next().is_some() || !derived.columns.is_empty() {
                    return None;
                }
                (body.query, &body.columns)
            }
        };
        let mut entered = self.entered.iter();
        let (_, block) = entered.find(|(known, _)| std::ptr::eq(*known, query))?;
        let Beside { outputs, .. } = &self.besides[*block];
        let outputs = outputs.as_ref()?;
        let outer = &self.found[derived.outer];
        let inner = &self.found[*block];
        let kept = outer.sources.iter().all(|it| it.join != Join::Other)
            && outer.sources[derived.source].join == Join::Inner;
        let known = !outputs.every || inner.sources.iter().all(|it| it.relation.is_some());
        if !kept || !known || outer.opaque || inner.opaque {
            return None;
        }
        Some(Inside {
            outer: derived.outer,
            source: derived.source,
            block: *block,
            columns: outputs.named(given)?,
            every: outputs.every,
        })
    }
}

impl Inside {
    /// Says inside what is said outside; tells whether that was new.
    fn say(&self, found: &mut [Block], backend: DbBackend) -> bool {
        let outer = &found[self.outer];
        let behind = |column: &ColumnOf| self.behind(outer, column, backend);
        let holds = |place: Place| match place {
            Place::Where => true,
            Place::On(at) => outer
                .sources
                .get(usize::from(at))
                .is_some_and(|it| it.join == Join::Inner),
        };
        let atoms = outer.atoms.iter().filter(|atom| holds(atom.place));
        let atoms: Vec<BlockAtom> = atoms
            .filter_map(|atom| {
                Some(BlockAtom {
                    columns: atom.columns.iter().map(behind).collect::<Option<_>>()?,
                    place: Place::Where,
                    ..atom.clone()
                })
            })
            .collect();
        let checks = outer.checks.iter().filter(|check| holds(check.place));
        let checks: Vec<BlockCheck> = checks
            .filter_map(|it| {
                Some(BlockCheck {
                    check: said(&it.check, &behind).worth()?,
                    place: Place::Where,
                })
            })
            .collect();
        let links = outer.links.iter().filter(|link| holds(link.place));
        let links: Vec<Link> = links
            .filter_map(|link| self.link(link, found, backend))
            .collect();
        let block = &mut found[self.block];
        let atoms = add(&mut block.atoms, atoms);
        let checks = add(&mut block.checks, checks);
        let links = add(&mut block.links, links);
        atoms || checks || links
    }

    /// Returns the column behind one that is named outside.
    fn behind(&self, outer: &Block, column: &ColumnOf, backend: DbBackend) -> Option<ColumnOf> {
        let ours = match &column.qualifier {
            None => outer.sources.len() == 1,
            Some(name) => {
                let mut sources = outer.sources.iter().enumerate();
                sources.all(|(at, it)| it.goes_by(name, backend) == (at == self.source))
            }
        };
        if !ours {
            return None;
        }
        let mut same = self.columns.iter();
        let mut same = same
            .by_ref()
            .filter(|(own, _)| is_same(own, &column.name, backend));
        match (same.next(), same.next()) {
            (Some((_, column)), None) => column.clone(),
            (None, _) if self.every => Some(ColumnOf {
                qualifier: None,
                name: column.name.clone(),
            }),
            _ => None,
        }
    }

    /// Returns an equality as it is inside.
    fn link(&self, link: &Link, found: &[Block], backend: DbBackend) -> Option<Link> {
        let (outer, inner) = (&found[self.outer], &found[self.block]);
        let behind = |column: &ColumnOf| self.behind(outer, column, backend);
        let (left, right, other) = match (behind(&link.left), behind(&link.right)) {
            (Some(left), Some(right)) => (left, right, None),
            (Some(own), None) => (own, link.right.clone(), Some(link.right.clone())),
            (None, Some(own)) => (own, link.left.clone(), Some(link.left.clone())),
            (None, None) => return None,
        };
        if let Some(other) = &other {
            // Inside the name may be another's.
            let name = other.qualifier.as_ref()?;
            if inner.sources.iter().any(|it| it.goes_by(name, backend)) {
                return None;
            }
        }
        let place = Place::Where;
        Some(Link { left, right, place })
    }
}

/// Adds what is not there yet; tells whether anything was.
fn add<T: PartialEq, const N: usize>(to: &mut SmallVec<[T; N]>, items: Vec<T>) -> bool
where
    [T; N]: smallvec::Array<Item = T>,
{
    let before = to.len();
    for item in items {
        if !to.contains(&item) {
            to.push(item);
        }
    }
    to.len() > before
}

/// Returns what a condition says of the columns behind those it names.
fn said(check: &Check, behind: &impl Fn(&ColumnOf) -> Option<ColumnOf>) -> Check {
    let all = |inner: &[Check]| inner.iter().map(|it| said(it, behind)).collect();
    match check {
        Check::Compare(column, comparison, value) => behind(column)
            .map_or(Check::Unknown, |column| {
                Check::Compare(column, *comparison, value.clone())
            }),
        Check::In(column, values) => {
            behind(column).map_or(Check::Unknown, |column| Check::In(column, values.clone()))
        }
        Check::Null(column) => behind(column).map_or(Check::Unknown, Check::Null),
        Check::All(inner) => Check::All(all(inner)),
        Check::Any(inner) => Check::Any(all(inner)),
        Check::Not(inner) => Check::Not(Box::new(said(inner, behind))),
        Check::Unknown => Check::Unknown,
    }
}
