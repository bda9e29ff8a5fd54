//! Unions become a struct with the common members, in which the field of the discriminator holds
//! an enum of the branches: that the branch fits the discriminator is then beyond doubt. Without
//! common members the enum is all there is.

use proc_macro2::{Ident, TokenStream};
use qapi_schema::model::{EntityId, ObjectMeta, Variants};
use quote::quote;

use crate::context::{Field, Scope};
use crate::names::ident;
use crate::{docs, structs};

/// A branch of the union.
struct Case {
    wire: String,
    ident: Ident,
    /// The Rust type of what it holds and the object that this is; `None` without members.
    holds: Option<(TokenStream, EntityId)>,
}

/// The union and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, variants: &Variants) -> TokenStream {
    let entity = scope.cx.schema.get(id);
    let fields = scope.cx.fields(id, entity.doc.as_ref());
    let Some(tag) = fields.iter().find(|field| field.member.name == variants.tag) else {
        return TokenStream::new();
    };
    let cases = cases(scope, id, variants, tag);
    let docs =
        docs::attributes(docs::definition(entity.doc.as_ref(), &format!("`{}`.", entity.name)));
    let common = Common { scope, id, name: &entity.name, fields: &fields, tag, cases: &cases };
    if fields.len() == 1 { common.enum_alone(docs) } else { common.struct_with_enum(docs) }
}

fn cases(scope: &Scope<'_>, id: EntityId, variants: &Variants, tag: &Field<'_>) -> Vec<Case> {
    let Some(definition) = scope.cx.enumeration(tag.member.ty) else { return Vec::new() };
    let idents = scope.cx.value_idents(definition);
    // In the order of the enum; a branch whose value is configured out goes with it.
    let values = definition.values.iter().zip(idents);
    let cases = values.map(|(value, ident)| {
        let branch = variants.cases.iter().find(|case| case.name == value.name);
        let held = branch.map(|case| case.ty).filter(|ty| {
            scope.cx.object(*ty).is_some_and(|object| object.meta != ObjectMeta::Empty)
        });
        let holds = held.map(|ty| (scope.held(id, ty), ty));
        Case { wire: value.name.clone(), ident, holds }
    });
    cases.collect()
}

struct Common<'a> {
    scope: &'a Scope<'a>,
    id: EntityId,
    name: &'a str,
    fields: &'a [Field<'a>],
    tag: &'a Field<'a>,
    cases: &'a [Case],
}

