//! Enumerations become enums that know their spelling.

use proc_macro2::{Ident, TokenStream};
use qapi_schema::model::{EntityId, Enum};
use quote::quote;

use crate::context::{Scope, described};
use crate::{docs, open};

/// The enum and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, definition: &Enum) -> TokenStream {
    if let Some(unknown) = scope.cx.unknown_ident(definition) {
        return open::emit(scope, id, definition, &unknown);
    }
    let name = &scope.cx.schema.get(id).name;
    let ident = scope.named(id);
    let Parts { docs, values, wire, variants } = parts(scope, id, definition);
    quote! {
        #docs
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #ident {
            #(#variants,)*
        }

        impl #ident {
            /// All values, in schema order.
            pub const ALL: &'static [Self] = &[#(Self::#values),*];

            /// The value as spelled on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    #(Self::#values => #wire,)*
                }
            }
        }

        impl rt::Enum for #ident {
            const NAME: &'static str = #name;
            const ALL: &'static [Self] = Self::ALL;

            fn as_str(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for #ident {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for #ident {
            type Err = rt::UnknownValue;

            fn from_str(text: &str) -> Result<Self, rt::UnknownValue> {
                rt::parse_enum(text)
            }
        }

        impl rt::Decode for #ident {
            fn decode(
                value: &rt::Value,
                at: &rt::Path<'_>,
                _mode: rt::Mode,
            ) -> Result<Self, rt::QmpError> {
                rt::decode_enum(value, at)
            }
        }

        impl rt::Encode for #ident {
            fn encode(&self) -> rt::Value {
                rt::Value::from(self.as_str())
            }
        }
    }
}

/// What every kind of enum has.
pub(crate) struct Parts<'a> {
    pub(crate) docs: TokenStream,
    pub(crate) values: Vec<Ident>,
    pub(crate) wire: Vec<&'a String>,
    /// The values with their documentation.
    pub(crate) variants: Vec<TokenStream>,
}

pub(crate) fn parts<'a>(scope: &Scope<'a>, id: EntityId, definition: &'a Enum) -> Parts<'a> {
    let entity = scope.cx.schema.get(id);
    let doc = entity.doc.as_ref();
    let docs = docs::attributes(docs::definition(doc, &format!("`{}`.", entity.name)));
    let values = scope.cx.value_idents(definition);
    let wire: Vec<_> = definition.values.iter().map(|value| &value.name).collect();
    let variants = wire.iter().zip(&values).map(|(wire, ident)| {
        let text = doc.and_then(|doc| described(doc, wire)).map(docs::markdown);
        let text = text.filter(|text| !text.trim().is_empty());
        let docs = docs::attributes([text.unwrap_or_else(|| format!("`{wire}`."))]);
        quote! { #docs #ident }
    });
    let variants = variants.collect();
    Parts { docs, values, wire, variants }
}
