//! Accounts that differ in case alone are one person: instances compare them so, and show them as whoever made them wrote them.

use crate::model::ids::PersonId;

/// Whether two accounts are one person's.
pub(super) fn one_person(one: &PersonId, another: &PersonId) -> bool {
    one.as_str().eq_ignore_ascii_case(another.as_str())
}

/// `person` as `known` spells them, or as they are where it does not know them: the rules compare with that spelling.
pub(super) fn spelt_as<'a>(person: PersonId, mut known: impl Iterator<Item = &'a PersonId>) -> PersonId {
    known.find(|known| one_person(known, &person)).cloned().unwrap_or(person)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_spelt_as_they_are_known_and_a_stranger_as_they_are() {
        let known = ["li.novak", "maria.chen"].map(|name| PersonId::parse(name).unwrap());
        let spelt = |name: &str| spelt_as(PersonId::parse(name).unwrap(), known.iter()).as_str().to_owned();
        assert_eq!(spelt("Maria.CHEN"), "maria.chen");
        assert_eq!(spelt("Maria-Chen"), "Maria-Chen");
    }
}
