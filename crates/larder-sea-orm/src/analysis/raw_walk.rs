//! The walk through parsed SQL.

use std::ops::ControlFlow;

use sea_orm::DbBackend;
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, Query, Select, SetExpr, Statement, TableFactor,
    Value as Literal, ValueWithSpan, Visit, Visitor,
};

use super::functions::{is_niladic, is_relative_moment};
use super::parameters::Parameters;
use super::raw_where::Reader;
use super::{Analysis, Name, RelationName, Uncacheable, raw_write, utility};

/// Walks through statements and notes what they do.
pub(super) struct Walk<'a> {
    pub(super) backend: DbBackend,
    pub(super) parameters: &'a Parameters<'a>,
    pub(super) analysis: Analysis,
    scopes: Vec<QueryScope>,
    /// The CTEs that can be seen here.
    ctes: Vec<Name>,
    pub(super) queries: usize,
    pub(super) tables: usize,
    /// The answer depends on rows that no condition tells.
    pub(super) wide: bool,
    /// The next relation is the name of a function.
    skip_relation: bool,
}

/// A query on the way down, and the CTEs its WITH defines.
struct QueryScope {
    bodies: Vec<(*const Query, Name)>,
    recursive: bool,
    outer: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(parameters: &'a Parameters<'a>, backend: DbBackend) -> Self {
        Self {
            backend,
            parameters,
            analysis: Analysis::default(),
            scopes: Vec::new(),
            ctes: Vec::new(),
            queries: 0,
            tables: 0,
            wide: false,
            skip_relation: false,
        }
    }

    /// Returns what reads the values and conditions of the same text.
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader {
            backend: self.backend,
            parameters: self.parameters,
        }
    }

    pub(super) fn go(&mut self, statement: &Statement) {
        let ControlFlow::Continue(()) = statement.visit(self);
    }

    /// Notes that a part has a meaning that is not known.
    pub(super) fn opaque(&mut self, part: &'static str) {
        self.analysis.refuse(Uncacheable::Opaque(part));
        self.analysis.unknown_writes = true;
    }

    fn call(&mut self, name: &ObjectName) {
        match RelationName::of_object(name) {
            Some(name) => self.analysis.call(name.to_string().into(), self.backend),
            None => self.opaque("a function whose name is not one"),
        }
    }

    fn relation(&mut self, name: &ObjectName) {
        self.tables += 1;
        let Some(name) = RelationName::of_object(name) else {
            return self.opaque("a relation whose name is not one");
        };
        let folded = name.name.folded(self.backend);
        let cte = name.schema.is_none()
            && self
                .ctes
                .iter()
                .any(|cte| cte.folded(self.backend) == folded);
        drop(folded);
        if !cte {
            self.analysis.reads.push(name);
        }
    }

    fn open(&mut self, query: &Query) {
        self.queries += 1;
        if let Some((name, true)) = self.cte_of(query) {
            self.ctes.push(name);
        }
        let with = query.with.as_ref();
        let bodies = with.into_iter().flat_map(|with| &with.cte_tables);
        self.scopes.push(QueryScope {
            bodies: bodies
                .map(|cte| (&raw const *cte.query, (&cte.alias.name).into()))
                .collect(),
            recursive: with.is_some_and(|with| with.recursive),
            outer: self.ctes.len(),
        });
    }

    fn close(&mut self, query: &Query) {
        if let Some(scope) = self.scopes.pop() {
            self.ctes.truncate(scope.outer);
        }
        // From here on the queries that follow in the same WITH can see it, and the main one.
        if let Some((name, false)) = self.cte_of(query) {
            self.ctes.push(name);
        }
    }

    /// Returns the name of the CTE whose body this query is, and whether its WITH is recursive.
    fn cte_of(&self, query: &Query) -> Option<(Name, bool)> {
        let scope = self.scopes.last()?;
        let (_, name) = scope
            .bodies
            .iter()
            .find(|(body, _)| std::ptr::eq(*body, query))?;
        Some((name.clone(), scope.recursive))
    }

    fn identifier(&mut self, ident: &Ident) {
        if ident.quote_style.is_some() {
            return;
        }
        if ident.value.starts_with('@') {
            self.analysis
                .refuse(Uncacheable::Session(ident.value.clone()));
        } else if is_niladic(&ident.value, self.backend) {
            self.analysis
                .refuse(Uncacheable::Volatile(ident.value.clone()));
        }
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Table(_) => self.opaque("a TABLE command"),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }
}

impl Visitor for Walk<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Self::Break> {
        raw_write::note(statement, self);
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.open(query);
        self.body(&query.body);
        if !query.locks.is_empty() {
            self.analysis.refuse(Uncacheable::Lock);
        }
        let foreign = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if foreign {
            self.opaque("a clause of another dialect");
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.close(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() {
            self.analysis.absorb(utility::schema(self.backend));
        }
        let foreign = !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || select.qualify.is_some()
            || select.top.is_some()
            || select.value_table_mode.is_some();
        if foreign {
            self.opaque("a clause of another dialect");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Self::Break> {
        if !std::mem::take(&mut self.skip_relation) {
            self.relation(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Self::Break> {
        match table {
            TableFactor::Table {
                name,
                args,
                version,
                sample,
                json_path,
                ..
            } => {
                if args.is_some() {
                    self.tables += 1;
                    self.skip_relation = true;
                    self.call(name);
                }
                if sample.is_some() {
                    self.analysis.refuse(Uncacheable::Sample);
                }
                if version.is_some() || json_path.is_some() {
                    self.opaque("a table in another version");
                }
            }
            TableFactor::Function { name, .. } => {
                self.tables += 1;
                self.call(name);
            }
            TableFactor::Derived {
                sample: Some(_), ..
            } => {
                self.analysis.refuse(Uncacheable::Sample);
            }
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => {}
            TableFactor::UNNEST { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::TableFunction { .. } => self.tables += 1,
            _ => self.opaque("a table of another dialect"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Function(function) => self.call(&function.name),
            // How well a row matches depends on all the others.
            Expr::MatchAgainst { .. } => self.wide = true,
            Expr::Identifier(ident) => self.identifier(ident),
            Expr::CompoundIdentifier(parts)
                if parts.iter().any(|part| part.value.starts_with('@')) =>
            {
                self.analysis
                    .refuse(Uncacheable::Session("a variable".into()));
            }
            Expr::BinaryOp {
                op: BinaryOperator::Assignment,
                ..
            } => {
                self.analysis
                    .refuse(Uncacheable::Session("a variable".into()));
            }
            Expr::BinaryOp { op, .. } if is_custom(op) => self.opaque("an operator of the user's"),
            Expr::Lambda(_) | Expr::Prior(_) => self.opaque("an expression of another dialect"),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Self::Break> {
        if let Literal::SingleQuotedString(text) | Literal::EscapedStringLiteral(text) =
            &value.value
            && self.backend == DbBackend::Postgres
            && is_relative_moment(text)
        {
            // Harmless as a string, but a cast makes it the time of the query.
            self.analysis.refuse(Uncacheable::Volatile(text.clone()));
        }
        ControlFlow::Continue(())
    }
}

fn is_custom(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Custom(_) | BinaryOperator::PGCustomBinaryOperator(_)
    )
}
