//! How an element of a page is found.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

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
}

impl TryFrom<RawLocator> for Locator {
    type Error = &'static str;

    fn try_from(raw: RawLocator) -> Result<Self, Self::Error> {
        let RawLocator { css, test_id, label, xpath, role, name } = raw;
        let role = match (role, name) {
            (Some(role), Some(name)) => Some(Self::Role { role, name }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err("a locator by role needs both `role` and `name`"),
        };
        let mut ways = [
            css.map(|value| Self::Css { value }),
            test_id.map(|value| Self::TestId { value }),
            label.map(|value| Self::Label { value }),
            xpath.map(|value| Self::Xpath { value }),
            role,
        ]
        .into_iter()
        .flatten();
        match (ways.next(), ways.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err("a locator needs one of `css`, `test_id`, `label`, `xpath`, or `role` with `name`"),
            (Some(_), Some(_)) => Err("a locator is found one way; write several as a list of tables"),
        }
    }
}

/// One or more locators: the first that matches anything decides, so that a map survives a renamed test id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Locators(pub Vec<Locator>);

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
                Ok(Locators(vec![raw.try_into().map_err(serde::de::Error::custom)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Locators, A::Error> {
                let mut all = Vec::new();
                while let Some(raw) = seq.next_element::<RawLocator>()? {
                    all.push(raw.try_into().map_err(serde::de::Error::custom)?);
                }
                if all.is_empty() {
                    return Err(serde::de::Error::custom("the list of locators is empty"));
                }
                Ok(Locators(all))
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
        assert_eq!(read("at = { css = '#a' }").unwrap().0.len(), 1);
        assert_eq!(read("at = [{ test_id = 'a' }, { role = 'button', name = 'Save' }]").unwrap().0.len(), 2);
        assert!(read("at = { css = '#a', xpath = '//a' }").unwrap_err().contains("found one way"));
        assert!(read("at = { role = 'tab' }").unwrap_err().contains("both"));
        assert!(read("at = {}").unwrap_err().contains("needs one of"));
        assert!(read("at = []").unwrap_err().contains("empty"));
        assert!(read("at = { id = 'x' }").unwrap_err().contains("unknown field"));
    }
}
