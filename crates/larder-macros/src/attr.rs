//! What stands in `#[cached(..)]`, read but not yet weighed.

use std::time::Duration;

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Expr, Lit, LitBool, LitStr, Path, Token};

use crate::{duration, nearest};

const SETTINGS: [&str; 13] = [
    "ttl",
    "grace",
    "jitter",
    "negative_ttl",
    "early_refresh",
    "stale_on_error",
    "region",
    "scope",
    "bulk",
    "tiers",
    "lease",
    "invalidated_by",
    "crate",
];

/// A value and where it was written.
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// Who must be named to read an entity from the cache.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    Public,
    Tenant,
    User,
}

/// How statements that write many rows are published.
#[derive(Clone, Copy)]
pub(crate) enum Bulk {
    Wide,
    Exact,
}

/// Where entries are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tiers {
    Both,
    Local,
    Remote,
}

/// The settings of all `#[cached(..)]` of a model.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) ttl: Option<Given<Duration>>,
    pub(crate) grace: Option<Given<Duration>>,
    pub(crate) jitter: Option<Given<f64>>,
    pub(crate) negative_ttl: Option<Given<Duration>>,
    pub(crate) early_refresh: Option<Given<Duration>>,
    pub(crate) stale_on_error: Option<Given<bool>>,
    pub(crate) region: Option<Given<String>>,
    pub(crate) scope: Option<Given<Scope>>,
    pub(crate) bulk: Option<Given<Bulk>>,
    pub(crate) tiers: Option<Given<Tiers>>,
    pub(crate) lease: Option<Given<Duration>>,
    pub(crate) invalidated_by: Vec<Given<String>>,
    pub(crate) krate: Option<Given<Path>>,
    /// Where a missing setting is reported.
    pub(crate) span: Option<Span>,
}

impl Attrs {
    /// Reads every `#[cached(..)]`.
    pub(crate) fn from_attributes(input: &DeriveInput) -> syn::Result<Self> {
        let mut attrs = Self::default();
        let mut errors = Errors::default();
        for attribute in input
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cached"))
        {
            attrs.span.get_or_insert_with(|| attribute.path().span());
            attrs.read(attribute, &mut errors);
        }
        attrs.span.get_or_insert_with(|| input.ident.span());
        errors.finish()?;
        Ok(attrs)
    }

    fn read(&mut self, attribute: &Attribute, errors: &mut Errors) {
        let outcome = attribute.parse_nested_meta(|meta| {
            let outcome = self.read_setting(&meta);
            if let Err(error) = outcome {
                errors.push(error);
                skip_to_comma(&meta)?;
            }
            Ok(())
        });
        if let Err(error) = outcome {
            errors.push(error);
        }
    }

    fn read_setting(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let Some(name) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(unknown(meta, ""));
        };
        match name.as_str() {
            "ttl" => set(&mut self.ttl, meta, time),
            "grace" => set(&mut self.grace, meta, time),
            "negative_ttl" => set(&mut self.negative_ttl, meta, time),
            "early_refresh" => set(&mut self.early_refresh, meta, time),
            "jitter" => set(&mut self.jitter, meta, share),
            "stale_on_error" => set(&mut self.stale_on_error, meta, flag),
            "region" => set(&mut self.region, meta, text),
            "scope" => set(&mut self.scope, meta, scope),
            "bulk" => set(&mut self.bulk, meta, bulk),
            "tiers" => set(&mut self.tiers, meta, tiers),
            "lease" => set(&mut self.lease, meta, time),
            "crate" => set(&mut self.krate, meta, path),
            "invalidated_by" => {
                self.invalidated_by.push(text(meta)?);
                Ok(())
            }
            _ => Err(unknown(meta, &name)),
        }
    }
}

/// Errors in the order they were found, reported together.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

