//! JSON without a choice of readings.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads one JSON value. Unlike the ordinary reader it refuses a key that stands twice in an object, where two programs may each see
/// another value. Nesting is limited like there (128 levels).
pub fn strict(text: &str) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Strict)?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{}` stands twice in one object", key.chars().take(60).collect::<String>())));
            }
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_the_ordinary_reader_reads_but_for_doubled_keys() {
        for text in [r#"{"a":[1,-2,3.5,"x",true,null,{"b":{}}]}"#, "[]", "7", r#""\u00e9""#, "null"] {
            assert_eq!(strict(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        let error = strict(r#"{"a":{"b":1,"b":2}}"#).unwrap_err().to_string();
        assert!(error.contains("the key `b` stands twice"), "{error}");
        for broken in ["", "{", r#"{"a":1}}"#, "[1,]", "nul"] {
            assert!(strict(broken).is_err(), "{broken}");
        }
        assert!(strict(&"[".repeat(10_000)).is_err());
        assert_eq!(strict(r#"{"a":1,"b":1}"#).unwrap(), json!({"a": 1, "b": 1}));
    }
}
