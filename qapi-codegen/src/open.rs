//! A client's enumerations: those of a server, and a variant for names that the schema does not
//! have.

use proc_macro2::{Ident, TokenStream};
use qapi_schema::model::{EntityId, Enum};
use quote::quote;

use crate::context::Scope;
use crate::enums::{Parts, parts};

/// The enum and everything it implements; `unknown` is the variant for other names.
pub(crate) fn emit(
    scope: &Scope<'_>,
    id: EntityId,
    definition: &Enum,
    unknown: &Ident,
) -> TokenStream {
    let name = &scope.cx.schema.get(id).name;
    let ident = scope.named(id);
    let Parts { docs, values, wire, variants } = parts(scope, id, definition);
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #ident {
            #(#variants,)*
            /// A value that the schema does not have.
            #unknown(Box<str>),
        }

        impl #ident {
            /// The values that the schema has, in its order.
            pub const KNOWN: &'static [Self] = &[#(Self::#values),*];

            /// The value as spelled on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#values => #wire,)*
                    Self::#unknown(name) => name,
                }
            }
        }

        impl rt::OpenEnum for #ident {
            const NAME: &'static str = #name;
            const KNOWN: &'static [Self] = Self::KNOWN;

            fn unknown(name: &str) -> Self {
                Self::#unknown(name.into())
            }

            fn as_str(&self) -> &str {
                self.as_str()
            }
        }

        impl std::fmt::Display for #ident {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<&str> for #ident {
            fn from(name: &str) -> Self {
                rt::OpenEnum::named(name)
            }
        }

        impl rt::Decode for #ident {
            fn decode(
                value: &rt::Value,
                at: &rt::Path<'_>,
                _mode: rt::Mode,
            ) -> Result<Self, rt::QmpError> {
                rt::decode_open_enum(value, at)
            }
        }

        impl rt::Encode for #ident {
            fn encode(&self) -> rt::Value {
                rt::Value::from(self.as_str())
            }
        }
    }
}
