//! Kinds of control: how one that is more than a plain element is worked and read, as data of the map. The verbs are closed:
//! there are no loops, no scripts, no coordinates and no waiting for time, and a kind touches nothing but its own parts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::locator::{Pattern, Take};

/// The part that every kind has: the control itself.
pub(crate) const SELF: &str = "self";

/// Where parts of the whole page are looked for: pop-ups are often drawn at the end of `body`.
const PAGE: &str = "page";

/// How a control is worked and read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// CSS selector of the whole control, where what is located is an element inside it, such as the one that the label names.
    #[serde(default)]
    pub root: Option<String>,
    /// Its parts, by name.
    #[serde(default, rename = "part")]
    pub parts: BTreeMap<String, KindPart>,
    /// How a value is entered.
    pub enter: Vec<Step>,
    /// How an entry is taken back, and the control left as it was.
    #[serde(default)]
    pub undo: Vec<Step>,
    /// The part whose text is the value; where there is none, nothing is held. Several are several choices.
    pub read: String,
}

/// A part of a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindPart {
    /// CSS selector; only what is visible counts.
    pub css: String,
    /// Inside of which part; `page` for anywhere.
    #[serde(default = "own")]
    pub from: String,
    /// What of it is its text; without it, what a person reads there.
    #[serde(default)]
    pub take: Option<Take>,
    /// What of that.
    #[serde(default)]
    pub pattern: Option<Pattern>,
}

fn own() -> String {
    SELF.to_owned()
}

/// Keys that a step may press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Key {
    Escape,
    Enter,
    Tab,
    Backspace,
    ArrowDown,
    ArrowUp,
}

impl Key {
    /// WebDriver's code for the key.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Escape => "\u{E00C}",
            Self::Enter => "\u{E007}",
            Self::Tab => "\u{E004}",
            Self::Backspace => "\u{E003}",
            Self::ArrowDown => "\u{E015}",
            Self::ArrowUp => "\u{E013}",
        }
    }
}

/// One step, written as a table with exactly one verb.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawStep")]
pub struct Step {
    pub verb: Verb,
    /// The step is left out unless this part is there.
    pub when: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    Click(String),
    /// Types the value in place of what the part holds.
    Type(String),
    /// Presses a key in a part. Enter only while a part is there, so that it cannot reach a form; Tab only while none is, so
    /// that it cannot choose.
    Press {
        key: Key,
        on: String,
        /// A pop-up that must be there for Enter, and must not be there for Tab.
        popup: Option<String>,
    },
    /// Clicks the one option whose text is the value; of several values, each that is not held yet.
    Choose(String),
    /// Takes these steps for each value that is not held yet: where a list closes with every choice.
    Each(Vec<Step>),
    /// Clicks this part in each part that is read and holds an unwanted value.
    Remove(String),
    /// Waits until a part is there.
    There(String),
    /// Waits until it is gone.
    Gone(String),
    /// Leaves a part.
    Leave(String),
}

