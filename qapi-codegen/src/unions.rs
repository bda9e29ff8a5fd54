//! Unions become a struct with the common members, in which the field of the discriminator holds
//! an enum of the branches: that the branch fits the discriminator is then beyond doubt. Without
//! common members the enum is all there is.

use qapi_schema::model::{Cond, EntityId, ObjectMeta, Variants};

use crate::code::{Code, literal};
use crate::context::{Field, Scope, cfg};
use crate::structs::{read_head, write_head};
use crate::{docs, structs};

/// A branch of the union.
struct Case {
    wire: String,
    ident: String,
    cfg: Option<String>,
    /// The Rust type of what it holds and the object that this is; `None` without members.
    holds: Option<(String, EntityId)>,
}

/// The union and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, variants: &Variants, code: &mut Code) {
    let entity = scope.cx.schema.get(id);
    let fields = scope.cx.fields(id, entity.doc.as_ref());
    let Some(at) = fields.iter().position(|field| field.member.name == variants.tag) else {
        return;
    };
    let cases = cases(scope, id, variants, &fields[at]);
    let union = Union {
        scope,
        id,
        name: &entity.name,
        ident: scope.named(id),
        cfg: cfg(entity.cond.as_ref()),
        fields: &fields,
        at,
        cases: &cases,
        unknown: scope
            .cx
            .enumeration(fields[at].member.ty)
            .and_then(|values| scope.cx.unknown_ident(values)),
    };
    if fields.len() == 1 { union.enum_alone(code) } else { union.struct_with_enum(code) }
}

/// The branches in the order of the enum; one whose value is configured out goes with it.
fn cases(scope: &Scope<'_>, id: EntityId, variants: &Variants, tag: &Field<'_>) -> Vec<Case> {
    let Some(definition) = scope.cx.enumeration(tag.member.ty) else { return Vec::new() };
    let idents = scope.cx.value_idents(definition);
    let mut cases = Vec::new();
    for (value, ident) in definition.values.iter().zip(idents) {
        let branch = variants.cases.iter().find(|case| case.name == value.name);
        let held = branch.map(|case| case.ty).filter(|ty| {
            scope.cx.object(*ty).is_some_and(|object| object.meta != ObjectMeta::Empty)
        });
        let mut case = |cond: Option<&Cond>, holds| {
            let (wire, ident) = (value.name.clone(), ident.clone());
            cases.push(Case { wire, ident, cfg: cfg(cond), holds });
        };
        let holds = held.map(|ty| (scope.held(id, ty), ty));
        match branch.and_then(|branch| branch.cond.as_ref()) {
            // Where the branch is absent and its value is not, the value adds nothing.
            Some(cond) if value.cond.as_ref() != Some(cond) => {
                let with = |cond| Cond::All(value.cond.iter().cloned().chain([cond]).collect());
                case(Some(&with(cond.clone())), holds);
                case(Some(&with(Cond::Not(Box::new(cond.clone())))), None);
            }
            _ => case(value.cond.as_ref(), holds),
        }
    }
    cases
}

struct Union<'a> {
    scope: &'a Scope<'a>,
    id: EntityId,
    name: &'a str,
    ident: String,
    cfg: Option<String>,
    fields: &'a [Field<'a>],
    /// Which of the fields is the discriminator.
    at: usize,
    cases: &'a [Case],
    /// The variant that a client has for other values of the discriminator.
    unknown: Option<String>,
}