impl Common<'_> {
    fn struct_with_enum(&self, docs: TokenStream) -> TokenStream {
        let Self { scope, id, fields, tag, .. } = self;
        let union = scope.named(*id);
        let name = scope.cx.names.branches(*id).unwrap_or(self.name);
        let branches = ident(name);
        let branches = quote! { #branches };
        let tag_ident = &tag.ident;
        let is_tag = |field: &Field<'_>| field.member.name == tag.member.name;
        let declarations = fields.iter().map(|field| {
            if is_tag(field) {
                let text = docs::markdown(&field.doc);
                let docs = docs::attributes([text, "Holds what that value adds.".into()]);
                quote! { #docs pub #tag_ident: #branches }
            } else {
                structs::declaration(scope, *id, field)
            }
        });
        let reflection = self.reflection();
        let before = fields.iter().position(is_tag).unwrap_or_default();
        let early = fields.iter().take(before + 1).map(|field| {
            let (local, read) = (local(field), structs::read(scope, field));
            quote! { let #local = #read; }
        });
        let values = fields.iter().enumerate().map(|(index, field)| {
            let ident = &field.ident;
            let local = local(field);
            if index == before {
                quote! { #ident: #branches::read_branch(#local, object)? }
            } else if index < before {
                if local == *ident {
                    quote! { #ident }
                } else {
                    quote! { #ident: #local }
                }
            } else {
                let read = structs::read(scope, field);
                quote! { #ident: #read }
            }
        });
        // The branch's members come last, as the reference has them.
        let (mut values, mut last): (Vec<_>, Vec<_>) = (values.collect(), Vec::new());
        if before < values.len() {
            last.push(values.remove(before));
        }
        let writes = fields.iter().map(|field| {
            if is_tag(field) {
                let wire = &tag.member.name;
                quote! { rt::put(object, #wire, &self.#tag_ident.tag()); }
            } else {
                structs::write(field)
            }
        });
        let writes_branch =
            self.holds_any().then(|| quote! { self.#tag_ident.write_branch(object); });
        let constructor =
            structs::constructor(scope, *id, &union, fields, Some((tag_ident, &branches)));
        let or = structs::or(fields, Some((tag_ident, self.holds_any())));
        let wire = structs::wire_impls(&union);
        let about = format!("What each `{}` of [`{union}`] adds.", tag.member.name);
        let branch_enum = self.branch_enum(&branches, docs::attributes([about]));
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq)]
            pub struct #union {
                #(#declarations,)*
            }

            #branch_enum

            #constructor

            impl rt::Object for #union {
                #reflection

                fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
                    #(#early)*
                    Ok(Self { #(#values,)* #(#last)* })
                }

                fn write(&self, object: &mut rt::Map) {
                    #(#writes)*
                    #writes_branch
                }

                #or
            }

            #wire
        }
    }

    fn enum_alone(&self, docs: TokenStream) -> TokenStream {
        let union = self.scope.named(self.id);
        let reflection = self.reflection();
        let read = structs::read(self.scope, self.tag);
        let tag_wire = &self.tag.member.name;
        let wire = structs::wire_impls(&union);
        let branch_enum = self.branch_enum(&union, docs);
        let writes_branch = self.holds_any().then(|| quote! { self.write_branch(object); });
        let or = self.holds_any().then(|| {
            quote! {
                fn or(self, defaults: Self) -> Self {
                    self.or_branch(defaults)
                }
            }
        });
        quote! {
            #branch_enum

            impl rt::Object for #union {
                #reflection

                fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
                    let tag = #read;
                    Self::read_branch(tag, object)
                }

                fn write(&self, object: &mut rt::Map) {
                    rt::put(object, #tag_wire, &self.tag());
                    #writes_branch
                }

                #or
            }

            #wire
        }
    }

    fn holds_any(&self) -> bool {
        self.unknown().is_some() || self.cases.iter().any(|case| case.holds.is_some())
    }

    /// The variant that a client has for other values of the discriminator.
    fn unknown(&self) -> Option<Ident> {
        let cx = self.scope.cx;
        cx.unknown_ident(cx.enumeration(self.tag.member.ty)?)
    }

    fn reflection(&self) -> TokenStream {
        let name = self.name;
        let infos = self.fields.iter().map(|field| structs::info(self.scope, field));
        let tag = &self.tag.member.name;
        let variants = self.cases.iter().filter_map(|case| {
            let (ty, _) = case.holds.as_ref()?;
            let wire = &case.wire;
            Some(quote! {
                rt::VariantInfo { case: #wire, object: <#ty as rt::Object>::INFO }
            })
        });
        quote! {
            const NAME: &'static str = #name;
            const MEMBERS: &'static [rt::MemberInfo] = &[#(#infos),*];
            const TAG: Option<&'static str> = Some(#tag);
            const VARIANTS: &'static [rt::VariantInfo] = &[#(#variants),*];
        }
    }

    fn branch_enum(&self, name: &TokenStream, docs: TokenStream) -> TokenStream {
        let tag_ty = self.scope.ty(self.tag.member.ty);
        let holds_any = self.holds_any();
        let object = if holds_any {
            quote! { object }
        } else {
            quote! { _object }
        };
        let variants = self.cases.iter().map(|case| {
            let (ident, wire) = (&case.ident, &case.wire);
            let about = case
                .holds
                .as_ref()
                .map(|(_, id)| docs::first_sentence(self.scope.cx.schema.get(*id).doc.as_ref()));
            let about = about.unwrap_or_default();
            let text =
                if about.is_empty() { format!("`{wire}`.") } else { format!("`{wire}`: {about}") };
            let docs = docs::attributes([text]);
            let held = case.holds.as_ref().map(|(ty, _)| quote! { (#ty) });
            quote! { #docs #ident #held }
        });
        let tags = self.cases.iter().map(|Case { ident, holds, .. }| {
            let held = holds.as_ref().map(|_| quote! { (_) });
            quote! { Self::#ident #held => #tag_ty::#ident }
        });
        let reads = self.cases.iter().map(|Case { ident, holds, .. }| {
            let held = holds.as_ref().map(|_| quote! { (rt::Object::read(object)?) });
            quote! { #tag_ty::#ident => Self::#ident #held }
        });
        let unknown = self.unknown().map(|ident| {
            (
                quote! {
                    /// A value of the discriminator that the schema does not have.
                    #ident(rt::UnknownBranch),
                },
                quote! { Self::#ident(branch) => #tag_ty::#ident(branch.case.clone()), },
                quote! {
                    #tag_ty::#ident(case) => {
                        Self::#ident(rt::UnknownBranch::read(case, object))
                    }
                },
            )
        });
        let (unknown, unknown_tag, unknown_read) = unknown.unwrap_or_default();
        let write_branch = holds_any.then(|| self.write_branch());
        let or_branch = holds_any.then(|| self.or_branch());
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq)]
            pub enum #name {
                #(#variants,)*
                #unknown
            }

            impl #name {
                /// The discriminator's value.
                pub fn tag(&self) -> #tag_ty {
                    match self {
                        #(#tags,)*
                        #unknown_tag
                    }
                }

                fn read_branch(
                    tag: #tag_ty,
                    #object: &mut rt::ObjectReader<'_>,
                ) -> Result<Self, rt::QmpError> {
                    Ok(match tag {
                        #(#reads,)*
                        #unknown_read
                    })
                }

                #write_branch

                #or_branch
            }
        }
    }

    fn write_branch(&self) -> TokenStream {
        let writes = self.cases.iter().map(|Case { ident, holds, .. }| {
            if holds.is_some() {
                quote! { Self::#ident(branch) => rt::Object::write(branch, object) }
            } else {
                quote! { Self::#ident => {} }
            }
        });
        let unknown = self.unknown().map(|ident| {
            quote! { Self::#ident(branch) => branch.write(object), }
        });
        quote! {
            fn write_branch(&self, object: &mut rt::Map) {
                match self {
                    #(#writes,)*
                    #unknown
                }
            }
        }
    }

    /// Defaults of the same branch are merged; those of another one mean nothing here.
    fn or_branch(&self) -> TokenStream {
        let merges = self.cases.iter().filter(|case| case.holds.is_some()).map(|case| {
            let ident = &case.ident;
            quote! {
                (Self::#ident(given), Self::#ident(defaults)) => {
                    Self::#ident(rt::Object::or(given, defaults))
                }
            }
        });
        let variants = self.cases.len() + usize::from(self.unknown().is_some());
        let otherwise = (variants > 1).then(|| quote! { (given, _) => given, });
        quote! {
            fn or_branch(self, defaults: Self) -> Self {
                match (self, defaults) {
                    #(#merges)*
                    #otherwise
                }
            }
        }
    }
}

/// A local variable for a member read before the branch, apart from the reader's own name.
fn local(field: &Field<'_>) -> Ident {
    if field.ident == "object" { ident("object_") } else { field.ident.clone() }
}
