//! JSON as parameters: names joined by dots, values as text; counted while they are read.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::content::{ContentError, LONG, Parameters};

/// The parameters of a JSON text. A dot inside a name is written `\.`.
///
/// # Errors
///
/// [`ContentError::Malformed`], also where an object names a key twice: `serde_json` keeps the last of two, a portal may keep
/// the first. [`ContentError::TooMany`].
pub fn parameters(text: &[u8]) -> Result<Vec<(String, String)>, ContentError> {
    let mut found = Parameters::default();
    let mut place = String::new();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Value { place: &mut place, found: &mut found }.deserialize(&mut reader);
    match read.and_then(|()| reader.end()) {
        Ok(()) => found.all(),
        Err(_) if found.too_many() => Err(ContentError::TooMany),
        Err(_) => Err(ContentError::Malformed),
    }
}

/// One value and everything below it.
struct Value<'a> {
    place: &'a mut String,
    found: &'a mut Parameters,
}

impl Value<'_> {
    fn is<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.found.add(self.place, text).map_err(E::custom)
    }

    /// The length of the place, and the place below it that `name` names.
    fn enter(&mut self, name: &str) -> usize {
        let above = self.place.len();
        if above > 0 {
            self.place.push('.');
        }
        for (count, part) in name.split('.').enumerate() {
            self.place.push_str(if count > 0 { "\\." } else { "" });
            self.place.push_str(part);
        }
        above
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without doubled keys")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.is(if value { "true" } else { "false" })
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.is(&value.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.is(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.is(&serde_json::Value::from(value).to_string())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.is(value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.is("")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut count = 0_u64;
        loop {
            let above = self.enter(&count.to_string());
            let member = members.next_element_seed(Value { place: self.place, found: self.found })?;
            self.place.truncate(above);
            match member {
                Some(()) => count += 1,
                None if count == 0 => return self.is("[]"),
                None => return Ok(()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.len() > LONG {
                return Err(A::Error::custom(self.found.give_up()));
            }
            let above = self.enter(&name);
            members.next_value_seed(Value { place: self.place, found: self.found })?;
            self.place.truncate(above);
            if !names.insert(name) {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        if names.is_empty() { self.is("{}") } else { Ok(()) }
    }
}
