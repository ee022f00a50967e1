//! JSON documents of others that a decision hangs on (a token, the answer of a service), taken at their word.
//!
//! serde's derived code is generous: it takes a list for an object, in the order of the fields, and `null` for an optional
//! field that is not there. In what gives permissions either is a mistake of whoever wrote it, or an attempt; it should be
//! an error, and not be read as something else. (Options need none of this: they are the operator's.)
//!
//! ```
//! use pusu_plugin_api::json::{Object, present};
//! use pusu_plugin_api::serde::{self, Deserialize};
//!
//! #[derive(Deserialize)]
//! #[serde(crate = "serde", deny_unknown_fields)]
//! struct Claims {
//!     subject: String,
//!     #[serde(default, deserialize_with = "present")]
//!     expires: Option<u64>,
//! }
//!
//! let Object(claims): Object<Claims> = serde_json::from_str(r#"{"subject": "alice"}"#)?;
//! assert_eq!((claims.subject.as_str(), claims.expires), ("alice", None));
//! for wrong in [r#"["alice", 7]"#, r#"{"subject": "alice", "expires": null}"#] {
//!     assert!(serde_json::from_str::<Object<Claims>>(wrong).is_err());
//! }
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A `T` that was written as an object. `T` is a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// For `#[serde(default, deserialize_with = "present")]`: the field may be absent, but where it is there it is a `T`.
///
/// # Errors
/// It is there and is no `T`, for one `null`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        #[serde(default, deserialize_with = "present")]
        name: Option<String>,
        #[serde(default)]
        inner: Vec<Object<Inner>>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        size: u8,
    }

    fn read(json: &str) -> Result<Fields, serde_json::Error> {
        serde_json::from_str::<Object<Fields>>(json).map(|Object(fields)| fields)
    }

    #[test]
    fn objects_are_objects_also_within() {
        let inner = vec![Object(Inner { size: 7 })];
        assert_eq!(read(r#"{"name":"a","inner":[{"size":7}]}"#).unwrap(), Fields { name: Some("a".into()), inner });
        for list in [r#"["a",[]]"#, r#"{"inner":[[7]]}"#, "[]", "null", "7", r#""a""#] {
            let error = read(list).expect_err(list);
            assert!(error.to_string().contains("expected an object"), "{list}: {error}");
        }
    }

    #[test]
    fn what_is_there_is_not_read_as_absent() {
        assert_eq!(read("{}").unwrap(), Fields { name: None, inner: vec![] });
        for wrong in [r#"{"name":null}"#, r#"{"name":7}"#, r#"{"name":"a","name":"b"}"#, r#"{"Name":"a"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
