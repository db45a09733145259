//! The tables, in the dense format of `SeaORM` 2: columns and relations of one stand in one model.
#![expect(
    missing_docs,
    reason = "a column says what it is by its name, a table by the first line of its module"
)]

pub mod article;
pub mod article_tag;
pub mod comment;
pub mod favorite;
pub mod follow;
pub mod tag;
pub mod user;
