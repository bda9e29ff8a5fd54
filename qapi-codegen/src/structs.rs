//! Structs, inline arguments and inline event data become Rust structs. Base members stand first,
//! as if the schema had spelled them here.

use proc_macro2::{Ident, TokenStream};
use qapi_schema::model::{Doc, EntityId};
use quote::quote;

use crate::context::{Field, Scope};
use crate::docs;

/// More required members than this, and a constructor would be harder to read than a literal.
const CONSTRUCTOR_ARGUMENTS: usize = 7;

/// A struct to emit.
pub(crate) struct Struct<'a> {
    /// The object of the schema.
    pub(crate) id: EntityId,
    /// The struct's name.
    pub(crate) ident: TokenStream,
    /// The name to give in reflection.
    pub(crate) name: &'a str,
    /// The paragraphs above it.
    pub(crate) docs: Vec<String>,
    /// Describes the members spelled inline.
    pub(crate) doc: Option<&'a Doc>,
}

/// The struct of a definition of the schema.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId) -> TokenStream {
    let entity = scope.cx.schema.get(id);
    emit_as(
        scope,
        &Struct {
            id,
            ident: scope.named(id),
            name: &entity.name,
            docs: docs::definition(entity.doc.as_ref(), &format!("`{}`.", entity.name)),
            doc: entity.doc.as_ref(),
        },
    )
}

/// A struct and everything it implements.
pub(crate) fn emit_as(scope: &Scope<'_>, what: &Struct<'_>) -> TokenStream {
    let fields = scope.cx.fields(what.id, what.doc);
    let Struct { id, ident, name, docs, .. } = what;
    let docs = docs::attributes(docs);
    let declarations = fields.iter().map(|field| declaration(scope, *id, field));
    let infos = fields.iter().map(|field| info(scope, field));
    let reads = fields.iter().map(|field| {
        let Field { ident, .. } = field;
        let read = read(scope, field);
        quote! { #ident: #read }
    });
    let writes = fields.iter().map(write);
    let object = if fields.is_empty() {
        quote! { _object }
    } else {
        quote! { object }
    };
    let default = fields.iter().all(|field| field.member.optional).then(|| quote! { Default, });
    let constructor = constructor(scope, *id, ident, &fields, None);
    let or = or(&fields, None);
    let wire = wire_impls(ident);
    quote! {
        #docs
        #[derive(Clone, Debug, #default PartialEq)]
        pub struct #ident {
            #(#declarations,)*
        }

        #constructor

        impl rt::Object for #ident {
            const NAME: &'static str = #name;
            const MEMBERS: &'static [rt::MemberInfo] = &[#(#infos),*];

            fn read(#object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
                Ok(Self { #(#reads),* })
            }

            fn write(&self, #object: &mut rt::Map) {
                #(#writes)*
            }

            #or
        }

        #wire
    }
}

/// Reading and writing a whole object, as opposed to its members inside another one.
pub(crate) fn wire_impls(ident: &TokenStream) -> TokenStream {
    quote! {
        impl rt::Decode for #ident {
            fn decode(
                value: &rt::Value,
                at: &rt::Path<'_>,
                mode: rt::Mode,
            ) -> Result<Self, rt::QmpError> {
                rt::decode_object(value, at, mode)
            }
        }

        impl rt::Encode for #ident {
            fn encode(&self) -> rt::Value {
                rt::encode_object(self)
            }
        }
    }
}

/// A field with its documentation.
pub(crate) fn declaration(scope: &Scope<'_>, owner: EntityId, field: &Field<'_>) -> TokenStream {
    let Field { member, ident, doc } = field;
    let text = docs::markdown(doc);
    let text = if text.trim().is_empty() { format!("`{}`.", member.name) } else { text };
    let docs = docs::attributes([text]);
    let ty = scope.field(owner, member);
    quote! { #docs pub #ident: #ty }
}

/// The reflection of a member.
pub(crate) fn info(scope: &Scope<'_>, field: &Field<'_>) -> TokenStream {
    let name = &field.member.name;
    let ty = scope.cx.spelling(field.member.ty);
    let doc = docs::summary(&field.doc);
    let kind = if field.member.optional {
        quote! { optional }
    } else {
        quote! { required }
    };
    let features = field.member.features.iter().map(|feature| &feature.name);
    let features = match field.member.features.as_slice() {
        [] => None,
        _ => Some(quote! { .with_features(&[#(#features),*]) }),
    };
    quote! { rt::MemberInfo::#kind(#name, #ty, #doc) #features }
}

/// The expression that takes a member out of an object.
pub(crate) fn read(scope: &Scope<'_>, field: &Field<'_>) -> TokenStream {
    let name = &field.member.name;
    match (scope.reader(field.member.ty), field.member.optional) {
        (None, false) => quote! { object.required(#name)? },
        (None, true) => quote! { object.optional(#name)? },
        (Some(reader), false) => quote! { object.required_with(#name, #reader)? },
        (Some(reader), true) => quote! { object.optional_with(#name, #reader)? },
    }
}

/// The statement that puts a member into an object.
pub(crate) fn write(field: &Field<'_>) -> TokenStream {
    let Field { member, ident, .. } = field;
    let name = &member.name;
    if member.optional {
        quote! { rt::put_some(object, #name, &self.#ident); }
    } else {
        quote! { rt::put(object, #name, &self.#ident); }
    }
}

/// The method that fills in what is absent; nothing for objects in which nothing can be. `branch`
/// is the field that holds a union's branch, with how to merge it.
pub(crate) fn or(fields: &[Field<'_>], branch: Option<(&Ident, bool)>) -> TokenStream {
    let merges = branch.is_some_and(|(_, merges)| merges);
    if !merges && !fields.iter().any(|field| field.member.optional) {
        return TokenStream::new();
    }
    let merged = fields.iter().map(|Field { member, ident, .. }| match branch {
        Some((tag, true)) if tag == ident => {
            quote! { #ident: self.#ident.or_branch(defaults.#ident) }
        }
        _ if member.optional => quote! { #ident: self.#ident.or(defaults.#ident) },
        _ => quote! { #ident: self.#ident },
    });
    quote! {
        fn or(self, defaults: Self) -> Self {
            Self { #(#merged),* }
        }
    }
}

/// `new`, which takes what is required and leaves out the rest; only where there is both.
pub(crate) fn constructor(
    scope: &Scope<'_>,
    owner: EntityId,
    name: &TokenStream,
    fields: &[Field<'_>],
    branch: Option<(&Ident, &TokenStream)>,
) -> TokenStream {
    let required = fields.iter().filter(|field| !field.member.optional);
    let count = required.clone().count();
    if count == 0 || count == fields.len() || count > CONSTRUCTOR_ARGUMENTS {
        return TokenStream::new();
    }
    let arguments = required.map(|Field { member, ident, .. }| match branch {
        Some((tag, ty)) if tag == ident => quote! { #ident: #ty },
        _ => {
            let ty = scope.held(owner, member.ty);
            quote! { #ident: #ty }
        }
    });
    let values = fields.iter().map(|Field { member, ident, .. }| {
        if member.optional {
            quote! { #ident: None }
        } else {
            quote! { #ident }
        }
    });
    quote! {
        impl #name {
            /// Has what is required and nothing else.
            pub fn new(#(#arguments),*) -> Self {
                Self { #(#values),* }
            }
        }
    }
}
