//! What counts as proof that the released commit became exactly one exception.

use regex::Regex;

use crate::decide::rules::exceptions::existing_exception;
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage};
use crate::model::ids::{ChangeId, DraftReference};
use crate::model::portal_facts::{Created, ListedException, ListedState, LookedUp};
use crate::model::private::{Exposure, Fact};
use crate::model::residue::PortalResidue;
use crate::model::time::Instant;

/// What is known after the release.
#[derive(Debug, Clone)]
pub struct AfterRelease<'a> {
    pub change: &'a ChangeId,
    /// Form of a confirmation number, anchored at both ends.
    pub number_form: &'a Regex,
    /// Number on the page that the portal answered with, where it gave one.
    pub number_on_page: Option<&'a str>,
    /// The independent look-up.
    pub looked_up: &'a LookedUp,
    /// When the request was released, by the portal's own clock where that is known.
    pub released_at: Instant,
    /// How far the portal's clock may lie behind ours, in seconds.
    pub clock_tolerance_s: i64,
}

/// Whether the commit is proven, as far as numbers and rows can prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Exactly one new submitted exception of this change; its page must still equal the record.
    One(ListedException),
    /// Not proven.
    None(NonEmpty<HaltReason>),
}

fn reason(code: HaltCode, expected: impl ToString, observed: Fact) -> HaltReason {
    HaltReason {
        code,
        stage: Stage::Confirm,
        subject: "confirmation".to_owned(),
        expected: Fact::public(expected),
        observed,
        source: FactSource::Portal,
    }
}

/// `confirmation-missing`, `duplicate-in-portal`, `confirmation-malformed`, `confirmation-foreign`.
pub fn proof(facts: &AfterRelease<'_>) -> Proof {
    let rows: Vec<&ListedException> =
        facts.looked_up.submitted().filter(|row| row.change_id == facts.change.as_str()).collect();
    let doubt = |reason: HaltReason| Proof::None(NonEmpty::one(reason));
    let row = match rows.as_slice() {
        [] => {
            let expected = format!("one submitted exception for {}", facts.change);
            return doubt(reason(HaltCode::ConfirmationMissing, expected, Fact::public("none")));
        }
        [row] => *row,
        several => {
            let numbers: Vec<&str> = several.iter().map(|row| row.number.as_str()).collect();
            let expected = format!("one submitted exception for {}", facts.change);
            let shown = several.iter().all(|row| row.recognised);
            let exposure = if shown { Exposure::Public } else { Exposure::Hidden };
            return doubt(reason(HaltCode::DuplicateInPortal, expected, Fact::new(numbers.join(", "), exposure)));
        }
    };
    let form = format!("a number of the form {}", facts.number_form);
    for number in [Some(row.number.as_str()), facts.number_on_page].into_iter().flatten() {
        if !facts.number_form.is_match(number) {
            // Not of the declared form, so it may be anything: not shown.
            return doubt(reason(HaltCode::ConfirmationMalformed, form, Fact::new(number, Exposure::Hidden)));
        }
    }
    if let Some(number) = facts.number_on_page
        && number != row.number
    {
        let expected = format!("{}, which the look-up lists", row.number);
        return doubt(reason(HaltCode::ConfirmationForeign, expected, Fact::public(number)));
    }
    let expected = format!("created since {}", facts.released_at.whole_seconds());
    match row.created {
        Created::At(created) if facts.released_at.seconds_since(created) > facts.clock_tolerance_s => {
            let observed = row.fact(format!("{}, created {created}", row.number));
            return doubt(reason(HaltCode::ConfirmationForeign, expected, observed));
        }
        Created::Unreadable => {
            let observed = row.fact(format!("{}, created at a time that cannot be read", row.number));
            return doubt(reason(HaltCode::ConfirmationForeign, expected, observed));
        }
        Created::At(_) | Created::NotListed => {}
    }
    Proof::One(row.clone())
}

/// How a person says that an in-doubt run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Submitted, under this number.
    Submitted(String),
    NotSubmitted,
}

/// Whether a fresh look-up agrees with what a person says, and what stands at the portal then.
///
/// # Errors
///
/// `confirmation-missing`, `duplicate-in-portal` or `confirmation-foreign` when an exception was said to be submitted,
/// `existing-exception` when none was.
pub fn agreed(
    said: &Said,
    change: &ChangeId,
    draft: &DraftReference,
    looked_up: &LookedUp,
) -> Result<PortalResidue, NonEmpty<HaltReason>> {
    let of_change = |row: &&ListedException| row.change_id == change.as_str();
    let submitted: Vec<&ListedException> = looked_up.submitted().filter(of_change).collect();
    let refuse = |reason: HaltReason| Err(NonEmpty::one(reason));
    match (said, submitted.as_slice()) {
        (Said::Submitted(number), [row]) if &row.number == number => {
            Ok(PortalResidue::Submission { number: number.clone() })
        }
        (Said::Submitted(number), [row]) => {
            let expected = format!("{number}, as was said");
            refuse(reason(HaltCode::ConfirmationForeign, expected, row.fact(row.number.clone())))
        }
        (Said::Submitted(number), []) => {
            let expected = format!("{number}, submitted for {change}");
            refuse(reason(HaltCode::ConfirmationMissing, expected, Fact::public("none")))
        }
        (Said::Submitted(number), several) => {
            let expected = format!("{number}, and no other for {change}");
            refuse(reason(HaltCode::DuplicateInPortal, expected, Fact::public(format!("{} of them", several.len()))))
        }
        (Said::NotSubmitted, []) => {
            let unknown = looked_up.rows.iter().filter(of_change).find(|row| row.state == ListedState::Unknown);
            if let Some(row) = unknown {
                return refuse(existing_exception(row));
            }
            Ok(looked_up.draft(draft).map_or(PortalResidue::Nothing, |_| PortalResidue::Draft { draft: draft.clone() }))
        }
        (Said::NotSubmitted, [row, ..]) => refuse(existing_exception(row)),
    }
}
