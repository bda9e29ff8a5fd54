//! The time of day, as the options choose it (`-rtc`): what real-time clocks say and what lets them go
//! on.

use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::qapi::RtcClock;

/// What the clocks begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// The host's time.
    #[default]
    Utc,
    /// The host's time as its people read it.
    LocalTime,
    /// A time: nanoseconds since 1970.
    At(u64),
}

/// How `base` is written.
const FORMS: &str = "'utc', 'localtime' or a date such as '2006-06-17T16:01:21' or '2006-06-17'";

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "utc" => Ok(Self::Utc),
            "localtime" => Ok(Self::LocalTime),
            _ => date(text).map(Self::At).ok_or_else(|| format!("{FORMS}, not '{text}'")),
        }
    }
}

/// Nanoseconds from 1970 to a date; none where it is no date, or one that no clock can say.
fn date(text: &str) -> Option<u64> {
    let date: DateTime = text.parse().ok()?;
    let instant = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(instant.as_nanosecond()).ok()
}

/// What `-rtc` says.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealTime {
    /// What the clocks begin with.
    pub base: Option<Base>,
    /// What lets them go on.
    pub clock: Option<RtcClock>,
}

impl RealTime {
    /// The same, and where it says nothing, nothing of the host: guest time from a date that is always
    /// the same.
    #[must_use]
    pub fn or_fixed(self) -> Self {
        Self { base: self.base.or(Some(Base::At(FIXED))), clock: self.clock.or(Some(RtcClock::Vm)) }
    }

    /// The time of day of a machine that is made now, at a guest time of 0.
    pub fn begin(self) -> TimeOfDay {
        let (started, host) = (Instant::now(), host_time());
        let ahead = match self.base.unwrap_or_default() {
            Base::Utc => 0,
            Base::LocalTime => local_offset().wrapping_mul(SECOND),
            Base::At(base) => base.wrapping_sub(host),
        };
        match self.clock.unwrap_or(RtcClock::Host) {
            RtcClock::Host => TimeOfDay::Host { ahead },
            RtcClock::Rt => TimeOfDay::Rt { base: host.wrapping_add(ahead), started },
            RtcClock::Vm => TimeOfDay::Vm { base: host.wrapping_add(ahead) },
        }
    }
}

const SECOND: u64 = 1_000_000_000;
/// The first second of 2025.
const FIXED: u64 = 1_735_689_600 * SECOND;

/// The time of day of a machine. All numbers are nanoseconds, and wrap.
#[derive(Clone, Copy, Debug)]
pub enum TimeOfDay {
    /// So much ahead of the host's.
    Host {
        /// How much.
        ahead: u64,
    },
    /// Real time since the machine was made.
    Rt {
        /// What it was then.
        base: u64,
        /// When that was.
        started: Instant,
    },
    /// Guest time.
    Vm {
        /// What it was at 0.
        base: u64,
    },
}

impl Default for TimeOfDay {
    fn default() -> Self {
        Self::Vm { base: 0 }
    }
}

impl TimeOfDay {
    /// Nanoseconds since 1970, at a guest time that is now.
    pub fn at(&self, guest: u64) -> u64 {
        match self {
            Self::Host { ahead } => host_time().wrapping_add(*ahead),
            Self::Rt { base, started } => base.wrapping_add(nanoseconds(started.elapsed())),
            Self::Vm { base } => base.wrapping_add(guest),
        }
    }

    /// The same for a machine that goes on at a guest time that is now, where it was a time of day.
    #[must_use]
    pub fn resume(self, day: u64, guest: u64) -> Self {
        match self {
            Self::Host { .. } => self,
            Self::Rt { .. } => Self::Rt { base: day, started: Instant::now() },
            Self::Vm { .. } => Self::Vm { base: day.wrapping_sub(guest) },
        }
    }

    /// Whether it goes with guest time, so that it is known when it will be what.
    pub fn follows_guest(&self) -> bool {
        matches!(self, Self::Vm { .. })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn host_time() -> u64 {
    // Before 1970 there is no time.
    nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Seconds that the host's local time is ahead.
fn local_offset() -> u64 {
    let now = jiff::Timestamp::now();
    i64::from(TimeZone::system().to_offset(now).seconds()).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_read_as_qemu_reads_them() {
        for (text, base) in [
            ("utc", Some(Base::Utc)),
            ("localtime", Some(Base::LocalTime)),
            ("1970-01-02", Some(Base::At(86_400 * SECOND))),
            ("2006-06-17T16:01:21", Some(Base::At(1_150_560_081 * SECOND))),
            ("2006-06-17", Some(Base::At(1_150_502_400 * SECOND))),
            ("2020-02-29", Some(Base::At(1_582_934_400 * SECOND))),
            ("2021-02-29", None),
            ("2020-13-01", None),
            ("2006-06-17T25:00:00", None),
            ("1969-12-31", None),
            ("9999-12-31", None),
            ("", None),
            ("now", None),
            ("UTC", None),
        ] {
            assert_eq!(text.parse::<Base>().ok(), base, "{text}");
        }
    }

    #[test]
    fn clocks_go_on_with_what_they_are_told_to() {
        let base = 1_150_560_081 * SECOND;
        let begin = |clock| RealTime { base: Some(Base::At(base)), clock }.begin();
        let vm = begin(Some(RtcClock::Vm));
        assert_eq!((vm.at(0), vm.at(5), vm.follows_guest()), (base, base + 5, true));
        assert_eq!(begin(Some(RtcClock::Vm)).resume(base + 9, 4).at(6), base + 11);
        // Guest time is nothing to the others. A minute is more than this test takes.
        for clock in [None, Some(RtcClock::Host), Some(RtcClock::Rt)] {
            let time = begin(clock);
            let now = time.at(3600 * SECOND);
            assert!((base..base + 60 * SECOND).contains(&now), "{clock:?}: {now}");
            assert!(time.at(0) >= now && !time.follows_guest());
        }
        let utc = RealTime::default().begin().at(0);
        assert!(host_time() - utc < 60 * SECOND);
    }
}
