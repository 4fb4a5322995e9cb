//! Names of tables and columns, and which part of a record comes from which column.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::parsed::parsed;

/// Why a text names no table or column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No table.
    #[error("a table's name has lower-case letters, digits and '_'")]
    Table,
    /// No column.
    #[error("a column's name has lower-case letters, digits and '_', with '.' where it walks to another table")]
    Column,
}

fn plain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.len() <= 80 && text.bytes().all(allowed)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $error:expr, $good:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a name.
            ///
            /// # Errors
            ///
            /// [`NameError`].
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let good: fn(&str) -> bool = $good;
                if good(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A name known to be one.
            pub(super) fn known(text: &'static str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                parsed(deserializer, Self::parse)
            }
        }
    };
}

name!(Table, NameError::Table, plain);
name!(
    /// A column, `requested_by.user_name` where it walks to another table.
    Column,
    NameError::Column,
    |text| text.split('.').all(plain)
);

/// Where a decision names the packet that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketPlace {
    Column(Column),
    /// On lines of the comments; written as the word `comments`. Dangerous: whoever may comment on a row that was approved for one
    /// packet can write another packet's digest there, and the approval counts for that one. Signatures alone show it.
    Comments,
}

impl<'de> Deserialize<'de> for PacketPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let column = Column::deserialize(deserializer)?;
        Ok(if column.as_str() == "comments" { Self::Comments } else { Self::Column(column) })
    }
}

impl PacketPlace {
    /// The column, unless it is the comments.
    pub(super) fn column(&self) -> Option<&Column> {
        match self {
            Self::Column(column) => Some(column),
            Self::Comments => None,
        }
    }
}

/// Which of a cell's two texts is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// What the database holds.
    #[default]
    Value,
    /// What a person sees.
    DisplayValue,
}

/// What a further answer becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of texts, cut at a separator.
    List(String),
}

/// Where a part of the record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From a column.
    Column {
        /// Which.
        column: Column,
        /// Which of its texts.
        take: Take,
        /// Their wording, and ours; a wording that is not listed is an error. Empty: as it is.
        values: BTreeMap<String, String>,
    },
    /// Always this text.
    Constant(String),
}

/// A text of the record: the name of a column, or a table with `column`, `take` and `values`, or with `constant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part(pub Origin);

/// A further answer: the same, with `as` and `separator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailPart {
    /// Where it comes from.
    pub origin: Origin,
    /// What it becomes.
    pub shape: Shape,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum As {
    #[default]
    Text,
    Number,
    Flag,
    List,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPart {
    column: Option<Column>,
    take: Option<Take>,
    values: Option<BTreeMap<String, String>>,
    constant: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDetail {
    column: Option<Column>,
    take: Option<Take>,
    values: Option<BTreeMap<String, String>>,
    constant: Option<String>,
    #[serde(rename = "as", default)]
    shape: As,
    separator: Option<String>,
}

fn origin(raw: RawPart) -> Result<Origin, &'static str> {
    match (raw.column, raw.constant) {
        (Some(column), None) => {
            Ok(Origin::Column { column, take: raw.take.unwrap_or_default(), values: raw.values.unwrap_or_default() })
        }
        (None, Some(_)) if raw.take.is_some() || raw.values.is_some() => {
            Err("`take` and `values` go with `column`, not with `constant`")
        }
        (None, Some(constant)) => Ok(Origin::Constant(constant)),
        (Some(_), Some(_)) | (None, None) => Err("needs exactly one of `column` and `constant`"),
    }
}

struct Reading<T>(std::marker::PhantomData<T>);

/// What stands for a part: a column's name, or a table.
trait FromEither: Sized {
    type Raw: for<'de> Deserialize<'de>;
    fn of_column(column: Column) -> Self;
    fn of_table(raw: Self::Raw) -> Result<Self, &'static str>;
}

impl FromEither for Part {
    type Raw = RawPart;

    fn of_column(column: Column) -> Self {
        Self(Origin::Column { column, take: Take::Value, values: BTreeMap::new() })
    }

    fn of_table(raw: RawPart) -> Result<Self, &'static str> {
        origin(raw).map(Self)
    }
}

impl FromEither for DetailPart {
    type Raw = RawDetail;

    fn of_column(column: Column) -> Self {
        Self { origin: Part::of_column(column).0, shape: Shape::Text }
    }

    fn of_table(raw: RawDetail) -> Result<Self, &'static str> {
        let RawDetail { column, take, values, constant, shape, separator } = raw;
        let shape = match (shape, separator) {
            (As::List, Some(separator)) if !separator.is_empty() => Shape::List(separator),
            (As::List, Some(_)) => return Err("`separator` is empty"),
            (As::List, None) => Shape::List(",".to_owned()),
            (As::Text | As::Number | As::Flag, Some(_)) => return Err("`separator` goes with as = \"list\""),
            (As::Text, None) => Shape::Text,
            (As::Number, None) => Shape::Number,
            (As::Flag, None) => Shape::Flag,
        };
        Ok(Self { origin: origin(RawPart { column, take, values, constant })?, shape })
    }
}

impl<'de, T: FromEither> Visitor<'de> for Reading<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column, or a table with `column` or `constant`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        Column::parse(text).map(T::of_column).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::of_table(T::Raw::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for DetailPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading(std::marker::PhantomData))
    }
}

impl Origin {
    /// The column that has to be asked for.
    pub(super) fn column(&self) -> Option<&Column> {
        match self {
            Self::Column { column, .. } => Some(column),
            Self::Constant(_) => None,
        }
    }
}

impl Part {
    /// A column whose name is known to be one, by its value.
    pub(super) fn known(column: &'static str) -> Self {
        Self::of_column(Column::known(column))
    }
}
