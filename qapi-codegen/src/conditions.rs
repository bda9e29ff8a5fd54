//! Conditions: the one place that evaluates an `if`.
//!
//! Rust is generated from a schema without what the conditions leave out. Introspection is not:
//! its numbers come from the whole schema, so it asks [`holds`] at the end.

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
    for module in &mut schema.modules {
        module.items.retain(|item| match item {
            Item::Include(_) => true,
            Item::Entity(id) => {
                holds(schema.entities.get(id.0).and_then(|entity| entity.cond.as_ref()), options)
            }
        });
    }
    for entity in &mut schema.entities {
        retain_features(&mut entity.features, options);
        match &mut entity.kind {
            Kind::Enum(definition) => {
                definition.values.retain(|value| holds(value.cond.as_ref(), options));
                for value in &mut definition.values {
                    retain_features(&mut value.features, options);
                }
            }
            Kind::Object(object) => {
                object.members.retain(|member| holds(member.cond.as_ref(), options));
                for Member { features, .. } in &mut object.members {
                    retain_features(features, options);
                }
                if let Some(variants) = &mut object.variants {
                    variants.cases.retain(|case| holds(case.cond.as_ref(), options));
                }
            }
            Kind::Alternate(branches) => {
                branches.retain(|branch| holds(branch.cond.as_ref(), options));
            }
            Kind::Builtin(_) | Kind::Array(_) | Kind::Command(_) | Kind::Event(_) => {}
        }
    }
    schema
}

fn retain_features(features: &mut Vec<Feature>, options: &Options) {
    features.retain(|feature| holds(feature.cond.as_ref(), options));
}
