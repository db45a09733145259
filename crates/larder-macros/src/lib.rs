//! The derive macro of Larder: [`CachedEntity`].
//!
//! Laid out as thiserror's: `ast` takes the input apart, `attr` reads `#[cached(..)]`, `valid` refuses what
//! contradicts itself, `expand` writes the implementation, `fallback` writes one beside an error, so that a wrong
//! attribute is one error and not one more at each use of the entity. The macro knows only paths; what an
//! implementation does stands in `larder-sea-orm`.

mod ast;
mod attr;
mod duration;
mod expand;
mod fallback;
mod nearest;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a `SeaORM` entity cacheable through a repository.
///
/// Stands on the entity's `Model`, in the dense format (`#[sea_orm::model]`) and in the older one:
///
/// ```ignore
/// #[sea_orm::model]
/// #[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
/// #[sea_orm(table_name = "article")]
/// #[cached(ttl = "10m", grace = "1m")]
/// pub struct Model { #[sea_orm(primary_key)] pub id: i32, pub title: String }
/// ```
///
/// # Settings
/// | Setting | Meaning | Default |
/// |---|---|---|
/// | `ttl = "10m"` | how long an entry is fresh | required |
/// | `grace = "1m"` | how long past its ttl an entry is served while one refresh runs | zero |
/// | `jitter = 0.1` | up to this share of the ttl is taken off, differently for each entry | `0.0` |
/// | `negative_ttl = "10s"` | how long the absence of a row is kept | zero: absence is not kept |
/// | `early_refresh = "30s"` | refresh in the background this long before the ttl ends | never |
/// | `stale_on_error` | keep serving within grace when a refresh fails | off |
/// | `region = "articles"` | the region's name, as switches and statistics show it | the table's name |
/// | `bulk = "exact"` | how statements that write many rows are published: `wide`, or `exact` after the rows were read | `wide` |
/// | `tiers = "local"` | where entries are kept: in this process and in the remote tier (`both`), or in one of them: `local`, `remote` | `both` |
/// | `lease = "2s"` | of all nodes that miss a row at once one loads it, the others wait for at most this long | each loads |
/// | `scope = "tenant"` | who must be named before rows are kept or served: `public`, `tenant`, `user` | `public` |
/// | `invalidated_by = "tag"` | a tag that invalidates the whole region; may be repeated | none |
/// | `crate = "larder_sea_orm"` | where the crate is found | `larder::sea_orm` |
///
/// Durations are numbers with a unit, largest first: `ms`, `s`, `m`, `h`, `d`, as in `"90s"` or `"1h30m"`.
#[proc_macro_derive(CachedEntity, attributes(cached))]
pub fn derive_cached_entity(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive(&input).into()
}
