//! Virtio devices on PCI (Virtio 1.2, section 4.1), `virtio-*-pci`: the same devices as on other
//! transports, with a function of a PCI bus around them.
//!
//! On a root bus a device is transitional, as QEMU's are: it has the ids and the I/O ports of before
//! Virtio 1.0 besides (section 4.1.4.8). Behind a port it has the modern form only.

mod common;
mod legacy;
mod state;
mod transport;

use std::sync::Arc;

use qapi_runtime::QmpError;

use self::state::Form;
use self::transport::Transport;
use crate::board::{Board, Device as BoardDevice};
use crate::devices::pci::{PciFunction, address, parse_address};
use crate::devices::{Built, Bus, BusKind, Defaults, Driver, Peripheral, Seat};
use crate::machine::Site;
use crate::qapi::{
    DeviceOptionsDriver, OnOffAuto, Virtio9pDeviceProperties, Virtio9pPciProperties,
    VirtioBalloonDeviceProperties, VirtioBalloonPciProperties, VirtioBlkDeviceProperties,
    VirtioBlkPciProperties, VirtioNetDeviceProperties, VirtioNetPciProperties,
    VirtioRngDeviceProperties, VirtioRngPciProperties, VirtioSerialDeviceProperties,
    VirtioSerialPciProperties,
};

/// What such a device has of PCI.
struct OnPci<'a> {
    disable_legacy: OnOffAuto,
    disable_modern: bool,
    multifunction: bool,
    vectors: Option<u32>,
    addr: Option<&'a str>,
}

/// One row a device: its driver, its properties, those of the device within, what else the driver says
/// of them; the name that leaves the transport open, and the driver on other transports.
macro_rules! on_pci {
    ($($variant:ident($properties:ident) = $name:literal, $open:ident or $other:ident:
        $device:ident { $($field:ident),* } { $($more:tt)* })*) => {$(
        impl Defaults for $properties {
            fn defaults() -> Self {
                let $device { bus: _, $($field),* } = $device::defaults();
                Self {
                    bus: None,
                    addr: None,
                    multifunction: Some(false),
                    disable_legacy: Some(OnOffAuto::Auto),
                    disable_modern: Some(false),
                    vectors: None,
                    $($field),*
                }
            }
        }

        impl $properties {
            fn device(&self) -> $device {
                $device { bus: None, $($field: self.$field.clone()),* }
            }

            fn on_pci(&self) -> OnPci<'_> {
                OnPci {
                    disable_legacy: self.disable_legacy.unwrap_or(OnOffAuto::Auto),
                    disable_modern: self.disable_modern.unwrap_or(false),
                    multifunction: self.multifunction.unwrap_or(false),
                    vectors: self.vectors,
                    addr: self.addr.as_deref(),
                }
            }
        }

        impl Driver for $properties {
            fn check(&self) -> Result<(), QmpError> {
                self.on_pci().check($name)?;
                self.device().check()
            }

            fn on_bus(&self) -> bool {
                false
            }

            fn seat(&self) -> Option<Seat<'_>> {
                let slot = self.on_pci().slot($name);
                Some(Seat { kind: BusKind::Pci, bus: self.bus.as_deref(), slot })
            }

            fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
                let options = Self { bus: Some(owner.into()), ..self.clone() };
                Some(DeviceOptionsDriver::$variant(options))
            }

            fn in_slot(&self, slot: u32) -> Option<DeviceOptionsDriver> {
                let options = Self { addr: Some(address(slot)), ..self.clone() };
                Some(DeviceOptionsDriver::$variant(options))
            }

            fn multifunction(&self) -> bool {
                self.multifunction == Some(true)
            }

            fn parts(&self) -> &'static [&'static str] {
                &["virtio-backend"]
            }

            fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
                Ok(self.on_pci().wrap(self.device().build(site)?, site))
            }

            $($more)*
        }
    )*

    /// What a name stands for that leaves the transport open.
    pub fn chosen(
        options: DeviceOptionsDriver,
        is_on_pci: impl FnOnce(&DeviceOptionsDriver) -> bool,
    ) -> DeviceOptionsDriver {
        let on_pci = match &options {
            $(DeviceOptionsDriver::$open(_) => is_on_pci(&options),)*
            _ => return options,
        };
        match options {
            $(DeviceOptionsDriver::$open(own) if on_pci => DeviceOptionsDriver::$variant(own),
            DeviceOptionsDriver::$open(own) => {
                DeviceOptionsDriver::$other($device { bus: own.bus.clone(), ..own.device() })
            })*
            other => other,
        }
    }
    };
}

