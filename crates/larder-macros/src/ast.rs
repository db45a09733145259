//! The struct the derive stands on.

use syn::{Data, DeriveInput, Fields};

use crate::attr::Attrs;

/// The name `#[sea_orm::model]` gives the copy of a model that has its relations.
const MODEL_WITH_RELATIONS: &str = "ModelEx";

/// A model and what its attributes say.
pub(crate) struct Model {
    pub(crate) attrs: Attrs,
}

impl Model {
    /// Takes a struct apart; the errors of all its attributes come together.
    pub(crate) fn from_input(input: &DeriveInput) -> syn::Result<Self> {
        refuse_other_shapes(input)?;
        Ok(Self {
            attrs: Attrs::from_attributes(input)?,
        })
    }
}

/// Tells whether the derive was copied onto the struct that has the relations.
///
/// `#[sea_orm::model]` copies derives and attributes to it. The entity has one implementation, from `Model`.
pub(crate) fn is_copy_with_relations(input: &DeriveInput) -> bool {
    input.ident == MODEL_WITH_RELATIONS
}

fn refuse_other_shapes(input: &DeriveInput) -> syn::Result<()> {
    let plain = input.generics.params.is_empty();
    let named =
        matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)));
    if plain && named {
        return Ok(());
    }
    Err(syn::Error::new_spanned(
        &input.ident,
        "`CachedEntity` stands on the entity's `Model`: a struct with named fields and without generics",
    ))
}
