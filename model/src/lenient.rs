//! Reading documents the way the APISIX ecosystem writes them.
//!
//! Much of that ecosystem is Lua, where numbers are doubles and an empty list and an empty object are one value. So `1.0`
//! is an integer, `[]` an empty object and `{}` an empty list, here as there. Integers that do not fit are clamped: the
//! schemas set few upper bounds, and a weight of 10^20 is no reason to leave an upstream out.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// Whether the number has no fraction.
pub(crate) fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n % 1.0 == 0.0)
}

/// The number as Lua prints it: `7` for `7.0`, 14 significant digits.
pub(crate) fn number_text(number: &Number) -> String {
    if let Some(n) = number.as_i64().filter(|n| n.unsigned_abs() < 100_000_000_000_000) {
        return n.to_string();
    }
    double_text(number.as_f64().unwrap_or(f64::NAN))
}

/// `%.14g` of C.
pub(crate) fn double_text(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return if number == 0.0 { "0".to_owned() } else { number.to_string().to_lowercase() };
    }
    // Rust's exponent form gives the rounded digits and the exponent that `%g` decides on.
    let scientific = format!("{number:.13e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..14).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(13 - exponent).unwrap_or(0);
    without_trailing_zeros(&format!("{number:.decimals$}")).to_owned()
}

fn without_trailing_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// An integer, clamped to the type.
pub(crate) fn integer<'de, D: Deserializer<'de>, T: Clamp>(deserializer: D) -> Result<T, D::Error> {
    let number = Number::deserialize(deserializer)?;
    if !is_integer(&number) {
        return Err(D::Error::custom(format!("expected an integer, got {number}")));
    }
    Ok(T::clamp(&number))
}

/// An integer or nothing, clamped to the type.
pub(crate) fn integer_option<'de, D: Deserializer<'de>, T: Clamp>(deserializer: D) -> Result<Option<T>, D::Error> {
    integer(deserializer).map(Some)
}

/// A list; `{}` is the empty one.
pub(crate) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Object(map) if map.is_empty() => Ok(Vec::new()),
        value => serde_json::from_value(value).map_err(D::Error::custom),
    }
}

/// An object; `[]` is the empty one.
pub(crate) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Object(map) => Ok(map),
        Value::Array(list) if list.is_empty() => Ok(Map::new()),
        other => Err(D::Error::custom(format!("expected an object, got {}", lua_type(&other)))),
    }
}

/// A structure all of whose fields have defaults; `[]` is the one without fields.
pub(crate) fn structure<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    serde_json::from_value(Value::Object(object(deserializer)?)).map(Some).map_err(D::Error::custom)
}

/// The name of a value's type in messages.
pub(crate) fn lua_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "userdata",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => "table",
    }
}

/// An integer type that takes the nearest value it can hold.
pub(crate) trait Clamp {
    fn clamp(number: &Number) -> Self;
}

macro_rules! clamp {
    ($($type:ty),+) => {$(
        impl Clamp for $type {
            fn clamp(number: &Number) -> Self {
                if let Some(n) = number.as_i64() {
                    return Self::try_from(n).unwrap_or(if n < 0 { Self::MIN } else { Self::MAX });
                }
                // `as` between numbers saturates.
                number.as_u64().map_or_else(
                    || number.as_f64().unwrap_or_default() as Self,
                    |n| Self::try_from(n).unwrap_or(Self::MAX),
                )
            }
        }
    )+};
}

clamp!(i64, i32, u32, u16, u8);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_print_as_in_lua() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.33333333333333"),
            (65536.0, "65536"),
            (1e13, "10000000000000"),
            (99_999_999_999_999.0, "99999999999999"),
            (1e14, "1e+14"),
            (123_456_789_012_345_678.0, "1.2345678901235e+17"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(double_text(number), text, "{number}");
        }
        assert_eq!(number_text(&Number::from(7)), "7");
        assert_eq!(number_text(&Number::from(i64::MAX)), "9.2233720368548e+18");
    }

    #[test]
    fn integers_are_clamped() {
        let of = |value: Value| integer::<_, u16>(value).ok();
        assert_eq!(of(json!(80)), Some(80));
        assert_eq!(of(json!(80.0)), Some(80));
        assert_eq!(of(json!(-1)), Some(0));
        assert_eq!(of(json!(1e300)), Some(u16::MAX));
        assert_eq!(of(json!(u64::MAX)), Some(u16::MAX));
        assert_eq!(of(json!(80.5)), None);
        assert_eq!(of(json!("80")), None);
    }

    #[test]
    fn an_empty_list_is_an_empty_object() {
        assert_eq!(object(json!([])).unwrap().len(), 0);
        assert!(object(json!([1])).is_err());
        assert_eq!(list::<_, String>(json!({})).unwrap().len(), 0);
        assert!(list::<_, String>(json!({"a": 1})).is_err());
    }
}
