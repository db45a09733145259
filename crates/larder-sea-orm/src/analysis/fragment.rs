//! Pieces of raw SQL inside a `SeaORM` statement: `Expr::cust("...")`.

use sea_orm::DbBackend;

use super::{Analysis, raw, utility};

/// Pieces that `SeaORM` itself makes: `count()` and `exists()`.
const SEA_ORM: [&str; 2] = ["1", "COUNT(*) AS num_items"];

/// Tells what a piece of raw SQL does; `None` if it is one of `SeaORM`'s own.
///
/// In a select list it may go on with FROM: `SeaORM` pages raw queries in this way. Anywhere else it must be an
/// expression and nothing more, or what follows it in the statement would not mean what the tree says.
pub(super) fn analyse(text: &str, in_select_list: bool, backend: DbBackend) -> Option<Analysis> {
    if SEA_ORM.contains(&text) {
        return None;
    }
    let breaks_out = ["--", "/*", ";"].iter().any(|mark| text.contains(mark))
        || (backend == DbBackend::MySql && text.contains('#'));
    if breaks_out {
        return Some(utility::anything());
    }
    Some(raw::fragment(
        &format!("SELECT {text}"),
        in_select_list,
        backend,
    ))
}
