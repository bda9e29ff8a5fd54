//! Where a type would contain itself, and a box has to stand in between.
//!
//! A box stands on one edge of a cycle, not on every edge of it: on a branch of a union or an
//! alternate where there is one, because that also keeps the other branches small, else on a
//! member. Arrays break cycles by themselves.

use std::collections::HashSet;

use qapi_schema::model::{Entity, EntityId, Kind, Schema};

/// The pairs of holder and held that need a box.
pub(crate) fn find(schema: &Schema) -> HashSet<(EntityId, EntityId)> {
    let held = schema.entities.iter().map(|entity| held_types(schema, entity)).collect();
    let mut graph = Graph { held, boxed: HashSet::new() };
    for (index, entity) in schema.entities.iter().enumerate() {
        for branch in branches(entity) {
            graph.cut(EntityId(index), branch);
        }
    }
    for index in 0..schema.entities.len() {
        let holder = EntityId(index);
        // A member that is an alternate is left: the object that the cycle goes on through has
        // been cut off it above.
        for held in graph.held[index].clone() {
            graph.cut(holder, held);
        }
    }
    graph.boxed
}

/// The types that an entity holds directly, without those behind an array.
pub(crate) fn held_types(schema: &Schema, entity: &Entity) -> Vec<EntityId> {
    let mut held: Vec<_> = branches(entity).collect();
    if let Kind::Object(object) = &entity.kind {
        if let Some(base) = object.base {
            held.extend(held_types(schema, schema.get(base)));
        }
        held.extend(object.members.iter().map(|member| member.ty));
    }
    held
}

/// The types of the branches of a union or an alternate.
fn branches(entity: &Entity) -> impl Iterator<Item = EntityId> {
    let cases = match &entity.kind {
        Kind::Object(object) => object.variants.as_ref().map(|variants| &variants.cases),
        _ => None,
    };
    let alternatives = match &entity.kind {
        Kind::Alternate(branches) => Some(branches),
        _ => None,
    };
    let cases = cases.into_iter().flatten().map(|case| case.ty);
    cases.chain(alternatives.into_iter().flatten().map(|branch| branch.ty))
}

struct Graph {
    /// What each entity holds, by its number.
    held: Vec<Vec<EntityId>>,
    boxed: HashSet<(EntityId, EntityId)>,
}

impl Graph {
    /// Puts a box on an edge if it is part of a cycle.
    fn cut(&mut self, holder: EntityId, held: EntityId) {
        if self.reaches(held, holder) {
            self.boxed.insert((holder, held));
        }
    }

    fn reaches(&self, from: EntityId, to: EntityId) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            if id == to {
                return true;
            }
            if seen.insert(id) {
                let next = self.held[id.0].iter().copied();
                open.extend(next.filter(|next| !self.boxed.contains(&(id, *next))));
            }
        }
        false
    }
}
