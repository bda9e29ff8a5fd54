//! Events become structs that know their name and how they travel.

use proc_macro2::TokenStream;
use qapi_schema::model::{EntityId, Event, ObjectMeta};
use quote::quote;

use crate::context::Scope;
use crate::docs;
use crate::structs::{self, Struct};

/// The struct of an event and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, event: &Event) -> TokenStream {
    let entity = scope.cx.schema.get(id);
    let name = &entity.name;
    let ident = scope.named(id);
    let paragraphs = docs::definition(entity.doc.as_ref(), &format!("`{name}`."));
    let data = event.data.filter(|data| {
        scope.cx.object(*data).is_some_and(|object| object.meta != ObjectMeta::Empty)
    });
    let inline = |data: EntityId| {
        scope.cx.object(data).is_some_and(|object| object.meta == ObjectMeta::Implicit)
    };
    let definition = match data {
        None => without_data(name, &ident, paragraphs),
        Some(data) if inline(data) => structs::emit_as(
            scope,
            &Struct {
                id: data,
                ident: ident.clone(),
                name,
                docs: paragraphs,
                doc: entity.doc.as_ref(),
            },
        ),
        Some(data) => around(&scope.ty(data), &ident, paragraphs),
    };
    quote! {
        #definition

        impl rt::Event for #ident {
            const NAME: &'static str = #name;
        }
    }
}

fn without_data(name: &str, ident: &TokenStream, paragraphs: Vec<String>) -> TokenStream {
    let docs = docs::attributes(paragraphs);
    let wire = structs::wire_impls(ident);
    quote! {
        #docs
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct #ident;

        impl rt::Object for #ident {
            const NAME: &'static str = #name;
            const MEMBERS: &'static [rt::MemberInfo] = &[];

            fn read(_object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
                Ok(Self)
            }

            fn write(&self, _object: &mut rt::Map) {}
        }

        #wire
    }
}

/// An event whose data is a type of the schema.
fn around(data: &TokenStream, ident: &TokenStream, paragraphs: Vec<String>) -> TokenStream {
    let docs = docs::attributes(paragraphs);
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq)]
        pub struct #ident(
            /// The event's data.
            pub #data,
        );

        impl rt::Decode for #ident {
            fn decode(
                value: &rt::Value,
                at: &rt::Path<'_>,
                mode: rt::Mode,
            ) -> Result<Self, rt::QmpError> {
                rt::Decode::decode(value, at, mode).map(Self)
            }
        }

        impl rt::Encode for #ident {
            fn encode(&self) -> rt::Value {
                rt::Encode::encode(&self.0)
            }
        }
    }
}
