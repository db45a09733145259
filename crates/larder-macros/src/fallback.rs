//! What stands beside an error, so that every use of the entity is not one more error.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

use crate::expand::{default_crate, implement};

/// Reports `error`, and implements the trait without meaning where that is possible.
pub(crate) fn expand(input: &DeriveInput, error: &syn::Error) -> TokenStream {
    let mut tokens = error.to_compile_error();
    let could_be_a_model =
        matches!(input.data, Data::Struct(_)) && input.generics.params.is_empty();
    if could_be_a_model {
        let never = quote!(::core::unreachable!());
        tokens.extend(implement(
            &crate_named_by(input),
            &never,
            &TokenStream::new(),
        ));
    }
    tokens
}

/// Finds `crate = ".."` in spite of errors elsewhere in the attribute.
fn crate_named_by(input: &DeriveInput) -> syn::Path {
    let mut found = None;
    for attribute in input
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cached"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            let value = if meta.input.peek(syn::Token![=]) {
                Some(meta.value()?.parse::<syn::Lit>()?)
            } else {
                None
            };
            if meta.path.is_ident("crate")
                && let Some(syn::Lit::Str(path)) = value
            {
                found = path.parse().ok();
            }
            Ok(())
        });
    }
    found.unwrap_or_else(default_crate)
}
