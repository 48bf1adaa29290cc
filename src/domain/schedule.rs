//! Schedule: when a message goes out that waits at Telegram.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Timestamp;

/// Telegram's date for "as soon as they are online" (core.telegram.org/api/scheduled-messages).
const WHEN_ONLINE: i32 = 0x7FFF_FFFE;
const ONLINE: &str = "online";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// Whole seconds: Telegram knows no parts of them.
    At(Timestamp),
    /// As soon as the other side is seen online.
    WhenOnline,
}

impl Schedule {
    #[must_use]
    pub const fn at(moment: Timestamp) -> Self {
        Self::At(Timestamp::from_seconds(moment.millis() / 1000))
    }

    /// As Telegram has it.
    #[must_use]
    pub const fn from_seconds(seconds: i32) -> Self {
        match seconds {
            WHEN_ONLINE => Self::WhenOnline,
            seconds => Self::At(Timestamp::from_seconds(seconds as i64)),
        }
    }

    /// As Telegram wants it. A moment that it can't say is the last one that it can.
    #[must_use]
    pub fn seconds(self) -> i32 {
        match self {
            Self::WhenOnline => WHEN_ONLINE,
            Self::At(moment) => i32::try_from(moment.millis() / 1000).unwrap_or(WHEN_ONLINE - 1),
        }
    }

    /// "online", or a moment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == ONLINE {
            return Some(Self::WhenOnline);
        }
        let moment = serde_json::Value::String(text.to_owned());
        serde_json::from_value(moment).ok().map(Self::at)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(moment) => moment.serialize(serializer),
            Self::WhenOnline => serializer.serialize_str(ONLINE),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a moment, or online"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the moment: what is asked for is what Telegram is told and what comes back, to the second.
    #[test]
    fn a_schedule_goes_there_and_back() {
        for text in ["online", "2026-12-01T09:00:00.000Z"] {
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(
                serde_json::to_string(&schedule).unwrap(),
                format!("\"{text}\"")
            );
            assert_eq!(Schedule::from_seconds(schedule.seconds()), schedule);
        }
        assert_eq!(Schedule::WhenOnline.seconds(), 0x7FFF_FFFE);
        let parts = Schedule::parse("2026-12-01T09:00:00.750Z").unwrap();
        assert_eq!(parts, Schedule::parse("2026-12-01T09:00:00Z").unwrap());
        assert_eq!(Schedule::parse("tomorrow"), None);
    }
}