impl Union<'_> {
    fn tag(&self) -> &Field<'_> {
        &self.fields[self.at]
    }

    fn struct_with_enum(&self, code: &mut Code) {
        let Self { scope, id, ident, fields, .. } = self;
        let branches = scope.cx.names.branches(*id).unwrap_or(self.name);
        let doc = scope.cx.schema.get(*id).doc.as_ref();
        let (tag, tag_ident) = (self.tag(), &self.tag().ident);
        code.gap();
        code.docs(docs::definition(doc, &format!("`{}`.", self.name)));
        code.attribute(self.cfg.as_deref());
        code.line("#[derive(Clone, Debug, PartialEq)]");
        code.block(&format!("pub struct {ident}"), "", |code| {
            for (index, field) in fields.iter().enumerate() {
                if index == self.at {
                    let text = docs::markdown(field.doc);
                    code.docs([text.as_str(), "Holds what that value adds."]);
                    code.line(format!("pub {tag_ident}: {branches},"));
                } else {
                    structs::declaration(scope, *id, field, doc, code);
                }
            }
        });
        let about = format!("What each `{}` of [`{ident}`] adds.", tag.member.name);
        self.branch_enum(branches, vec![about], code);
        let branch = Some((tag_ident.as_str(), branches));
        let cfg = self.cfg.as_deref();
        structs::constructor(scope, *id, ident, fields, branch, cfg, code);
        code.implement(cfg, &format!("impl rt::Object for {ident}"), |code| {
            self.reflection(code);
            code.gap();
            code.block(&read_head("object"), "", |code| self.read(branches, code));
            code.gap();
            code.block(&write_head("object"), "", |code| {
                for (index, field) in fields.iter().enumerate() {
                    if index == self.at {
                        let value = format!("&self.{tag_ident}.tag()");
                        structs::put_value(field, "object.put", &value, code);
                    } else {
                        structs::write(field, code);
                    }
                }
                if self.holds_any() {
                    code.line(format!("self.{tag_ident}.write_branch(object);"));
                }
            });
        });
    }

    /// Takes the members in schema order, and the branch's last, as the reference does: which
    /// member is missing first depends on it.
    fn read(&self, branches: &str, code: &mut Code) {
        let Self { scope, fields, at, .. } = self;
        fields.iter().for_each(|field| structs::admit(field, code));
        for field in &fields[..=*at] {
            code.attribute(cfg(field.member.cond.as_ref()).as_deref());
            let local = format!("let {} = object", local(field));
            code.chain(&local, &structs::read(scope, field), ";");
        }
        code.block("Ok(Self", ")", |code| {
            for (index, field) in fields.iter().enumerate().filter(|(index, _)| index != at) {
                code.attribute(cfg(field.member.cond.as_ref()).as_deref());
                let ident = &field.ident;
                match local(field) {
                    _ if index > *at => {
                        structs::set(scope, field, code);
                    }
                    local if local == *ident => code.line(format!("{ident},")),
                    local => code.line(format!("{ident}: {local},")),
                }
            }
            let (ident, local) = (&self.tag().ident, local(self.tag()));
            code.line(format!("{ident}: {branches}::read_branch({local}, object)?,"));
        });
    }

    fn enum_alone(&self, code: &mut Code) {
        let Self { scope, ident, .. } = self;
        let doc = scope.cx.schema.get(self.id).doc.as_ref();
        let docs = docs::definition(doc, &format!("`{}`.", self.name));
        self.branch_enum(ident, docs, code);
        code.implement(self.cfg.as_deref(), &format!("impl rt::Object for {ident}"), |code| {
            self.reflection(code);
            code.gap();
            code.block(&read_head("object"), "", |code| {
                structs::admit(self.tag(), code);
                code.chain("let tag = object", &structs::read(scope, self.tag()), ";");
                code.line("Self::read_branch(tag, object)");
            });
            code.gap();
            code.block(&write_head("object"), "", |code| {
                structs::put_value(self.tag(), "object.put", "&self.tag()", code);
                if self.holds_any() {
                    code.line("self.write_branch(object);");
                }
            });
        });
    }

    fn holds_any(&self) -> bool {
        self.unknown.is_some() || self.cases.iter().any(|case| case.holds.is_some())
    }

    fn reflection(&self, code: &mut Code) {
        code.line(format!("const NAME: &'static str = {};", literal(self.name)));
        structs::members(self.scope, self.fields, code);
        let tag = literal(&self.tag().member.name);
        code.line(format!("const TAG: Option<&'static str> = Some({tag});"));
        let holding = self.cases.iter().filter_map(|case| Some((case, case.holds.as_ref()?)));
        let holding: Vec<_> = holding.collect();
        if holding.is_empty() {
            return;
        }
        let head = "const VARIANTS: &'static [rt::VariantInfo] = rt::variants!";
        code.block(head, ";", |code| {
            for (case, (_, held)) in holding {
                code.attribute(case.cfg.as_deref());
                code.line(format!("{}: {};", literal(&case.wire), self.scope.ty(*held)));
            }
        });
    }

    fn branch_enum(&self, name: &str, docs: Vec<String>, code: &mut Code) {
        let tag_ty = self.scope.ty(self.tag().member.ty);
        code.gap();
        code.docs(docs);
        code.attribute(self.cfg.as_deref());
        code.line("#[derive(Clone, Debug, PartialEq)]");
        code.block(&format!("pub enum {name}"), "", |code| {
            for Case { wire, ident, cfg, holds } in self.cases {
                let about = holds.as_ref().map(|(_, id)| {
                    docs::first_sentence(self.scope.cx.schema.get(*id).doc.as_ref())
                });
                code.docs([match about.filter(|about| !about.is_empty()) {
                    Some(about) => format!("`{wire}`: {about}"),
                    None => format!("`{wire}`."),
                }]);
                code.attribute(cfg.as_deref());
                let held = holds.as_ref().map_or(String::new(), |(ty, _)| format!("({ty})"));
                code.line(format!("{ident}{held},"));
            }
            if let Some(unknown) = &self.unknown {
                code.line("/// A value of the discriminator that the schema does not have.");
                code.line(format!("{unknown}(rt::UnknownBranch),"));
            }
        });
        code.implement(self.cfg.as_deref(), &format!("impl {name}"), |code| {
            code.line("/// The discriminator's value.");
            code.block(&format!("pub fn tag(&self) -> {tag_ty}"), "", |code| {
                self.arms(
                    "match self",
                    "",
                    code,
                    |Case { ident, holds, .. }| {
                        let held = if holds.is_some() { "(_)" } else { "" };
                        (format!("Self::{ident}{held}"), format!("{tag_ty}::{ident}"))
                    },
                    |unknown| {
                        let body = format!("{tag_ty}::{unknown}(branch.case.clone())");
                        (format!("Self::{unknown}(branch)"), body)
                    },
                );
            });
            code.gap();
            self.read_branch(&tag_ty, code);
            if self.holds_any() {
                code.gap();
                code.block("fn write_branch(&self, object: &mut rt::ObjectWriter)", "", |code| {
                    self.arms(
                        "match self",
                        "",
                        code,
                        |Case { ident, holds, .. }| match holds {
                            Some(_) => {
                                let body = "rt::Object::write(branch, object)";
                                (format!("Self::{ident}(branch)"), body.into())
                            }
                            None => (format!("Self::{ident}"), "{}".into()),
                        },
                        |unknown| {
                            (format!("Self::{unknown}(branch)"), "branch.write(object)".into())
                        },
                    );
                });
            }
        });
    }

    fn read_branch(&self, tag_ty: &str, code: &mut Code) {
        let object = if self.holds_any() { "object" } else { "_object" };
        let parameters = [format!("tag: {tag_ty}"), format!("{object}: &mut rt::ObjectReader<'_>")];
        code.signature("fn read_branch", &parameters, " -> Result<Self, rt::QmpError> {");
        code.indented(|code| {
            self.arms(
                "Ok(match tag",
                ")",
                code,
                |Case { ident, holds, .. }| {
                    let held = if holds.is_some() { "(rt::Object::read(object)?)" } else { "" };
                    (format!("{tag_ty}::{ident}"), format!("Self::{ident}{held}"))
                },
                |unknown| {
                    let body = format!("Self::{unknown}(rt::UnknownBranch::read(case, object))");
                    (format!("{tag_ty}::{unknown}(case)"), body)
                },
            );
        });
        code.line("}");
    }

    /// A `match` with an arm for each branch, and for a client's unknown one.
    fn arms(
        &self,
        head: &str,
        tail: &str,
        code: &mut Code,
        arm: impl Fn(&Case) -> (String, String),
        unknown: impl Fn(&str) -> (String, String),
    ) {
        code.block(head, tail, |code| {
            for case in self.cases {
                let (pattern, body) = arm(case);
                code.attribute(case.cfg.as_deref());
                code.arm(&pattern, &body);
            }
            if let Some((pattern, body)) = self.unknown.as_deref().map(unknown) {
                code.arm(&pattern, &body);
            }
        });
    }
}

/// A local variable for a member read before the branch, apart from the reader's own name.
fn local(field: &Field<'_>) -> String {
    if field.ident == "object" { "object_".into() } else { field.ident.clone() }
}