fn set<T>(
    slot: &mut Option<Given<T>>,
    meta: &ParseNestedMeta<'_>,
    read: fn(&ParseNestedMeta<'_>) -> syn::Result<Given<T>>,
) -> syn::Result<()> {
    if slot.is_some() {
        return Err(meta.error("this setting is given twice; remove one of them"));
    }
    *slot = Some(read(meta)?);
    Ok(())
}

fn time(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<Duration>> {
    let literal: LitStr = value(
        meta,
        "a duration is text with a unit: `ttl = \"10m\"` (ms, s, m, h, d)",
    )?;
    let value = duration::parse(&literal.value())
        .map_err(|problem| syn::Error::new(literal.span(), problem))?;
    Ok(Given {
        value,
        span: literal.span(),
    })
}

fn share(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<f64>> {
    let literal: Lit = value(meta, "a share of the ttl is a number: `jitter = 0.1`")?;
    let value = match &literal {
        Lit::Float(float) => float.base10_parse()?,
        Lit::Int(int) => int.base10_parse()?,
        _ => {
            return Err(syn::Error::new(
                literal.span(),
                "a share of the ttl is a number: `jitter = 0.1`",
            ));
        }
    };
    Ok(Given {
        value,
        span: literal.span(),
    })
}

/// Reads `stale_on_error` and `stale_on_error = false`.
fn flag(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<bool>> {
    if !meta.input.peek(Token![=]) {
        return Ok(Given {
            value: true,
            span: meta.path.span(),
        });
    }
    let literal: LitBool = value(
        meta,
        "this is a flag: write it alone, or `= true`, `= false`",
    )?;
    Ok(Given {
        value: literal.value,
        span: literal.span,
    })
}

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<String>> {
    let literal: LitStr = value(meta, "a name is text: `region = \"articles\"`")?;
    Ok(Given {
        value: literal.value(),
        span: literal.span(),
    })
}

fn bulk(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<Bulk>> {
    const EXPECTED: &str = "bulk is `\"wide\"` or `\"exact\"`";
    let literal: LitStr = value(meta, EXPECTED)?;
    let value = match literal.value().as_str() {
        "wide" => Bulk::Wide,
        "exact" => Bulk::Exact,
        _ => return Err(syn::Error::new(literal.span(), EXPECTED)),
    };
    Ok(Given {
        value,
        span: literal.span(),
    })
}

fn tiers(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<Tiers>> {
    const EXPECTED: &str = "tiers are `\"both\"`, `\"local\"` or `\"remote\"`";
    let literal: LitStr = value(meta, EXPECTED)?;
    let value = match literal.value().as_str() {
        "both" => Tiers::Both,
        "local" => Tiers::Local,
        "remote" => Tiers::Remote,
        _ => return Err(syn::Error::new(literal.span(), EXPECTED)),
    };
    Ok(Given {
        value,
        span: literal.span(),
    })
}

fn scope(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<Scope>> {
    const EXPECTED: &str = "a scope is `\"public\"`, `\"tenant\"` or `\"user\"`";
    let literal: LitStr = value(meta, EXPECTED)?;
    let value = match literal.value().as_str() {
        "public" => Scope::Public,
        "tenant" => Scope::Tenant,
        "user" => Scope::User,
        _ => return Err(syn::Error::new(literal.span(), EXPECTED)),
    };
    Ok(Given {
        value,
        span: literal.span(),
    })
}

fn path(meta: &ParseNestedMeta<'_>) -> syn::Result<Given<Path>> {
    let literal: LitStr = value(meta, "a path is text: `crate = \"larder::sea_orm\"`")?;
    Ok(Given {
        value: literal.parse()?,
        span: literal.span(),
    })
}

fn value<T: Parse>(meta: &ParseNestedMeta<'_>, expected: &str) -> syn::Result<T> {
    let stream = meta.value().map_err(|_| meta.error(expected))?;
    let span = stream.span();
    stream.parse().map_err(|_| syn::Error::new(span, expected))
}

fn unknown(meta: &ParseNestedMeta<'_>, name: &str) -> syn::Error {
    match nearest::nearest(name, &SETTINGS) {
        Some(known) => meta.error(format!("unknown setting `{name}`; did you mean `{known}`?")),
        None => meta.error(format!(
            "unknown setting; there are {}",
            SETTINGS.join(", ")
        )),
    }
}

/// Passes over what is left of a setting that could not be read, so that the next one is.
fn skip_to_comma(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.input.parse::<Token![=]>()?;
    }
    if !meta.input.is_empty() && !meta.input.peek(Token![,]) {
        meta.input.parse::<Expr>()?;
    }
    Ok(())
}
