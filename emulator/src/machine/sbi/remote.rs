//! What one hart does to others: interrupts (chapter 7) and fences (chapter 8).

use super::pmu::FirmwareEvent;
use super::{Answer, Call, SbiError, Slot};

/// The supervisor software interrupt.
pub(super) const SOFTWARE: u32 = 1;

/// Which harts are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    /// All that there are.
    All,
    /// The first id, and from there on a bit for each.
    Mask { base: u64, mask: u64 },
}

impl Targets {
    pub(super) fn all() -> Self {
        Self::All
    }

    pub(super) fn mask(base: u64, mask: u64) -> Self {
        Self::Mask { base, mask }
    }

    fn contains(&self, slot: &Slot) -> bool {
        match self {
            Self::All => true,
            Self::Mask { base, mask } => {
                slot.id.checked_sub(*base).is_some_and(|bit| bit < 64 && mask >> bit & 1 != 0)
            }
        }
    }

    /// The first two arguments of a call: each hart that is named has to be one.
    fn of(call: &Call<'_>) -> Result<Self, SbiError> {
        let (mask, base) = (call.argument(0), call.argument(1));
        if base == call.ones() {
            return Ok(Self::All);
        }
        let targets = Self::Mask { base, mask };
        let found = call.sbi.served().filter(|slot| targets.contains(slot)).count();
        if found == mask.count_ones() as usize { Ok(targets) } else { Err(SbiError::InvalidParam) }
    }
}

/// What others have to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fence {
    /// Code that was decoded.
    Code,
    /// Translations of addresses.
    Translations,
    /// Translations of one address space; the others are forgotten with them.
    OfOneSpace,
}

impl Fence {
    /// What is counted at the hart that asks, and at the others.
    fn events(self) -> (FirmwareEvent, FirmwareEvent) {
        match self {
            Self::Code => (FirmwareEvent::FenceISent, FirmwareEvent::FenceIReceived),
            Self::Translations => (FirmwareEvent::SfenceVmaSent, FirmwareEvent::SfenceVmaReceived),
            Self::OfOneSpace => {
                (FirmwareEvent::SfenceVmaAsidSent, FirmwareEvent::SfenceVmaAsidReceived)
            }
        }
    }
}

/// The extension for interrupts.
pub(super) fn interrupt(call: &mut Call<'_>) -> Answer {
    if call.function != 0 {
        return Err(SbiError::NotSupported);
    }
    let targets = Targets::of(call)?;
    interrupt_remotely(call, &targets);
    Ok(0)
}

/// The extension for fences. There are no guests of guests, to which the other functions belong.
pub(super) fn fence(call: &mut Call<'_>) -> Answer {
    let fence = match call.function {
        0 => Fence::Code,
        1 => Fence::Translations,
        2 => Fence::OfOneSpace,
        _ => return Err(SbiError::NotSupported),
    };
    let targets = Targets::of(call)?;
    fence_remotely(call, &targets, fence);
    Ok(0)
}

pub(super) fn interrupt_remotely(call: &Call<'_>, targets: &Targets) {
    call.own.count(FirmwareEvent::IpiSent);
    for slot in call.sbi.awake().filter(|slot| targets.contains(slot)) {
        slot.count(FirmwareEvent::IpiReceived);
        slot.inputs.set(SOFTWARE, true);
    }
}

/// Lets harts forget, and returns when none of them executes what it should not know any more. A hart
/// that makes a call itself does not execute, so that harts never wait for each other.
pub(super) fn fence_remotely(call: &Call<'_>, targets: &Targets, fence: Fence) {
    let (sent, received) = fence.events();
    call.own.count(sent);
    let asked = || call.sbi.awake().filter(|slot| targets.contains(slot));
    for slot in asked() {
        slot.count(received);
        match fence {
            Fence::Code => slot.inputs.request_flush(),
            Fence::Translations | Fence::OfOneSpace => slot.inputs.request_fence(),
        }
    }
    while asked().any(|slot| slot.inputs.is_behind()) {
        std::thread::yield_now();
    }
}
