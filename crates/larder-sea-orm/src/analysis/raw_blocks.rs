//! The queries of raw SQL, taken apart into blocks.

use sea_orm::DbBackend;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, WildcardAdditionalOptions,
};

use super::counted::forget_what_is_only_counted;
use super::derived::{Body, Derived, Outputs, renamed};
use super::raw_columns::Columns;
use super::raw_order::plain_order;
use super::raw_where::Reader;
use super::{Block, ColumnOf, Mention, Name, Place, RelationName, Role, Source};

/// Takes a query apart; `None` if a part of it is of a kind that is not known.
pub(super) fn of(query: &Query, reader: Reader<'_>) -> Option<Vec<Block>> {
    let mut blocks = Blocks {
        reader,
        found: Vec::with_capacity(1),
        besides: Vec::with_capacity(1),
        ctes: Vec::new(),
        entered: Vec::new(),
        derived: Vec::new(),
        bodies: Vec::new(),
        lost: false,
    };
    blocks.query(query, Around::Nothing, true);
    let gives = blocks.gives(query);
    if let Some(first) = blocks.found.first_mut() {
        first.gives = gives;
    }
    blocks.say_inside();
    let besides = &blocks.besides;
    forget_what_is_only_counted(&mut blocks.found, |at| {
        besides[at].in_from && besides[at].row_by_row
    });
    (!blocks.lost).then_some(blocks.found)
}

/// The queries of a statement on the way through it.
pub(super) struct Blocks<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) found: Vec<Block>,
    /// For each block what is known of it beside.
    pub(super) besides: Vec<Beside>,
    /// The CTEs that can be seen here.
    pub(super) ctes: Vec<Name>,
    /// Where the block of a query stands that is a single SELECT.
    pub(super) entered: Vec<(*const Query, usize)>,
    /// The queries in FROM.
    pub(super) derived: Vec<Derived>,
    /// The queries of all CTEs.
    pub(super) bodies: Vec<Body>,
    /// Something was met whose tables or columns are not known.
    pub(super) lost: bool,
}

/// What is known of a block on the way only.
#[derive(Default)]
pub(super) struct Beside {
    /// The names of its select list that are not those of the columns behind them.
    renamed: Vec<Name>,
    /// It stands in the FROM of the block around it.
    pub(super) in_from: bool,
    /// The columns it gives, if it gives a row for each row it reads and leaves none out.
    pub(super) outputs: Option<Outputs>,
    /// It gives a row for each row it reads, whatever its select list says, and names nothing in it.
    pub(super) row_by_row: bool,
}

/// What is around a query.
#[derive(Clone, Copy)]
pub(super) enum Around {
    /// It is the statement, or sees no other query's tables.
    Nothing,
    /// It stands in the FROM of this block.
    From(usize),
    /// It stands in an expression of this block.
    Expression(usize),
}

/// The SELECT of which a part is looked at.
#[derive(Clone, Copy)]
pub(super) struct Here<'q> {
    /// The place of its block.
    pub(super) at: usize,
    pub(super) select: Option<&'q Select>,
}

