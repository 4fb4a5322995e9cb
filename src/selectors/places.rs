//! Places: the frames of a page in which locators look.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::locator::Locators;
use super::schema::{MapFile, MapSchema};

/// Name of the page itself, in which no frame has to be found.
const TOP: &str = "top";

/// Most frames inside one another.
const DEEPEST: usize = 5;

/// A mistake in a map's places: where, what, and what to do.
pub(super) struct Mistake {
    pub span: Range<usize>,
    pub field: String,
    pub message: String,
    pub help: &'static str,
}

impl Locators {
    /// The place in which these look, where `usual` is that of those that name none. The page itself is none.
    pub(crate) fn place_or<'a>(&'a self, usual: Option<&'a str>) -> Option<&'a str> {
        self.place.as_deref().or(usual).filter(|name| *name != TOP)
    }
}

impl MapFile {
    /// Every place: its name, how its frame is found, and in which place that is. A frame comes after the one that it is in.
    pub(crate) fn frames(&self) -> Vec<(&str, &Locators, Option<&str>)> {
        let all = self.places.iter().map(|(name, place)| {
            (name.get_ref().as_str(), &place.frame, place.frame.place.as_deref().filter(|outer| *outer != TOP))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(name, ..)| self.depth(name));
        all
    }

    /// How many frames a place is in. One that is inside itself is deeper than any other.
    fn depth(&self, name: &str) -> usize {
        let mut at = name;
        for depth in 0..=DEEPEST {
            let place = self.places.iter().find(|(known, _)| known.get_ref() == at);
            match place.and_then(|(_, place)| place.frame.place.as_deref()).filter(|outer| *outer != TOP) {
                Some(outer) => at = outer,
                None => return depth,
            }
        }
        DEEPEST + 1
    }
}

/// Looks for places that do not exist, or lie inside themselves.
pub(super) fn check(file: &MapFile, text: &str) -> Result<(), Mistake> {
    for name in file.places.keys() {
        let mistake = |message: &str, help| Mistake {
            span: name.span(),
            field: format!("place.{}", name.get_ref()),
            message: message.to_owned(),
            help,
        };
        if file.schema == MapSchema::V1 {
            let help = "write schema = \"portal-agent/map/2\"; all else stays";
            return Err(mistake("places are of the second version of the format", help));
        }
        if name.get_ref() == TOP {
            return Err(mistake("`top` is the page itself", "give the place another name"));
        }
        if file.depth(name.get_ref()) > DEEPEST {
            return Err(mistake(
                "this place is inside itself, or too deep",
                "name the frame around it in `frame`, with `in`",
            ));
        }
    }
    let Ok(table) = DeTable::parse(text) else { return Ok(()) };
    let mut named = Vec::new();
    names_in(table.get_ref(), &mut named);
    let known = |name: &str| name == TOP || file.places.keys().any(|place| place.get_ref() == name);
    match named.into_iter().find(|name| !known(name.get_ref())) {
        None => Ok(()),
        Some(name) => Err(Mistake {
            span: name.span(),
            field: "in".to_owned(),
            message: format!("there is no place {:?}", name.get_ref()),
            help: "write [place.NAME] with `frame`, as selectors/README.md shows, or `in = \"top\"` for the page itself",
        }),
    }
}

/// Every place that is named with `in`, by a locator or for the whole map.
fn names_in(table: &DeTable<'_>, named: &mut Vec<Spanned<String>>) {
    const WAYS: [&str; 7] = ["css", "test_id", "label", "xpath", "role", "row", "signed_in"];
    let looks = WAYS.iter().any(|way| table.contains_key(*way));
    for (key, value) in table {
        if let (true, "in", DeValue::String(name)) = (looks, key.get_ref().as_ref(), value.get_ref()) {
            named.push(Spanned::new(value.span(), name.clone().into_owned()));
        }
        names_below(value.get_ref(), named);
    }
}

fn names_below(value: &DeValue<'_>, named: &mut Vec<Spanned<String>>) {
    if let DeValue::Table(table) = value {
        names_in(table, named);
    } else if let DeValue::Array(values) = value {
        values.iter().for_each(|value| names_below(value.get_ref(), named));
    }
}

#[cfg(test)]
mod tests {
    use crate::selectors::read::read;

    const MAP: &str = include_str!("../../selectors/reference.toml");

    fn with(places: &str, page: &str) -> Result<(), String> {
        let text = MAP.replacen("map/1", "map/2", 1).replacen("[page]\n", &format!("{places}\n[page]\n{page}\n"), 1);
        read("map.toml".as_ref(), &text).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_place_is_declared_and_outside_itself() {
        let main = "[place.main]\nframe = { css = 'iframe' }";
        with(main, "in = 'main'").unwrap();
        with(&format!("{main}\n[place.inner]\nframe = {{ css = 'iframe', in = 'main' }}"), "in = 'inner'").unwrap();
        assert!(with(main, "in = 'mian'").unwrap_err().contains("there is no place \"mian\""));
        assert!(with("[place.a]\nframe = { css = 'iframe', in = 'a' }", "").unwrap_err().contains("inside itself"));
        assert!(with("[place.top]\nframe = { css = 'iframe' }", "").unwrap_err().contains("the page itself"));
    }

    #[test]
    fn an_unknown_place_is_refused_whichever_way_the_locator_looks() {
        for way in ["css = 'i'", "test_id = 'i'", "label = 'i'", "xpath = '//i'", "row = 'i'", "role = 'i', name = 'i'"]
        {
            let places = format!("[place.inner]\nframe = {{ {way}, in = 'mian' }}");
            assert!(with(&places, "").unwrap_err().contains("there is no place \"mian\""), "{way}");
        }
    }

    #[test]
    fn a_place_needs_the_second_version_of_the_format() {
        let text = MAP.replacen("[page]\n", "[place.main]\nframe = { css = 'iframe' }\n[page]\n", 1);
        let error = read("map.toml".as_ref(), &text).unwrap_err().to_string();
        assert!(error.contains("second version"), "{error}");
    }

    #[test]
    fn frames_come_after_those_that_they_are_in() {
        let places = "[place.a]\nframe = { css = 'iframe', in = 'b' }\n[place.b]\nframe = { css = 'iframe', in = 'c' }\n\
                      [place.c]\nframe = { css = 'iframe' }\n";
        let text = MAP.replacen("map/1", "map/2", 1).replacen("[page]\n", &format!("{places}[page]\n"), 1);
        let map = read("map.toml".as_ref(), &text).unwrap();
        let names: Vec<&str> = map.file.frames().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }
}
