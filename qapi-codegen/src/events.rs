//! Events become structs that know their name and how they travel.

use proc_macro2::TokenStream;
use qapi_schema::model::{EntityId, Event, Kind, ObjectMeta};
use quote::quote;

use crate::context::Scope;
use crate::docs;
use crate::names::{camel, distinct};
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

/// The enum of all events, for clients.
pub(crate) fn all(scope: &Scope<'_>) -> TokenStream {
    let cx = scope.cx;
    let events: Vec<_> =
        cx.entities().filter(|(_, entity)| matches!(entity.kind, Kind::Event(_))).collect();
    let names: Vec<_> = events.iter().map(|(_, entity)| &entity.name).collect();
    let types: Vec<_> = events.iter().map(|(id, _)| scope.named(*id)).collect();
    let spelled = names.iter().map(|name| name.as_str());
    let mut idents = distinct(spelled.chain(["unknown"]), camel);
    let unknown = idents.pop();
    let docs = events.iter().map(|(_, entity)| {
        let about = docs::first_sentence(entity.doc.as_ref());
        docs::attributes([format!("`{}`: {about}", entity.name).trim_end_matches(": ").to_owned()])
    });
    quote! {
        /// What the server tells without being asked.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "sizes are the schema's")]
        pub enum Event {
            #(#docs #idents(#types),)*
            /// An event that the schema does not have.
            #unknown(rt::UnknownEvent),
        }

        impl rt::AnyEvent for Event {
            fn read(name: &str, data: &rt::Value) -> Result<Self, rt::QmpError> {
                Ok(match name {
                    #(#names => Self::#idents(rt::event_data(data)?),)*
                    _ => Self::#unknown(rt::AnyEvent::read(name, data)?),
                })
            }

            fn name(&self) -> &str {
                match self {
                    #(Self::#idents(_) => #names,)*
                    Self::#unknown(event) => &event.name,
                }
            }
        }
    }
}
