//! Conditions: the one place that evaluates an `if`, and the one that spells it for the compiler.
//!
//! By default Rust is generated from a schema without what the conditions leave out. Introspection
//! is not: its numbers come from the whole schema, so it asks [`holds`] at the end.
//!
//! For generated files that are committed ([`Options::cfg`]) everything is kept, and what is
//! conditional gets an attribute `#[cfg(feature = "...")]`.

use std::collections::BTreeSet;

use qapi_schema::model::{Cond, Feature, Item, Kind, Member, Schema};

use crate::Options;

/// Whether a condition holds; no condition always does.
pub(crate) fn holds(cond: Option<&Cond>, options: &Options) -> bool {
    fn eval(cond: &Cond, defines: &BTreeSet<String>) -> bool {
        match cond {
            Cond::If(name) => defines.contains(name),
            Cond::All(conds) => conds.iter().all(|cond| eval(cond, defines)),
            Cond::Any(conds) => conds.iter().any(|cond| eval(cond, defines)),
            Cond::Not(cond) => !eval(cond, defines),
        }
    }
    cond.is_none_or(|cond| eval(cond, &options.defines))
}

/// The schema without what its conditions leave out.
///
/// Entities keep their ids, so one that is left out stays in the list of all entities and is
/// taken out of its module's items only.
pub(crate) fn configure(schema: &Schema, options: &Options) -> Schema {
    let mut schema = schema.clone();
    if options.cfg {
        return schema;
    }
    for module in &mut schema.modules {
        module.items.retain(|item| match item {
            Item::Include(_) => true,
            Item::Entity(id) => {
                holds(schema.entities.get(id.0).and_then(|entity| entity.cond.as_ref()), options)
            }
        });
    }
    for entity in &mut schema.entities {
        entity.cond = None;
        retain_features(&mut entity.features, options);
        match &mut entity.kind {
            Kind::Enum(definition) => {
                definition.values.retain(|value| holds(value.cond.as_ref(), options));
                for value in &mut definition.values {
                    value.cond = None;
                    retain_features(&mut value.features, options);
                }
            }
            Kind::Object(object) => {
                object.members.retain(|member| holds(member.cond.as_ref(), options));
                for Member { features, cond, .. } in &mut object.members {
                    *cond = None;
                    retain_features(features, options);
                }
                if let Some(variants) = &mut object.variants {
                    variants.cases.retain(|case| holds(case.cond.as_ref(), options));
                    variants.cases.iter_mut().for_each(|case| case.cond = None);
                }
            }
            Kind::Alternate(branches) => {
                branches.retain(|branch| holds(branch.cond.as_ref(), options));
                branches.iter_mut().for_each(|branch| branch.cond = None);
            }
            Kind::Builtin(_) | Kind::Array(_) | Kind::Command(_) | Kind::Event(_) => {}
        }
    }
    schema
}

fn retain_features(features: &mut Vec<Feature>, options: &Options) {
    features.retain(|feature| holds(feature.cond.as_ref(), options));
    features.iter_mut().for_each(|feature| feature.cond = None);
}

/// The cargo feature that stands for a macro: `config-linux` for `CONFIG_LINUX`.
pub(crate) fn cargo_feature(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// A condition as the compiler evaluates it.
pub(crate) fn predicate(cond: &Cond) -> String {
    let list = |conds: &[Cond]| conds.iter().map(predicate).collect::<Vec<_>>().join(", ");
    match cond {
        Cond::If(name) => format!("feature = \"{}\"", cargo_feature(name)),
        Cond::All(conds) => format!("all({})", list(conds)),
        Cond::Any(conds) => format!("any({})", list(conds)),
        Cond::Not(cond) => format!("not({})", predicate(cond)),
    }
}