impl Blocks<'_> {
    pub(super) fn backend(&self) -> DbBackend {
        self.reader.backend
    }

    /// Takes a query apart; `told`: its rows are the answer of the statement.
    pub(super) fn query(&mut self, query: &Query, around: Around, told: bool) {
        let foreign = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        self.lost |= foreign;
        let visible = self.ctes.len();
        let with = query.with.as_ref();
        let bodies = || with.into_iter().flat_map(|with| &with.cte_tables);
        self.ctes
            .extend(bodies().map(|cte| Name::from(&cte.alias.name)));
        self.body(&query.body, query, around, told);
        self.ctes.truncate(visible);
        let recursive = with.is_some_and(|with| with.recursive);
        for cte in bodies() {
            self.bodies.push(Body {
                name: Name::from(&cte.alias.name)
                    .folded(self.backend())
                    .into_owned(),
                columns: renamed(Some(&cte.alias)),
                query: std::ptr::from_ref(&*cte.query),
                recursive,
            });
            // A body sees those before it, and itself only when the clause is recursive.
            if recursive {
                self.ctes.push((&cte.alias.name).into());
            }
            self.query(&cte.query, around, false);
            if !recursive {
                self.ctes.push((&cte.alias.name).into());
            }
        }
        self.ctes.truncate(visible);
    }

    fn body(&mut self, body: &SetExpr, tail: &Query, around: Around, told: bool) {
        if let SetExpr::Select(select) = body {
            if tail.with.is_none() {
                self.entered
                    .push((std::ptr::from_ref(tail), self.found.len()));
            }
            return self.select(select, Some(tail), around, told);
        }
        let first = self.found.len();
        self.members(body, around);
        if self.found.len() == first {
            self.lost = true;
            return;
        }
        // What follows can name nothing of a set but its columns, which stand in its members. After a SELECT in
        // parentheses it is a part of that SELECT for PostgreSQL.
        let here = Here {
            at: first,
            select: None,
        };
        let alone = matches!(body, SetExpr::Query(_));
        self.found[first].opaque |= alone && tail.order_by.is_some();
        if let Some(order) = &tail.order_by {
            self.order(here, order, false);
        }
        self.limit(here, tail);
    }

    fn members(&mut self, body: &SetExpr, around: Around) {
        match body {
            SetExpr::Select(select) => self.select(select, None, around, false),
            SetExpr::Query(query) => self.query(query, around, false),
            SetExpr::SetOperation { left, right, .. } => {
                self.members(left, around);
                self.members(right, around);
            }
            SetExpr::Values(values) => {
                let at = self.open(around, None);
                let here = Here { at, select: None };
                for cell in values.rows.iter().flat_map(|row| row.iter()) {
                    self.walk(here, cell, Role::Selected);
                }
            }
            _ => self.lost = true,
        }
    }

    fn open(&mut self, around: Around, select: Option<&Select>) -> usize {
        let (outer, in_from) = match around {
            Around::Nothing => (None, false),
            Around::From(outer) => (Some(outer), true),
            Around::Expression(outer) => (Some(outer), false),
        };
        let mut block = Block::inside(outer);
        let mut beside = Beside {
            in_from,
            ..Beside::default()
        };
        for item in select.iter().flat_map(|select| &select.projection) {
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                let alias = Name::from(alias);
                if !is_named(expr, &alias, self.backend()) {
                    beside.renamed.push(alias.clone());
                }
                block.aliases.push(alias);
            }
        }
        self.found.push(block);
        self.besides.push(beside);
        self.found.len() - 1
    }

    fn select(&mut self, select: &Select, tail: Option<&Query>, around: Around, told: bool) {
        self.lost |= is_foreign(select);
        let at = self.open(around, Some(select));
        let here = Here {
            at,
            select: Some(select),
        };
        self.from(here, &select.from);
        let mut rows = self.projection(here, &select.projection);
        if let Some(condition) = &select.selection {
            self.condition(here, condition, Place::Where);
        }
        self.groups(here, select);
        let ungrouped = is_row_by_row(select);
        rows &= ungrouped;
        // Of the statement itself also what it makes of the rows counts.
        self.found[at].ungrouped = if at == 0 { told && rows } else { ungrouped };
        let beside = &mut self.besides[at];
        if let Some(tail) = tail.filter(|_| rows) {
            beside.outputs = Outputs::of(select, tail);
        }
        beside.row_by_row = rows && tail.is_some() && beside.renamed.is_empty();
        if let Some(tail) = tail {
            rows &= tail
                .order_by
                .as_ref()
                .is_none_or(|order| self.order(here, order, true));
            rows &= self.limit(here, tail);
            if told && ungrouped {
                self.found[at].order = plain_order(here, tail);
            }
        }
        self.found[at].rows_told = told && rows;
    }

    /// Looks at a select list; tells whether it gives one row for one row.
    fn projection(&mut self, here: Here<'_>, items: &[SelectItem]) -> bool {
        let mut rows = true;
        // The place of the next column of the answer, while it is known.
        let mut place = Some(0_u16);
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    let role = match (expr, place) {
                        (Expr::Identifier(_) | Expr::CompoundIdentifier(_), Some(place)) => {
                            Role::Output(place)
                        }
                        _ => Role::Selected,
                    };
                    rows &= self.walk(here, expr, role);
                    place = place.and_then(|place| place.checked_add(1));
                }
                SelectItem::Wildcard(options) => {
                    self.lost |= options.opt_replace.is_some();
                    self.wildcard(here, items.len() == 1);
                    place = None;
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    rows &= self.qualified(here, kind, options);
                    place = None;
                }
                SelectItem::ExprWithAliases { .. } => self.lost = true,
            }
        }
        rows
    }

    fn qualified(
        &mut self,
        here: Here<'_>,
        kind: &SelectItemQualifiedWildcardKind,
        options: &WildcardAdditionalOptions,
    ) -> bool {
        match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => {
                self.lost |= options.opt_replace.is_some();
                match RelationName::of_object(name) {
                    Some(name) => self.every(here, Some(name.name)),
                    None => self.lost = true,
                }
                true
            }
            SelectItemQualifiedWildcardKind::Expr(expr) => self.walk(here, expr, Role::Selected),
        }
    }

    /// Notes a `*`; beside other items it is written as one of each table: the names of the columns then tell nothing.
    fn wildcard(&mut self, here: Here<'_>, alone: bool) {
        if alone {
            return self.every(here, None);
        }
        let sources = self.found[here.at].sources.iter();
        let names: Vec<Name> = sources.filter_map(own_name).cloned().collect();
        for name in names {
            self.every(here, Some(name));
        }
    }

    fn every(&mut self, here: Here<'_>, qualifier: Option<Name>) {
        let every = Mention {
            qualifier,
            column: None,
            role: Role::Selected,
        };
        self.mention(here.at, every);
    }

    /// Looks at a WHERE or ON.
    pub(super) fn condition(&mut self, here: Here<'_>, condition: &Expr, place: Place) {
        let role = match place {
            Place::Where => Role::Where,
            Place::On(source) => Role::On(source),
        };
        self.walk(here, condition, role);
        if self.is_ambiguous(here.at) {
            return;
        }
        let mut said = self.reader.conditions(condition, place);
        let backend = self.backend();
        let renamed = &self.besides[here.at].renamed;
        // SQLite takes a name that is no column for an alias.
        let certain = |column: &ColumnOf| {
            let is_alias = || {
                renamed
                    .iter()
                    .any(|alias| is_same(alias, &column.name, backend))
            };
            backend != DbBackend::Sqlite || column.qualifier.is_some() || !is_alias()
        };
        said.atoms.retain(|atom| atom.columns.iter().all(certain));
        said.links
            .retain(|link| certain(&link.left) && certain(&link.right));
        said.checks.retain(|it| {
            let mut all = true;
            it.check.each_column(&mut |column| all &= certain(column));
            all
        });
        let block = &mut self.found[here.at];
        block.atoms.extend(said.atoms);
        block.links.extend(said.links);
        block.checks.extend(said.checks);
        block.never |= said.never && place == Place::Where;
        if place == Place::Where {
            self.asked(here, condition);
        }
    }

    /// Tells whether two of its tables have one name, told apart by their schemas.
    fn is_ambiguous(&self, at: usize) -> bool {
        let sources = &self.found[at].sources;
        sources.iter().enumerate().any(|(place, source)| {
            own_name(source).is_some_and(|name| {
                let mut others = sources.iter().skip(place + 1);
                others.any(|other| other.goes_by(name, self.backend()))
            })
        })
    }

    /// Looks at an expression; tells whether it gives one value for one row.
    pub(super) fn walk(&mut self, here: Here<'_>, expr: &Expr, role: Role) -> bool {
        Columns::new(self, here, role).go(expr)
    }

    pub(super) fn mention(&mut self, at: usize, mention: Mention) {
        let mentions = &mut self.found[at].mentions;
        if !mentions.contains(&mention) {
            mentions.push(mention);
        }
    }

    /// Notes that a name is used inside a query around which others stand, whose aliases it may mean.
    pub(super) fn look_outside(&mut self, at: usize, name: &Name) {
        let backend = self.backend();
        // PostgreSQL shows no alias to a subquery.
        if backend == DbBackend::Postgres {
            return;
        }
        let mut inner = at;
        while let Some(outer) = self.found[inner].outer {
            // What stands in FROM comes before the select list.
            let seen = !self.besides[inner].in_from;
            let mut aliases = self.besides[outer].renamed.iter();
            if seen && aliases.any(|alias| is_same(alias, name, backend)) {
                self.found[outer].opaque = true;
            }
            inner = outer;
        }
    }
}

