//! Objects within bodies: serde takes a list for a struct as well, JSON Schema does not.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::{Map, Value};

/// An object, and nothing else.
pub struct Object<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::<String, Value>::deserialize(deserializer)?;
        let object = serde_json::from_value(Value::Object(fields));
        object.map(Self).map_err(D::Error::custom)
    }
}
