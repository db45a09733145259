//! The implementation of `CachedEntity`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Path, parse_quote};

use crate::ast::{self, Model};
use crate::attr::{Attrs, Bulk, Given, Scope, Tiers};
use crate::fallback;

/// Derives the implementation, or says why it cannot be.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    if ast::is_copy_with_relations(input) {
        return TokenStream::new();
    }
    match implementation(input) {
        Ok(tokens) => tokens,
        Err(error) => fallback::expand(input, &error),
    }
}

fn implementation(input: &DeriveInput) -> syn::Result<TokenStream> {
    let model = Model::from_input(input)?;
    model.validate()?;
    let krate = model.attrs.krate();
    let policy = model.attrs.policy(&krate);
    let mut others = model.attrs.region();
    others.extend(model.attrs.scope(&krate));
    others.extend(model.attrs.bulk(&krate));
    Ok(implement(&krate, &policy, &others))
}

/// Writes the implementation for the `Entity` beside the model, as SeaORM's own derives do.
///
/// Not for `<Model as ModelTrait>::Entity`: to the compiler such implementations of two crates may be of
/// one type.
pub(crate) fn implement(krate: &Path, policy: &TokenStream, others: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl #krate::CachedEntity for Entity {
            fn policy() -> #krate::__private::Policy {
                #policy
            }
            #others
        }
    }
}

/// Where the crate is found when `crate = ".."` says nothing.
pub(crate) fn default_crate() -> Path {
    parse_quote!(::larder::sea_orm)
}

impl Attrs {
    fn krate(&self) -> Path {
        self.krate
            .as_ref()
            .map_or_else(default_crate, |path| path.value.clone())
    }

    fn policy(&self, krate: &Path) -> TokenStream {
        let ttl = time(krate, self.ttl.as_ref());
        let mut policy = quote!(#krate::__private::Policy::ttl(#ttl));
        let times = [
            (quote!(grace), &self.grace),
            (quote!(negative_ttl), &self.negative_ttl),
            (quote!(early_refresh), &self.early_refresh),
            (quote!(lease), &self.lease),
        ];
        for (setter, given) in times {
            if given.is_some() {
                let time = time(krate, given.as_ref());
                policy.extend(quote!(.#setter(#time)));
            }
        }
        if let Some(Given { value, .. }) = &self.tiers {
            let tiers = match value {
                Tiers::Both => quote!(Both),
                Tiers::Local => quote!(Local),
                Tiers::Remote => quote!(Remote),
            };
            policy.extend(quote!(.tiers(#krate::__private::Tiers::#tiers)));
        }
        if let Some(Given { value, .. }) = &self.jitter {
            policy.extend(quote!(.jitter(#value)));
        }
        if let Some(Given { value, .. }) = &self.stale_on_error {
            policy.extend(quote!(.stale_on_error(#value)));
        }
        for Given { value, .. } in &self.invalidated_by {
            policy.extend(quote!(.invalidated_by(#value)));
        }
        policy
    }

    fn bulk(&self, krate: &Path) -> TokenStream {
        match self.bulk.as_ref().map(|bulk| bulk.value) {
            None | Some(Bulk::Wide) => TokenStream::new(),
            Some(Bulk::Exact) => quote! {
                fn bulk() -> #krate::__private::Bulk {
                    #krate::__private::Bulk::Exact
                }
            },
        }
    }

    fn scope(&self, krate: &Path) -> TokenStream {
        let kind = match self.scope.as_ref().map(|scope| scope.value) {
            None | Some(Scope::Public) => return TokenStream::new(),
            Some(Scope::Tenant) => quote!(Tenant),
            Some(Scope::User) => quote!(User),
        };
        quote! {
            fn scope() -> #krate::__private::ScopeKind {
                #krate::__private::ScopeKind::#kind
            }
        }
    }

    fn region(&self) -> TokenStream {
        let Some(Given { value, .. }) = &self.region else {
            return TokenStream::new();
        };
        quote! {
            fn region() -> ::std::string::String {
                ::std::borrow::ToOwned::to_owned(#value)
            }
        }
    }
}

fn time(krate: &Path, given: Option<&Given<Duration>>) -> TokenStream {
    let time = given.map_or(Duration::ZERO, |given| given.value);
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    quote!(#krate::__private::Duration::from_millis(#millis))
}
