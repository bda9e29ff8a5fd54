//! What is told of mappings: names, kinds, what they have in common.

use std::sync::Arc;

use super::layers::Block;
use crate::board::draw::scene::{self, Scene};
use crate::board::draw::text;
use crate::board::{Device, Mapping};
use crate::devices::{Region, RegionKind};
use crate::qapi::DeviceDriver;

/// A map while it is drawn.
pub(super) struct Map<'a>(pub(super) &'a Scene<'a>);

impl Map<'_> {
    pub(super) fn device(&self, mapping: &Mapping) -> Option<&Arc<Device>> {
        self.0.board.device(&mapping.device)
    }

    fn region(&self, mapping: &Mapping) -> Option<Region> {
        self.device(mapping)?.driver().regions().into_iter().nth(mapping.region as usize)
    }

    /// What blocks have in common that can be drawn as one.
    pub(super) fn key(&self, block: &Block) -> Option<(DeviceDriver, u32, u64)> {
        let mapping = &self.0.view.mappings[block.mapping];
        let plain = block.is_plain(mapping) && mapping.alias.is_none();
        let device = self.device(mapping).filter(|_| plain)?;
        Some((device.kind(), mapping.region, mapping.size))
    }

    /// Whether a block can be drawn as one with neighbours of another kind: registers can.
    pub(super) fn is_loose(&self, block: &Block) -> bool {
        let registers = |region: Region| region.kind == RegionKind::Io;
        let mapping = &self.0.view.mappings[block.mapping];
        self.key(block).is_some() && self.region(mapping).is_some_and(registers)
    }

    /// A class of the style sheet.
    pub(super) fn class(&self, mapping: &Mapping) -> &'static str {
        match (self.device(mapping), self.region(mapping)) {
            (Some(device), Some(region)) => scene::region_class(device, region.kind),
            _ => "stub",
        }
    }

    /// What a mapping is called: its device, with the region where there are several; a device
    /// nobody named goes by its region.
    pub(super) fn name(&self, mapping: &Mapping) -> String {
        let (Some(device), Some(region)) = (self.device(mapping), self.region(mapping)) else {
            return mapping.device.to_string();
        };
        if !device.named {
            return region.name;
        }
        match device.driver().regions().len() {
            1 => device.name.to_string(),
            _ => format!("{}:{}", device.name, region.name),
        }
    }

    /// What it is, in a few words.
    pub(super) fn about(&self, mapping: &Mapping) -> String {
        let Some(device) = self.device(mapping) else { return String::new() };
        let what = match self.class(mapping) {
            "ram" => "RAM".into(),
            "rom" => "ROM".into(),
            "stub" => "not modelled".into(),
            _ => device.kind().to_string(),
        };
        match &mapping.alias {
            Some(alias) if mapping.offset == 0 => format!("alias {alias}"),
            Some(alias) => format!("alias {alias}, from {:#x}", mapping.offset),
            None => what,
        }
    }

    pub(super) fn tip(&self, mapping: &Mapping) -> String {
        let class = self.class(mapping);
        format!(
            "{}: {}\n{} – {} ({}), {}{}{}",
            self.name(mapping),
            self.device(mapping).map_or_else(String::new, |device| device.kind().to_string()),
            text::address(mapping.addr),
            text::address(mapping.last()),
            text::bytes(mapping.size.into()),
            if class == "stub" { "not modelled".into() } else { class.to_uppercase() },
            self.where_else(mapping),
            self.0.origin(mapping.entry)
        )
    }

    /// What it is a view of, and what it stands in.
    fn where_else(&self, mapping: &Mapping) -> String {
        let alias = mapping.alias.as_ref();
        let alias = alias.map(|alias| format!(", alias {alias} from offset {:#x}", mapping.offset));
        let parent = mapping.parent.as_ref().map(|parent| format!(", in {}", parent.device));
        alias.unwrap_or_default() + &parent.unwrap_or_default()
    }
}