impl Verb {
    /// Its name and the part that it is about.
    pub(crate) fn name(&self) -> (&'static str, &str) {
        match self {
            Self::Each(_) => ("each", SELF),
            Self::Click(part) => ("click", part),
            Self::Type(part) => ("type", part),
            Self::Press { on, .. } => ("press", on),
            Self::Choose(part) => ("choose", part),
            Self::Remove(part) => ("remove", part),
            Self::There(part) => ("there", part),
            Self::Gone(part) => ("gone", part),
            Self::Leave(part) => ("leave", part),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    click: Option<String>,
    r#type: Option<String>,
    press: Option<Key>,
    on: Option<String>,
    r#while: Option<String>,
    unless: Option<String>,
    choose: Option<String>,
    each: Option<Vec<RawStep>>,
    remove: Option<String>,
    there: Option<String>,
    gone: Option<String>,
    leave: Option<String>,
    when: Option<String>,
}

impl TryFrom<RawStep> for Step {
    type Error = &'static str;

    fn try_from(raw: RawStep) -> Result<Self, Self::Error> {
        let RawStep { click, r#type, press, on, r#while, unless, choose, each, remove, there, gone, leave, when } = raw;
        let press = match (press, on, r#while, unless) {
            (None, None, None, None) => None,
            (Some(Key::Enter), Some(on), Some(popup), None) => {
                Some(Verb::Press { key: Key::Enter, on, popup: Some(popup) })
            }
            (Some(Key::Tab), Some(on), None, Some(popup)) => {
                Some(Verb::Press { key: Key::Tab, on, popup: Some(popup) })
            }
            (Some(Key::Enter), ..) => {
                return Err("`press = \"Enter\"` needs `on` and `while`, the pop-up that takes it");
            }
            (Some(Key::Tab), ..) => {
                return Err("`press = \"Tab\"` needs `on` and `unless`, the pop-up in which it would choose");
            }
            (Some(key), Some(on), None, None) => Some(Verb::Press { key, on, popup: None }),
            (Some(_), ..) => return Err("`press` needs `on`, and no `while` or `unless` but for Enter and Tab"),
            (None, ..) => return Err("`on`, `while` and `unless` go with `press`"),
        };
        let each =
            each.map(|steps| steps.into_iter().map(Self::try_from).collect::<Result<Vec<_>, _>>()).transpose()?;
        let verbs = [
            click.map(Verb::Click),
            r#type.map(Verb::Type),
            press,
            choose.map(Verb::Choose),
            each.map(Verb::Each),
            remove.map(Verb::Remove),
            there.map(Verb::There),
            gone.map(Verb::Gone),
            leave.map(Verb::Leave),
        ];
        let mut verbs = verbs.into_iter().flatten();
        match (verbs.next(), verbs.next()) {
            (Some(verb), None) => Ok(Self { verb, when }),
            (None, _) => Err(
                "a step needs one of `click`, `type`, `press`, `choose`, `each`, `remove`, `there`, `gone`, `leave`",
            ),
            (Some(_), Some(_)) => Err("a step does one thing; write several as a list of tables"),
        }
    }
}

impl Step {
    /// The parts that it names.
    fn names<'a>(&'a self, into: &mut Vec<&'a str>) {
        into.extend(self.when.as_deref());
        into.push(self.verb.name().1);
        match &self.verb {
            Verb::Press { popup, .. } => into.extend(popup.as_deref()),
            Verb::Each(steps) => steps.iter().for_each(|step| step.names(into)),
            Verb::Click(_)
            | Verb::Type(_)
            | Verb::Choose(_)
            | Verb::Remove(_)
            | Verb::There(_)
            | Verb::Gone(_)
            | Verb::Leave(_) => {}
        }
    }
}

impl Kind {
    /// What is wrong with it: a part that it does not have, or parts that are inside of each other.
    pub(crate) fn fault(&self) -> Option<String> {
        let has = |name: &str| name == SELF || self.parts.contains_key(name);
        let mut named = vec![self.read.as_str()];
        self.enter.iter().chain(&self.undo).for_each(|step| step.names(&mut named));
        if let Some(unknown) = named.into_iter().find(|name| !has(name)) {
            return Some(format!("it has no part `{unknown}`"));
        }
        for (name, part) in &self.parts {
            if name == SELF || name == PAGE {
                return Some(format!("`{name}` is no name for a part"));
            }
            let mut at = part;
            for _ in 0..=self.parts.len() {
                match self.parts.get(&at.from) {
                    Some(outer) => at = outer,
                    None if at.from == SELF || at.from == PAGE => break,
                    None => return Some(format!("part `{name}`: it has no part `{}`", at.from)),
                }
            }
            if self.parts.contains_key(&at.from) {
                return Some(format!("part `{name}` is inside of itself"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Result<Kind, String> {
        let kind: Kind = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        kind.fault().map_or(Ok(kind), Err)
    }

    #[test]
    fn a_kind_names_its_own_parts_alone_and_none_inside_itself() {
        let fine = "part.a = { css = '.a' }\npart.b = { css = '.b', from = 'a' }\nread = 'b'\nenter = [{ click = 'self' }, { choose = 'b' }]";
        kind(fine).unwrap();
        for (from, to, wrong) in [
            ("read = 'b'", "read = 'c'", "no part `c`"),
            ("choose = 'b'", "choose = 'd'", "no part `d`"),
            ("from = 'a'", "from = 'z'", "no part `z`"),
            ("from = 'a'", "from = 'b'", "inside of itself"),
            ("from = 'a'", "from = 'a', take = 'x'", "`take` is"),
            ("{ choose = 'b' }", "{ choose = 'b', click = 'a' }", "one thing"),
            ("{ choose = 'b' }", "{ press = 'Enter', on = 'a' }", "`while`"),
            ("{ choose = 'b' }", "{ press = 'Tab', on = 'a' }", "`unless`"),
            ("{ choose = 'b' }", "{ press = 'F5', on = 'a' }", "unknown variant"),
            ("{ choose = 'b' }", "{ while = 'a' }", "go with `press`"),
            ("{ choose = 'b' }", "{ each = [{ choose = 'd' }] }", "no part `d`"),
        ] {
            let error = kind(&fine.replace(from, to)).unwrap_err();
            assert!(error.contains(wrong), "{to}: {error}");
        }
    }
}