on_pci! {
    Virtio9pPci(Virtio9pPciProperties) = "virtio-9p-pci", Virtio9p or Virtio9pDevice:
        Virtio9pDeviceProperties { fsdev, mount_tag, packed }
    {
        fn share(&self) -> Option<&str> {
            self.fsdev.as_deref()
        }
    }
    VirtioBalloonPci(VirtioBalloonPciProperties) = "virtio-balloon-pci",
        VirtioBalloon or VirtioBalloonDevice:
        VirtioBalloonDeviceProperties { deflate_on_oom, free_page_reporting, packed }
    {
        fn added(&self, board: &mut Board, own: &BoardDevice) -> Result<(), QmpError> {
            self.device().added(board, own)
        }
    }
    VirtioBlkPci(VirtioBlkPciProperties) = "virtio-blk-pci", VirtioBlk or VirtioBlkDevice:
        VirtioBlkDeviceProperties {
        drive, serial, num_queues, queue_size, packed, config_wce, write_cache,
        logical_block_size, physical_block_size, discard, write_zeroes, rerror, werror
    } {
        fn drive(&self) -> Option<&str> {
            self.drive.as_deref()
        }
    }
    VirtioNetPci(VirtioNetPciProperties) = "virtio-net-pci", VirtioNet or VirtioNetDevice:
        VirtioNetDeviceProperties {
        netdev, mac, rx_queue_size, tx_queue_size, packed, csum, guest_csum, mrg_rxbuf
    } {
        fn netdev(&self) -> Option<&str> {
            self.netdev.as_deref()
        }
    }
    VirtioRngPci(VirtioRngPciProperties) = "virtio-rng-pci", VirtioRng or VirtioRngDevice:
        VirtioRngDeviceProperties { rng } {
        fn object(&self) -> Option<&str> {
            self.rng.as_deref()
        }
    }
    VirtioSerialPci(VirtioSerialPciProperties) = "virtio-serial-pci",
        VirtioSerial or VirtioSerialDevice:
        VirtioSerialDeviceProperties {
        max_ports, emergency_write, packed
    } {
        fn bus(&self) -> Option<Bus> {
            self.device().bus()
        }

        fn hot_plug(&self) -> bool {
            true
        }
    }
}

impl OnPci<'_> {
    fn check(&self, name: &str) -> Result<(), QmpError> {
        if self.disable_modern && self.disable_legacy == OnOffAuto::On {
            return Err(QmpError::generic(
                "device cannot work as neither modern nor legacy mode is enabled: set either disable-modern or disable-legacy to off",
            ));
        }
        self.addr.map_or(Ok(()), |addr| parse_address(name, addr).map(drop))
    }

    fn slot(&self, name: &str) -> u32 {
        self.addr.map_or(Seat::ANY, |addr| parse_address(name, addr).unwrap_or(Seat::NONE))
    }

    /// Puts a function around a device.
    fn wrap(&self, built: Built, site: &Site<'_>) -> Built {
        let Some(Peripheral::Virtio(device)) = built.peripheral else { return built };
        let behind_port =
            site.board.seat(site.device).is_some_and(|(owner, _)| owner.driver().hot_plug());
        let form = Form {
            legacy: match self.disable_legacy {
                OnOffAuto::On => false,
                OnOffAuto::Off => true,
                OnOffAuto::Auto => !behind_port,
            },
            modern: !self.disable_modern,
            express: behind_port,
            multifunction: self.multifunction,
        };
        let transport = Transport::around(device, form, self.vectors, site);
        let function: Arc<dyn PciFunction> = transport.clone();
        Built { device: transport, peripheral: Some(Peripheral::Pci(function)), ..built }
    }
}
