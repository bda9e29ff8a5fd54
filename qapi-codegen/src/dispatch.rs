//! The command table: what the schema says about each command, and what runs it.

use proc_macro2::{Literal, TokenStream};
use qapi_schema::model::{Command, Entity, EntityId, Kind};
use quote::quote;

use crate::context::{Arguments, Context, Scope, keyval};
use crate::docs;
use crate::names::{ident, snake};

/// The table of all commands, and the function that finds one.
pub(crate) fn emit(cx: &Context<'_>) -> TokenStream {
    let scope = Scope::new(cx, None);
    let infos = cx.commands().map(|(id, entity, command)| info(&scope, id, entity, command));
    let arms = cx.commands().enumerate().map(|(index, (_, entity, command))| {
        let name = &entity.name;
        let index = Literal::usize_unsuffixed(index);
        let handler = handler(cx, entity, command);
        quote! { #name => (#index, #handler) }
    });
    let events = cx.entities().filter(|(_, entity)| matches!(entity.kind, Kind::Event(_)));
    let events = events.map(|(_, entity)| {
        let (name, features) = (&entity.name, features(entity));
        let doc = docs::summary_of(entity.doc.as_ref());
        quote! { rt::EventInfo { name: #name, features: #features, doc: #doc } }
    });
    quote! {
        /// What the schema says about each command, in schema order.
        pub static COMMANDS: &[rt::CommandInfo] = &[#(#infos),*];

        /// What the schema says about each event, in schema order.
        pub static EVENTS: &[rt::EventInfo] = &[#(#events),*];

        /// Finds a command by its name on the wire. The numbers are indices into [`COMMANDS`].
        pub fn command<C, S>(name: &str) -> Option<rt::CommandEntry<C, S>>
        where
            C: Commands + ?Sized,
            S: OobCommands + ?Sized,
        {
            let (index, run): (usize, rt::Handler<C, S>) = match name {
                #(#arms,)*
                _ => return None,
            };
            COMMANDS.get(index).map(|info| rt::CommandEntry { info, run })
        }
    }
}

fn features(entity: &Entity) -> TokenStream {
    let names = entity.features.iter().map(|feature| &feature.name);
    quote! { &[#(#names),*] }
}

fn info(scope: &Scope<'_>, id: EntityId, entity: &Entity, command: &Command) -> TokenStream {
    let cx = scope.cx;
    let name = &entity.name;
    let arguments = match cx.arguments(command) {
        Arguments::None | Arguments::Raw => quote! { None },
        Arguments::Inline(_) => {
            let ty = scope.named(id);
            quote! { Some(<#ty as rt::Object>::INFO) }
        }
        Arguments::Named(id) => {
            let ty = scope.ty(id);
            quote! { Some(<#ty as rt::Object>::INFO) }
        }
    };
    let returns = match command.returns {
        Some(id) => {
            let spelling = cx.spelling(id);
            quote! { Some(#spelling) }
        }
        None => quote! { None },
    };
    let (allow_oob, success_response) = (command.allow_oob, command.success_response);
    let (keyval, features) = (keyval(entity), features(entity));
    let phases = phases(cx, command);
    let doc = docs::summary_of(entity.doc.as_ref());
    quote! {
        rt::CommandInfo {
            name: #name,
            arguments: #arguments,
            returns: #returns,
            allow_oob: #allow_oob,
            phases: #phases,
            keyval: #keyval,
            success_response: #success_response,
            features: #features,
            doc: #doc,
        }
    }
}

fn phases(cx: &Context<'_>, command: &Command) -> TokenStream {
    let all = cx.phases();
    if all.is_empty() {
        return quote! { rt::PhaseSet::ALL };
    }
    let permitted = cx.schema.phases_of(command);
    let indices = (0u32..).zip(&all).filter(|(_, name)| permitted.contains(name));
    let indices = indices.map(|(index, _)| Literal::u32_unsuffixed(index));
    quote! { rt::PhaseSet::of(&[#(#indices),*]) }
}

fn handler(cx: &Context<'_>, entity: &Entity, command: &Command) -> TokenStream {
    let method = ident(&snake(&entity.name));
    let mode = if keyval(entity) {
        quote! { Keyval }
    } else {
        quote! { Strict }
    };
    let (decode, given) = match cx.arguments(command) {
        Arguments::None => (quote! { rt::no_arguments(arguments)?; }, None),
        Arguments::Inline(_) | Arguments::Named(_) => (
            quote! { let arguments = rt::arguments(arguments, rt::Mode::#mode)?; },
            Some(quote! { arguments }),
        ),
        Arguments::Raw => {
            (quote! { let arguments = rt::raw_arguments(arguments)?; }, Some(quote! { arguments }))
        }
    };
    let (kind, target) = if command.allow_oob {
        (quote! { OutOfBand }, quote! { state })
    } else {
        (quote! { InBand }, quote! { commands })
    };
    let call = quote! { #target.#method(#given) };
    let body = match (command.generate, command.returns) {
        (false, _) => quote! { #call },
        (true, Some(_)) => quote! { #call.map(|reply| rt::Encode::encode(&reply)) },
        (true, None) => quote! { #call.map(|()| rt::Encode::encode(&rt::Empty {})) },
    };
    quote! {
        rt::Handler::#kind(|#target, arguments| {
            #decode
            #body
        })
    }
}