/// Returns the name a source goes by.
fn own_name(source: &Source) -> Option<&Name> {
    let relation = source.relation.as_ref().map(|relation| &relation.name);
    source.alias.as_ref().or(relation)
}

/// Tells whether two names of columns may be the same one.
pub(super) fn is_same(one: &Name, other: &Name, backend: DbBackend) -> bool {
    one.may_be_column(&other.folded(backend), backend)
        || other.may_be_column(&one.folded(backend), backend)
}

/// Tells whether an expression is the column of that name.
pub(super) fn is_named(expr: &Expr, name: &Name, backend: DbBackend) -> bool {
    let own = match expr {
        Expr::Identifier(own) => Some(own),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    own.is_some_and(|own| Name::from(own).folded(backend) == name.folded(backend))
}

fn is_foreign(select: &Select) -> bool {
    select.top.is_some()
        || select.exclude.is_some()
        || select.into.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
}

/// Tells whether a SELECT, its functions aside, gives a row for each row.
pub(super) fn is_row_by_row(select: &Select) -> bool {
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(exprs, modifiers)
        if exprs.is_empty() && modifiers.is_empty());
    ungrouped
        && select.having.is_none()
        && matches!(select.distinct, None | Some(Distinct::All))
        && select.named_window.is_empty()
        && select.select_modifiers.is_none()
        && select.flavor == SelectFlavor::Standard
}
