//! Whole: numbers of bodies. To JSON Schema `3.0` is an integer like `3` (draft 2020-12, 6.1.1), and some languages write it
//! that way; serde takes it for none.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// For fields that may be left out or `null`, with `#[serde(default)]`.
pub fn maybe<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let Some(number) = deserializer.deserialize_any(Whole)? else {
        return Ok(None);
    };
    let unfit = || D::Error::invalid_value(Unexpected::Signed(number), &"a smaller number");
    T::try_from(number).map(Some).map_err(|_| unfit())
}

/// One of a list.
#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(transparent)]
pub struct Number(#[serde(deserialize_with = "given")] pub i64);

/// For fields that have to be there.
pub fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = deserializer.deserialize_any(Whole)?;
    number.ok_or_else(|| D::Error::invalid_type(Unexpected::Unit, &"a whole number"))
}

/// The number that a float says, where it is a whole one.
#[must_use]
pub fn of(float: f64) -> Option<i64> {
    /// 2^53: beyond it one float stands for several whole numbers.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let whole = float.fract() == 0.0 && float.abs() <= LIMIT;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within the bounds"
    )]
    whole.then_some(float as i64)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let unfit = |_| E::invalid_value(Unexpected::Unsigned(number), &self);
        i64::try_from(number).map(Some).map_err(unfit)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        let unfit = || E::invalid_value(Unexpected::Float(number), &self);
        of(number).map(Some).ok_or_else(unfit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "maybe")]
        hue: Option<u8>,
        #[serde(deserialize_with = "given")]
        after: i64,
    }

    /// Protects callers whose language writes every number with a point.
    #[test]
    fn a_whole_number_may_have_a_point() {
        let read =
            |text: &str| serde_json::from_str::<Body>(text).map(|body| (body.hue, body.after));
        assert_eq!(read(r#"{"hue":3.0,"after":1e3}"#).unwrap(), (Some(3), 1000));
        assert_eq!(read(r#"{"hue":null,"after":-2}"#).unwrap(), (None, -2));
        assert_eq!(
            read(r#"{"after":9223372036854775807}"#).unwrap(),
            (None, i64::MAX)
        );
        for wrong in [
            r#"{"hue":3.5,"after":1}"#,
            r#"{"hue":256,"after":1}"#,
            r#"{"after":9223372036854775808}"#,
            r#"{"after":-9223372036854775809}"#,
            r#"{"after":null}"#,
            r#"{"after":"1"}"#,
            "{}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
