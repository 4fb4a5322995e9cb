//! How an element of a page is found, and in which place.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One way to find elements. Written as a table with one of the keys `css`, `test_id`, `label`, `xpath`, or with `role` and
/// `name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Locator {
    /// A CSS selector.
    Css {
        /// The selector.
        value: String,
    },
    /// The attribute `data-testid`.
    TestId { value: String },
    /// The control that belongs to the label of this text.
    Label {
        /// The text, white space folded, without decoration.
        value: String,
    },
    /// An XPath expression.
    Xpath {
        /// The expression.
        value: String,
    },
    /// An ARIA role, explicit or implied by the element, and its accessible name.
    Role {
        role: String,
        /// The name, white space folded.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLocator {
    css: Option<String>,
    test_id: Option<String>,
    label: Option<String>,
    xpath: Option<String>,
    role: Option<String>,
    name: Option<String>,
    #[serde(rename = "in")]
    place: Option<String>,
}

impl RawLocator {
    /// The locator, and the place that it is looked for in.
    fn read(self) -> Result<(Locator, Option<String>), &'static str> {
        let Self { css, test_id, label, xpath, role, name, place } = self;
        let role = match (role, name) {
            (Some(role), Some(name)) => Some(Locator::Role { role, name }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err("a locator by role needs both `role` and `name`"),
        };
        let mut ways = [
            css.map(|value| Locator::Css { value }),
            test_id.map(|value| Locator::TestId { value }),
            label.map(|value| Locator::Label { value }),
            xpath.map(|value| Locator::Xpath { value }),
            role,
        ]
        .into_iter()
        .flatten();
        match (ways.next(), ways.next()) {
            (Some(only), None) => Ok((only, place)),
            (None, _) => Err("a locator needs one of `css`, `test_id`, `label`, `xpath`, or `role` with `name`"),
            (Some(_), Some(_)) => Err("a locator is found one way; write several as a list of tables"),
        }
    }
}

/// One or more locators: the first that matches anything decides, so that a map survives a renamed test id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locators {
    /// The locators, best first.
    pub ways: Vec<Locator>,
    /// Name of the `[place]` that all of them look in; without one, where `[page] in` says.
    pub place: Option<String>,
}

impl Serialize for Locators {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.ways.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Locators {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LocatorsVisitor;
        impl<'de> Visitor<'de> for LocatorsVisitor {
            type Value = Locators;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a locator such as { css = \"#name\" }, or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Locators, A::Error> {
                let raw = RawLocator::deserialize(MapAccessDeserializer::new(map))?;
                let (way, place) = raw.read().map_err(A::Error::custom)?;
                Ok(Locators { ways: vec![way], place })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Locators, A::Error> {
                let mut ways = Vec::new();
                let mut places = Vec::new();
                while let Some(raw) = seq.next_element::<RawLocator>()? {
                    let (way, place) = raw.read().map_err(A::Error::custom)?;
                    ways.push(way);
                    places.push(place);
                }
                let Some(place) = places.first().cloned() else {
                    return Err(A::Error::custom("the list of locators is empty"));
                };
                if places.iter().any(|other| *other != place) {
                    return Err(A::Error::custom("the locators of a list look in one place; give each the same `in`"));
                }
                Ok(Locators { ways, place })
            }
        }
        deserializer.deserialize_any(LocatorsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        at: Locators,
    }

    fn read(text: &str) -> Result<Locators, String> {
        toml::from_str::<Holder>(text).map(|holder| holder.at).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_locator_is_found_exactly_one_way() {
        assert_eq!(read("at = { css = '#a' }").unwrap().ways.len(), 1);
        assert_eq!(read("at = [{ test_id = 'a' }, { role = 'button', name = 'Save' }]").unwrap().ways.len(), 2);
        assert!(read("at = { css = '#a', xpath = '//a' }").unwrap_err().contains("found one way"));
        assert!(read("at = { role = 'tab' }").unwrap_err().contains("both"));
        assert!(read("at = {}").unwrap_err().contains("needs one of"));
        assert!(read("at = []").unwrap_err().contains("empty"));
        assert!(read("at = { id = 'x' }").unwrap_err().contains("unknown field"));
    }

    #[test]
    fn a_list_of_locators_looks_in_one_place() {
        let at = read("at = [{ css = '#a', in = 'main' }, { label = 'A', in = 'main' }]").unwrap();
        assert_eq!((at.ways.len(), at.place.as_deref()), (2, Some("main")));
        assert!(read("at = [{ css = '#a', in = 'main' }, { css = '#b' }]").unwrap_err().contains("one place"));
    }
}
