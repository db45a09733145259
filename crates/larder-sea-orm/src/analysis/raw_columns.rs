//! The columns an expression of raw SQL names.

use std::ops::ControlFlow;

use sea_orm::DbBackend;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query,
    SelectItem, Visit, Visitor,
};

use super::functions::is_scalar;
use super::raw_blocks::{Around, Blocks, Here, is_named, is_same};
use super::{Mention, Name, RelationName, Role};

/// Walks through an expression and notes its columns in a block; its subqueries become blocks.
pub(super) struct Columns<'a, 'b, 'q> {
    blocks: &'a mut Blocks<'b>,
    here: Here<'q>,
    role: Role,
    /// So many queries inside the expression are around the place.
    queries: usize,
    /// So many calls with a window are around the place.
    windows: usize,
    /// It stands behind an alias, which sees no other alias.
    behind: bool,
    /// So far there is one value for one row.
    rows: bool,
}

impl<'a, 'b, 'q> Columns<'a, 'b, 'q> {
    pub(super) fn new(blocks: &'a mut Blocks<'b>, here: Here<'q>, role: Role) -> Self {
        Self {
            blocks,
            here,
            role,
            queries: 0,
            windows: 0,
            behind: false,
            rows: true,
        }
    }

    /// Walks through a part of a statement; tells whether it gives one value for one row.
    pub(super) fn go(mut self, part: &impl Visit) -> bool {
        let ControlFlow::Continue(()) = part.visit(&mut self);
        self.rows
    }

    fn opaque(&mut self) {
        self.blocks.found[self.here.at].opaque = true;
    }

    fn mention(&mut self, qualifier: Option<Name>, column: Option<Name>) {
        let role = if self.windows > 0 {
            Role::Order
        } else {
            self.role
        };
        let mention = Mention {
            qualifier,
            column,
            role,
        };
        self.blocks.mention(self.here.at, mention);
    }

    fn name(&mut self, ident: &Ident) {
        let name = Name::from(ident);
        self.whole_row(&name);
        self.alias(&name);
        self.blocks.look_outside(self.here.at, &name);
        self.mention(None, Some(name));
    }

    /// For `PostgreSQL` the name of a table is a value too: its row.
    fn whole_row(&mut self, name: &Name) {
        if self.blocks.backend() != DbBackend::Postgres {
            return;
        }
        let mut next = Some(self.here.at);
        while let Some(at) = next {
            let block = &self.blocks.found[at];
            let mut sources = block.sources.iter();
            if sources.any(|source| source.goes_by(name, DbBackend::Postgres)) {
                let role = match self.role {
                    Role::Output(_) => Role::Selected,
                    role => role,
                };
                let role = std::mem::replace(&mut self.role, role);
                self.mention(Some(name.clone()), None);
                self.role = role;
                return;
            }
            next = block.outer;
        }
    }

    /// Outside of the select list a name may be an alias: what is behind it then has the same part.
    fn alias(&mut self, name: &Name) {
        let listed = matches!(self.role, Role::Output(_) | Role::Selected);
        let Some(select) = self.here.select.filter(|_| !self.behind && !listed) else {
            return;
        };
        let backend = self.blocks.backend();
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                let alias = Name::from(alias);
                if is_same(&alias, name, backend) && !is_named_alone(expr, &alias, backend) {
                    let behind = Columns {
                        behind: true,
                        ..Columns::new(self.blocks, self.here, self.role)
                    };
                    self.rows &= behind.go(expr);
                }
            }
        }
    }

    fn compound(&mut self, parts: &[Ident]) {
        match parts {
            [.., table, column] => self.mention(Some(table.into()), Some(column.into())),
            _ => self.opaque(),
        }
    }

    fn every(&mut self, name: &ObjectName) {
        match RelationName::of_object(name) {
            Some(name) => self.mention(Some(name.name), None),
            None => self.opaque(),
        }
    }

    fn call(&mut self, function: &Function) {
        let scalar = RelationName::of_object(&function.name)
            .is_some_and(|name| is_scalar(&name.to_string(), self.blocks.backend()))
            && function.over.is_none()
            && function.filter.is_none()
            && function.within_group.is_empty();
        self.rows &= scalar;
        for argument in arguments(function) {
            match argument {
                FunctionArgExpr::QualifiedWildcard(name) => self.every(name),
                FunctionArgExpr::WildcardWithOptions(_) => self.opaque(),
                FunctionArgExpr::Expr(_) | FunctionArgExpr::Wildcard => {}
            }
        }
    }

    /// An aggregate in a subquery is one of the query around it if all its columns are.
    fn call_inside(&mut self, function: &Function) {
        let counts_rows =
            arguments(function).all(|argument| matches!(argument, FunctionArgExpr::Wildcard));
        let scalar = RelationName::of_object(&function.name)
            .is_some_and(|name| is_scalar(&name.to_string(), self.blocks.backend()));
        self.rows &= scalar || counts_rows;
    }
}

impl Visitor for Columns<'_, '_, '_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if self.queries == 0 {
            self.blocks
                .query(query, Around::Expression(self.here.at), false);
        }
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if self.queries > 0 {
            if let Expr::Function(function) = expr {
                self.call_inside(function);
            }
            return ControlFlow::Continue(());
        }
        match expr {
            Expr::Identifier(ident) => self.name(ident),
            Expr::CompoundIdentifier(parts) => self.compound(parts),
            Expr::Function(function) => {
                self.windows += usize::from(function.over.is_some());
                self.call(function);
            }
            Expr::Wildcard(_) => self.mention(None, None),
            Expr::QualifiedWildcard(name, _) => self.every(name),
            // How well a row matches depends on all the others.
            Expr::MatchAgainst { .. } => self.blocks.lost = true,
            other if names_only_by_its_parts(other) => {}
            _ => self.opaque(),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if let (Expr::Function(function), 0) = (expr, self.queries) {
            self.windows -= usize::from(function.over.is_some());
        }
        ControlFlow::Continue(())
    }
}

fn arguments(function: &Function) -> impl Iterator<Item = &FunctionArgExpr> {
    let list = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    };
    list.iter().map(|argument| match argument {
        FunctionArg::Named { arg, .. }
        | FunctionArg::ExprNamed { arg, .. }
        | FunctionArg::Unnamed(arg) => arg,
    })
}

/// Tells whether an expression is the column of that name, of no certain table.
fn is_named_alone(expr: &Expr, name: &Name, backend: DbBackend) -> bool {
    matches!(expr, Expr::Identifier(_)) && is_named(expr, name, backend)
}

/// Tells whether whatever an expression names stands in the expressions it is made of.
fn names_only_by_its_parts(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::CompoundFieldAccess { .. }
            | Expr::JsonAccess { .. }
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::IsJson { .. }
            | Expr::IsNormalized { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::InUnnest { .. }
            | Expr::Between { .. }
            | Expr::BinaryOp { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::RLike { .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::UnaryOp { .. }
            | Expr::Convert { .. }
            | Expr::Cast { .. }
            | Expr::AtTimeZone { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Prefixed { .. }
            | Expr::TypedString(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Array(_)
            | Expr::Interval(_)
            | Expr::MemberOf(_)
    )
}
