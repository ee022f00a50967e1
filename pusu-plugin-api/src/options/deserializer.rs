//! Walks the tree of options for the author's type, and adds to an error where it was found.

use super::error::OptionsError;
use super::node::Node;
use super::place::Step;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess};
use serde::de::{Error as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

type Result<T> = std::result::Result<T, OptionsError>;

impl Node {
    /// Reads a mapping. `fields` are the names that a struct has; any other mapping has none.
    fn entries<'de, V: Visitor<'de>>(self, visitor: V, fields: Option<&'static [&'static str]>) -> Result<V::Value> {
        match self {
            Self::Map(entries) => {
                visitor.visit_map(Entries { entries: entries.into_iter(), read: 0, fields, open: None })
            }
            other => other.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = OptionsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Unsigned(value) => visitor.visit_u64(value),
            Self::Signed(value) => visitor.visit_i64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::Text(value) => visitor.visit_string(value),
            Self::List(items) => visitor.visit_seq(Items { items: items.into_iter(), read: 0 }),
            Self::Map(_) => self.entries(visitor, None),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.entries(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self {
            Self::Text(variant) => visitor.visit_enum(Variant { variant, content: None }),
            Self::Map(mut entries) if entries.len() == 1 => match entries.pop() {
                Some((variant, content)) => visitor.visit_enum(Variant { variant, content: Some(content) }),
                None => Err(OptionsError::invalid_type(Unexpected::Map, &visitor)),
            },
            other => other.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// The items of a list.
struct Items {
    items: std::vec::IntoIter<Node>,
    read: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = OptionsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.read;
        self.read += 1;
        seed.deserialize(item).map(Some).map_err(|error| error.within(Step::Item(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a mapping. The keys among `fields` are the author's and may be shown; all others may be secrets.
struct Entries {
    entries: std::vec::IntoIter<(String, Node)>,
    read: usize,
    fields: Option<&'static [&'static str]>,
    open: Option<(Step, Node)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = OptionsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let index = self.read;
        self.read += 1;
        let step = if self.fields.is_some_and(|fields| fields.contains(&key.as_str())) {
            Step::Option(key.clone())
        } else {
            Step::Entry(index)
        };
        self.open = Some((step, value));
        let key: StringDeserializer<OptionsError> = key.into_deserializer();
        let is_struct = self.fields.is_some();
        seed.deserialize(key).map(Some).map_err(|error| {
            // A struct's key fails as a name that does not exist, which the error says itself.
            if is_struct { error } else { error.within(Step::Key(index)) }
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match self.open.take() {
            Some((step, value)) => seed.deserialize(value).map_err(|error| error.within(step)),
            None => Err(OptionsError::custom("a value was asked for before its key")),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant: a name alone, or a mapping of the name to what it holds.
struct Variant {
    variant: String,
    content: Option<Node>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = OptionsError;
    type Variant = Content;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content)> {
        let name: StringDeserializer<OptionsError> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content.unwrap_or(Node::Null))))
    }
}

/// What a variant holds.
struct Content(Node);

impl<'de> VariantAccess<'de> for Content {
    type Error = OptionsError;

    fn unit_variant(self) -> Result<()> {
        match self.0 {
            Node::Null => Ok(()),
            other => Err(OptionsError::new(format!("expected nothing after the name, found {}", other.kind()))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.0.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.0.entries(visitor, Some(fields))
    }
}
