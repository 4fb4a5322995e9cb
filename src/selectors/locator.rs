//! How an element of a page is found, in which place, and what is taken of it.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
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
    /// What stands beside a heading: the definition of a term, the cell after it in a row of a table.
    Row {
        /// The heading, white space folded, without decoration.
        value: String,
    },
}

/// What is taken of an element: its text with white space folded, an attribute (`@title`), a property (`.value`), or
/// the address of the document that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Take(String);

impl TryFrom<String> for Take {
    type Error = &'static str;

    fn try_from(take: String) -> Result<Self, Self::Error> {
        let named =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c));
        match take.strip_prefix(['@', '.']) {
            Some(name) if named(name) => Ok(Self(take)),
            None if ["text", "address"].contains(&take.as_str()) => Ok(Self(take)),
            Some(_) | None => Err("`take` is `text`, `address`, an attribute (`@title`) or a property (`.value`)"),
        }
    }
}

/// A regular expression for a part of what was taken: its first group, or all that it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        // The page's own engine applies it: what that reads otherwise, or not at all, is refused here.
        const FOREIGN: &str = r"(?:^|[^\\])(?:\\\\)*(?:\(\?[a-zA-Z-]+[:)]|\(\?P<|\\[AzZ])";
        let known = |text: &str| regex::Regex::new(text).map_err(|error| error.to_string());
        if known(&pattern)?.captures_len() > 2 || known(FOREIGN)?.is_match(&pattern) {
            return Err("`pattern` has one group at most, no flags, and `^` and `$` for its ends".to_owned());
        }
        Ok(Self(pattern))
    }
}

/// What is told by an element: which part of it is taken, and what of that. Nothing said: its value, or its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    pub take: Option<Take>,
    pub pattern: Option<Pattern>,
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
    row: Option<String>,
    take: Option<Take>,
    pattern: Option<Pattern>,
    #[serde(rename = "in")]
    place: Option<String>,
}

/// Where a locator looks, and what is taken of what it finds.
type Around = (Option<String>, Taken);

impl RawLocator {
    fn read(self) -> Result<(Locator, Around), &'static str> {
        let Self { css, test_id, label, xpath, role, name, row, take, pattern, place } = self;
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
            row.map(|value| Locator::Row { value }),
            role,
        ]
        .into_iter()
        .flatten();
        match (ways.next(), ways.next()) {
            (Some(only), None) => Ok((only, (place, Taken { take, pattern }))),
            (None, _) => Err("a locator needs one of `css`, `test_id`, `label`, `xpath`, `row`, or `role` with `name`"),
            (Some(_), Some(_)) => Err("a locator is found one way; write several as a list of tables"),
        }
    }
}

/// One or more locators: the first that matches anything decides, so that a map survives a renamed test id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Locators {
    /// The locators, best first.
    pub ways: Vec<Locator>,
    /// What is taken of what they find.
    #[serde(flatten)]
    pub taken: Taken,
    /// Name of the `[place]` that all of them look in; without one, where `[page] in` says.
    #[serde(skip)]
    pub place: Option<String>,
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
                let (way, (place, taken)) = raw.read().map_err(A::Error::custom)?;
                Ok(Locators { ways: vec![way], taken, place })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Locators, A::Error> {
                let mut ways = Vec::new();
                let mut around: Option<Around> = None;
                while let Some(raw) = seq.next_element::<RawLocator>()? {
                    let (way, own) = raw.read().map_err(A::Error::custom)?;
                    ways.push(way);
                    if around.get_or_insert_with(|| own.clone()) != &own {
                        let wrong =
                            "the locators of a list find one thing; give each the same `in`, `take` and `pattern`";
                        return Err(A::Error::custom(wrong));
                    }
                }
                let Some((place, taken)) = around else {
                    return Err(A::Error::custom("the list of locators is empty"));
                };
                Ok(Locators { ways, taken, place })
            }
        }
        deserializer.deserialize_any(LocatorsVisitor)
    }
}

/// A cell of a row, found by CSS in it. Written as the selector alone, or as a table with `css`, `take` and `pattern`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The selector.
    pub css: String,
    /// What is taken of the cell.
    #[serde(flatten)]
    pub taken: Taken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCell {
    css: String,
    take: Option<Take>,
    pattern: Option<Pattern>,
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellVisitor;
        impl<'de> Visitor<'de> for CellVisitor {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a CSS selector such as \".name\", or a table such as { css = \"a\", take = \"@href\" }")
            }

            fn visit_str<E: Error>(self, css: &str) -> Result<Cell, E> {
                Ok(Cell { css: css.to_owned(), taken: Taken::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Cell, A::Error> {
                let RawCell { css, take, pattern } = RawCell::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Cell { css, taken: Taken { take, pattern } })
            }
        }
        deserializer.deserialize_any(CellVisitor)
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
        assert!(read("at = [{ css = '#a', in = 'main' }, { css = '#b' }]").unwrap_err().contains("one thing"));
    }

    #[test]
    fn what_is_taken_of_an_element_is_said_in_one_of_few_ways() {
        let at = read("at = { row = 'Priority', take = '@title', pattern = '^P(\\d)' }").unwrap();
        assert_eq!(at.taken.take, Some(Take("@title".to_owned())));
        for take in ["text", "address", ".value", "@data-x"] {
            read(&format!("at = {{ css = 'a', take = '{take}' }}")).unwrap();
        }
        for take in ["", "html", "lines", ".value()", "@", "window.x"] {
            assert!(
                read(&format!("at = {{ css = 'a', take = '{take}' }}")).unwrap_err().contains("`take` is"),
                "{take}"
            );
        }
        let pattern = |pattern: &str| read(&format!("at = {{ css = 'a', pattern = '{pattern}' }}"));
        for refused in ["(", "(a)(b)", "(?i)a", "a(?i:b)", "(?P<n>a)", r"\Aa", r"a\z", r"\\\\\z"] {
            pattern(refused).unwrap_err();
        }
        for taken in ["(?:a|b)c", r"CHG(\d+)", r"\(\?i\)", "(?:(a)|b)", r"\\\\z"] {
            pattern(taken).unwrap();
        }
    }
}
