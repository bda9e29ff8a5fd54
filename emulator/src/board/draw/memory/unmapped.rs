//! Regions without an address.

use std::collections::HashSet;

use crate::board::draw::chips::Chip;
use crate::board::draw::scene::{self, Scene};
use crate::board::draw::text;

/// A chip for each of them.
pub(super) fn unmapped(scene: &Scene<'_>) -> Vec<Chip> {
    let mut mapped = HashSet::new();
    for mapping in scene.view.mappings.iter().filter(|mapping| mapping.alias.is_none()) {
        mapped.insert((mapping.device.clone(), mapping.region));
    }
    let mut loose = Vec::new();
    for device in &scene.devices {
        for (index, region) in (0_u32..).zip(device.driver().regions()) {
            if !mapped.contains(&(device.name.clone(), index)) {
                loose.push((device, index, region));
            }
        }
    }
    let groups = scene::gather(loose, |(device, index, _)| Some((device.kind(), *index)));
    let chips = groups.into_iter().filter_map(|group| {
        let ((first, _, region), (last, ..)) = (group.first()?, group.last()?);
        let alone = group.len() == 1;
        Some(Chip {
            mark: String::new(),
            name: match alone && first.driver().regions().len() > 1 {
                true => format!("{}:{}", first.name, region.name),
                false => scene::from_to(&first.name, &last.name),
            },
            tip: format!(
                "{}\nregion {} ({}) is not mapped",
                scene::drivers_of(group.iter().map(|(device, ..)| *device)),
                region.name,
                text::bytes(region.size.into())
            ),
            class: scene::region_class(first, region.kind),
            devices: group.iter().map(|(device, ..)| scene.number(&device.name)).collect(),
        })
    });
    chips.collect()
}
