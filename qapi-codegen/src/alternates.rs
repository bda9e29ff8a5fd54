//! Alternates become enums of which the JSON kind decides; nothing is tried out.

use proc_macro2::TokenStream;
use qapi_schema::model::{Branch, Builtin, EntityId, Kind};
use quote::quote;

use crate::context::Scope;
use crate::docs;
use crate::names::{camel, distinct};

/// The kinds of JSON value, as far as the language tells branches apart.
#[derive(Clone, Copy, PartialEq)]
enum Json {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

fn json_kind(scope: &Scope<'_>, id: EntityId) -> Json {
    match &scope.cx.schema.get(id).kind {
        Kind::Builtin(Builtin::Null) => Json::Null,
        Kind::Builtin(Builtin::Bool) => Json::Bool,
        Kind::Builtin(Builtin::Str) | Kind::Enum(_) => Json::String,
        Kind::Builtin(_) => Json::Number,
        Kind::Array(_) => Json::Array,
        _ => Json::Object,
    }
}

fn pattern(kind: Json) -> TokenStream {
    match kind {
        Json::Null => quote! { rt::Value::Null },
        Json::Bool => quote! { rt::Value::Bool(_) },
        Json::Number => quote! { rt::Value::Number(_) },
        Json::String => quote! { rt::Value::String(_) },
        Json::Array => quote! { rt::Value::Array(_) },
        Json::Object => quote! { rt::Value::Object(_) },
    }
}

/// The alternate and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, branches: &[Branch]) -> TokenStream {
    let entity = scope.cx.schema.get(id);
    let (name, doc) = (&entity.name, entity.doc.as_ref());
    let ident = scope.named(id);
    let docs = docs::attributes(docs::definition(doc, &format!("`{name}`.")));
    let idents = distinct(branches.iter().map(|branch| branch.name.as_str()), camel);
    let kinds: Vec<_> = branches.iter().map(|branch| json_kind(scope, branch.ty)).collect();
    let variants = branches.iter().zip(&idents).map(|(branch, variant)| {
        let text = doc.and_then(|doc| crate::context::described(doc, &branch.name));
        let text = text.map(docs::markdown).filter(|text| !text.is_empty());
        let docs = docs::attributes([text.unwrap_or_else(|| format!("`{}`.", branch.name))]);
        let ty = scope.held(id, branch.ty);
        quote! { #docs #variant(#ty) }
    });
    let decode = |branch: &Branch| {
        let reader = scope.reader(branch.ty).unwrap_or_else(|| quote! { rt::Decode::decode });
        quote! { #reader(value, at, mode) }
    };
    let arms = branches.iter().zip(&idents).zip(&kinds).map(|((branch, variant), kind)| {
        let (pattern, decode) = (pattern(*kind), decode(branch));
        quote! { #pattern => #decode.map(Self::#variant) }
    });
    // A string can stand for the one scalar among the branches, where strings stand for scalars
    // and no branch takes strings as they are.
    let scalars = |kind: &&Json| matches!(kind, Json::Bool | Json::Number);
    let lone = kinds.iter().filter(scalars).count() == 1 && !kinds.contains(&Json::String);
    let keyval = kinds.iter().position(|kind| scalars(&kind)).filter(|_| lone).and_then(|index| {
        let (branch, variant) = (branches.get(index)?, idents.get(index)?);
        let decode = decode(branch);
        Some(quote! {
            rt::Value::String(_) if mode == rt::Mode::Keyval => #decode.map(Self::#variant),
        })
    });
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq)]
        pub enum #ident {
            #(#variants,)*
        }

        impl rt::Decode for #ident {
            fn decode(
                value: &rt::Value,
                at: &rt::Path<'_>,
                mode: rt::Mode,
            ) -> Result<Self, rt::QmpError> {
                match value {
                    #(#arms,)*
                    #keyval
                    _ => Err(rt::invalid_type(at, #name)),
                }
            }
        }

        impl rt::Encode for #ident {
            fn encode(&self) -> rt::Value {
                match self {
                    #(Self::#idents(value) => rt::Encode::encode(value),)*
                }
            }
        }
    }
}
