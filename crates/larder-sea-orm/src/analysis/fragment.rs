//! Pieces of raw SQL inside a `SeaORM` statement: `Expr::cust("...")`.

use std::sync::Arc;

use sea_orm::DbBackend;

use super::{Analysis, Block, memory, utility};

/// Pieces that `SeaORM` itself makes: `count()` and `exists()`.
const SEA_ORM: [&str; 2] = ["1", "COUNT(*) AS num_items"];

/// What a piece of raw SQL does.
#[derive(Clone, Debug)]
pub(super) struct Fragment {
    /// What it does.
    pub(super) analysis: Analysis,
    /// It, as the select list of a query without tables; `None` if it may read anything in any way, tables of its
    /// own among it.
    ///
    /// It has no equalities. In ORDER BY and GROUP BY a piece that names no column may be the place of one.
    pub(super) block: Option<Block>,
    /// In a select list it gives so many columns, if that can be told.
    pub(super) columns: Option<usize>,
}

impl Fragment {
    /// A piece of which nothing else is known.
    pub(super) fn unknown(analysis: Analysis) -> Self {
        Self {
            analysis,
            block: None,
            columns: None,
        }
    }
}

/// Takes a piece of raw SQL apart; `None` if it is one of `SeaORM`'s own.
///
/// In a select list it may go on with FROM: `SeaORM` pages raw queries in this way. Anywhere else it must be an
/// expression and nothing more, or what follows it in the statement would not mean what the tree says.
pub(super) fn take_apart(
    text: &str,
    in_select_list: bool,
    backend: DbBackend,
) -> Option<Arc<Fragment>> {
    if SEA_ORM.contains(&text) {
        return None;
    }
    let breaks_out = ["--", "/*", ";"].iter().any(|mark| text.contains(mark))
        || (backend == DbBackend::MySql && text.contains('#'));
    if breaks_out {
        return Some(Arc::new(Fragment::unknown(utility::anything())));
    }
    Some(memory::fragment(
        &format!("SELECT {text}"),
        in_select_list,
        backend,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Role;

    fn apart(text: &str) -> Arc<Fragment> {
        take_apart(text, true, DbBackend::Sqlite).unwrap()
    }

    fn named(text: &str) -> Vec<String> {
        let fragment = apart(text);
        let mentions = &fragment.block.as_ref().unwrap().mentions;
        mentions
            .iter()
            .map(|mention| mention.column.as_ref().unwrap().text().to_owned())
            .collect()
    }

    #[test]
    fn a_piece_names_its_columns() {
        assert_eq!(named("lower(title) || n.views"), ["title", "views"]);
        let block = apart("n.title AS t").block.clone().unwrap();
        assert_eq!(block.mentions[0].role, Role::Output(0));
        assert_eq!(block.aliases.len(), 1);
        assert!(block.rows_told && !block.opaque);
        assert_eq!(apart("a, b").columns, Some(2));
        assert_eq!(apart("a, *").columns, None);
    }

    #[test]
    fn a_piece_that_combines_rows_does_not_tell_them() {
        for text in ["max(views)", "DISTINCT title", "rank() OVER (ORDER BY id)"] {
            assert!(!apart(text).block.as_ref().unwrap().rows_told, "{text}");
        }
    }

    #[test]
    fn a_piece_that_reads_or_goes_on_has_no_block() {
        for text in [
            "(SELECT max(id) FROM tag)",
            "* FROM note",
            "title ORDER BY 1",
            "title GROUP BY views",
            "title, (",
            "title -- all",
        ] {
            assert!(apart(text).block.is_none(), "{text}");
        }
        let score = "MATCH(title) AGAINST ('x')";
        let score = take_apart(score, true, DbBackend::MySql).unwrap();
        assert!(score.block.is_none(), "its score depends on all rows");
        assert!(score.analysis.refusal.is_none());
    }

    #[test]
    fn a_piece_that_sessions_read_differently_is_marked() {
        let quoted = take_apart("\"title\"", true, DbBackend::MySql).unwrap();
        assert!(quoted.analysis.ambiguous_quoting);
    }
}
