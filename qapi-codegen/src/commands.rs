//! Commands become the methods of two traits a module: in band, with `&mut self`, and out of
//! band, with `&self` and beside them. No method has a body of its own, so a command without an
//! implementation does not build.

use proc_macro2::TokenStream;
use qapi_schema::model::{Command, EntityId, Kind};
use quote::quote;

use crate::context::{Arguments, ModuleOut, Scope};
use crate::docs;
use crate::names::{ident, snake};
use crate::structs::{self, Struct};

/// The structs of inline arguments.
pub(crate) fn arguments(scope: &Scope<'_>, id: EntityId, command: &Command) -> TokenStream {
    let Arguments::Inline(object) = scope.cx.arguments(command) else { return TokenStream::new() };
    let entity = scope.cx.schema.get(id);
    let name = &entity.name;
    let arguments = scope.named(id);
    structs::emit_as(
        scope,
        &Struct {
            id: object,
            ident: arguments,
            name,
            docs: vec![format!("The arguments of `{name}`.")],
            doc: entity.doc.as_ref(),
        },
    )
}

/// The traits of a module.
pub(crate) fn traits(scope: &Scope<'_>, module: &ModuleOut) -> TokenStream {
    let (in_band, out_of_band) = scope.cx.names.traits(module.id);
    let methods = |oob: bool| -> Vec<TokenStream> {
        let commands =
            module.entities.iter().filter_map(|id| match &scope.cx.schema.get(*id).kind {
                Kind::Command(command) if command.allow_oob == oob => {
                    Some(method(scope, *id, command))
                }
                _ => None,
            });
        commands.collect()
    };
    let one = |name: &str, docs: TokenStream, methods: Vec<TokenStream>| {
        let name = ident(name);
        let some = !methods.is_empty();
        some.then(|| quote! { #docs pub trait #name { #(#methods)* } })
    };
    let what = format!("The commands of `{}`.", module.name);
    let beside = format!("The commands of `{}` that may run beside all others.", module.name);
    let in_band = one(in_band, docs::attributes([what]), methods(false));
    let out_of_band = one(out_of_band, docs::attributes([beside]), methods(true));
    quote! { #in_band #out_of_band }
}

/// The declaration of a command's method.
pub(crate) fn method(scope: &Scope<'_>, id: EntityId, command: &Command) -> TokenStream {
    let entity = scope.cx.schema.get(id);
    let docs = docs::command(entity.doc.as_ref(), &format!("`{}`.", entity.name));
    let docs = docs::attributes(docs);
    let name = ident(&snake(&entity.name));
    let receiver = if command.allow_oob {
        quote! { &self }
    } else {
        quote! { &mut self }
    };
    let arguments = match scope.cx.arguments(command) {
        Arguments::None => None,
        Arguments::Inline(_) => Some(scope.named(id)),
        Arguments::Named(id) => Some(scope.ty(id)),
        Arguments::Raw => Some(quote! { &rt::Map }),
    };
    let arguments = arguments.map(|ty| quote! { , arguments: #ty });
    let reply = match (command.generate, command.returns) {
        (false, _) => quote! { rt::Value },
        (true, Some(id)) => scope.ty(id),
        (true, None) => quote! { () },
    };
    quote! {
        #docs
        fn #name(#receiver #arguments) -> Result<#reply, rt::QmpError>;
    }
}
