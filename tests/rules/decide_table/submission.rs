//! What the portal lists, what a commit request holds, and what proves a submission.

use std::collections::BTreeSet;

use crate::decide_table::{NOW, at, only};
use portal_agent::decide::reconcile::draft_may_be_saved;
use portal_agent::decide::rules::commit::commit_payload_differs;
use portal_agent::decide::rules::confirmation::{AfterRelease, Proof, Said, agreed, proof};
use portal_agent::decide::rules::resumption::{Course, course};
use portal_agent::decide::verdict::HaltCode;
use portal_agent::model::digest::Digest;
use portal_agent::model::form::{ParameterContent, PlannedParameter, RecordPath};
use portal_agent::model::ids::{ChangeId, DraftReference};
use portal_agent::model::portal_facts::{CommitContent, Created, ListedException, ListedState, LookedUp};
use portal_agent::model::private::Private;
use portal_agent::model::residue::PortalResidue;
use regex::Regex;

fn row(number: &str, change: &str, state: ListedState) -> ListedException {
    ListedException {
        number: number.into(),
        change_id: change.into(),
        state,
        created: Created::At(at(NOW)),
        other_service: false,
        recognised: true,
    }
}

#[test]
fn existing_exception_for_anything_open_but_this_very_submission() {
    let change = ChangeId::parse("CHG1").unwrap();
    let judge = |rows: &[ListedException]| course(&change, &PortalResidue::Nothing, rows);
    assert_eq!(judge(&[]), Course::Afresh);
    assert_eq!(judge(&[row("F1", "CHG1", ListedState::Closed)]), Course::Afresh);
    let submitted = row("F1", "CHG1", ListedState::Submitted);
    assert_eq!(judge(std::slice::from_ref(&submitted)), Course::PerhapsAlreadySubmitted(submitted.clone()));
    for rows in [
        vec![row("D1", "CHG1", ListedState::Draft)],
        vec![row("F1", "CHG2", ListedState::Submitted)],
        vec![row("F1", "CHG1", ListedState::Unknown)],
        vec![submitted.clone(), row("F2", "CHG1", ListedState::Submitted)],
        vec![submitted, row("D2", "CHG2", ListedState::Draft)],
    ] {
        let Course::Obstructed(reasons) = judge(&rows) else { panic!("{rows:?} was accepted") };
        let codes: Vec<HaltCode> = reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, vec![HaltCode::ExistingException; rows.len()]);
    }
}

#[test]
fn an_exception_of_another_service_is_no_obstacle_unless_it_carries_this_change() {
    let change = ChangeId::parse("CHG1").unwrap();
    let other = |change, state| ListedException { other_service: true, ..row("F1", change, state) };
    let judge = |row: ListedException| course(&change, &PortalResidue::Nothing, &[row]);
    for state in [ListedState::Draft, ListedState::Submitted, ListedState::Unknown] {
        assert_eq!(judge(other("CHG2", state)), Course::Afresh);
    }
    assert!(matches!(judge(other("CHG1", ListedState::Draft)), Course::Obstructed(_)));
    assert!(matches!(judge(other("CHG1", ListedState::Submitted)), Course::PerhapsAlreadySubmitted(_)));
}

#[test]
fn a_draft_of_an_earlier_run_is_gone_on_from_and_nothing_else_is() {
    let change = ChangeId::parse("CHG1").unwrap();
    let draft = |text: &str| DraftReference::parse(text).unwrap();
    let known = PortalResidue::Draft { draft: draft("D1") };
    let perhaps = PortalResidue::PerhapsADraft { since: at(NOW) };
    let own = row("D1", "CHG1", ListedState::Draft);
    for left in [&known, &perhaps] {
        assert_eq!(course(&change, left, std::slice::from_ref(&own)), Course::From(draft("D1")));
        let two = [own.clone(), row("D2", "CHG1", ListedState::Draft)];
        assert!(matches!(course(&change, left, &two), Course::Obstructed(_)));
        let submitted = row("F1", "CHG1", ListedState::Submitted);
        let found = course(&change, left, std::slice::from_ref(&submitted));
        assert_eq!(found, Course::PerhapsAlreadySubmitted(submitted));
    }
    // A known draft may lack the change as yet; a draft that is only supposed must be of this change.
    assert_eq!(course(&change, &known, &[row("D1", "", ListedState::Draft)]), Course::From(draft("D1")));
    assert!(matches!(course(&change, &perhaps, &[row("D1", "", ListedState::Draft)]), Course::Obstructed(_)));
    assert!(matches!(course(&change, &known, &[row("D7", "CHG1", ListedState::Draft)]), Course::Obstructed(_)));
    // A known draft that is gone is for a person; one that never was is entered anew.
    assert!(matches!(course(&change, &known, &[]), Course::Gone(_)));
    assert_eq!(course(&change, &perhaps, &[]), Course::Afresh);
}

#[test]
fn a_word_on_a_doubtful_run_counts_only_where_the_portal_agrees() {
    let change = ChangeId::parse("CHG1").unwrap();
    let draft = DraftReference::parse("D1").unwrap();
    let judge = |said: &Said, rows: &[ListedException]| {
        agreed(said, &change, &draft, &LookedUp { rows: rows.to_vec() }).map_err(|reasons| reasons.first().code)
    };
    let submitted = row("F1", "CHG1", ListedState::Submitted);
    let other = row("F2", "CHG1", ListedState::Submitted);
    let (yes, no) = (Said::Submitted("F1".into()), Said::NotSubmitted);
    assert_eq!(judge(&yes, std::slice::from_ref(&submitted)), Ok(PortalResidue::Submission { number: "F1".into() }));
    assert_eq!(judge(&yes, &[]), Err(HaltCode::ConfirmationMissing));
    assert_eq!(judge(&yes, std::slice::from_ref(&other)), Err(HaltCode::ConfirmationForeign));
    assert_eq!(judge(&yes, &[submitted.clone(), other]), Err(HaltCode::DuplicateInPortal));
    assert_eq!(judge(&no, &[]), Ok(PortalResidue::Nothing));
    assert_eq!(judge(&no, &[row("D1", "CHG1", ListedState::Draft)]), Ok(PortalResidue::Draft { draft: draft.clone() }));
    assert_eq!(judge(&no, &[submitted]), Err(HaltCode::ExistingException));
    assert_eq!(judge(&no, &[row("F1", "CHG1", ListedState::Unknown)]), Err(HaltCode::ExistingException));
}

#[test]
fn commit_payload_differs_for_anything_but_exactly_the_declared_parameters() {
    let value = |value: &str| ParameterContent::Value {
        path: RecordPath::ServiceId,
        carried: Private::new(vec![value.into()]),
    };
    let declared = |name: &str, content| PlannedParameter { name: name.into(), content };
    let planned = [
        declared("draft", ParameterContent::DraftReference),
        declared("csrf", ParameterContent::Volatile),
        declared("service", value("checkout-api")),
    ];
    let draft = DraftReference::parse("D1").unwrap();
    let held = |parameters: &[(&str, &str)]| {
        let parameters = parameters.iter().map(|(name, text)| ((*name).to_owned(), Private::new((*text).to_owned())));
        let content = CommitContent { parameters: parameters.collect(), digest: Digest::of(b"x") };
        commit_payload_differs(&planned, &draft, &content)
            .into_iter()
            .map(|reason| reason.code)
            .collect::<BTreeSet<_>>()
    };
    let good = [("draft", "D1"), ("csrf", "anything"), ("service", "checkout-api")];
    let differs = only(HaltCode::CommitPayloadDiffers);
    assert_eq!(held(&good), BTreeSet::new());
    assert_eq!(held(&[good[2], good[0], good[1]]), BTreeSet::new(), "order means nothing");
    assert_eq!(held(&[("draft", "D2"), good[1], good[2]]), differs);
    assert_eq!(held(&[good[0], good[1], ("service", "search-api")]), differs);
    assert_eq!(held(&[good[0], good[1]]), differs);
    assert_eq!(held(&[good[0], good[1], good[2], good[2]]), differs);
    assert_eq!(held(&[good[0], good[1], good[2], good[1]]), differs, "a doubled token is not one token");
    assert_eq!(held(&[good[0], good[1], good[2], ("all_services", "true")]), differs);
}

#[test]
fn confirmation_needs_exactly_one_new_exception_with_one_number_of_the_declared_form() {
    let change = ChangeId::parse("CHG1").unwrap();
    let form = Regex::new("^(?:FEX-[0-9]{4})$").unwrap();
    let judge = |rows: Vec<ListedException>, number: Option<&str>, released: &str| {
        let looked_up = LookedUp { rows };
        let facts = AfterRelease {
            change: &change,
            number_form: &form,
            number_on_page: number,
            looked_up: &looked_up,
            released_at: at(released),
            clock_tolerance_s: 60,
        };
        match proof(&facts) {
            Proof::One(row) => Ok(row.number),
            Proof::None(reasons) => Err(reasons.first().code),
        }
    };
    let one = || vec![row("FEX-0001", "CHG1", ListedState::Submitted), row("FEX-0002", "CHG2", ListedState::Submitted)];
    assert_eq!(judge(one(), Some("FEX-0001"), NOW), Ok("FEX-0001".into()));
    assert_eq!(judge(one(), None, NOW), Ok("FEX-0001".into()), "a look-up proves it without the page");
    assert_eq!(judge(vec![row("D1", "CHG1", ListedState::Draft)], None, NOW), Err(HaltCode::ConfirmationMissing));
    assert_eq!(judge(vec![], Some("FEX-0001"), NOW), Err(HaltCode::ConfirmationMissing), "a page alone proves nothing");
    let twice = vec![row("FEX-0001", "CHG1", ListedState::Submitted), row("FEX-0003", "CHG1", ListedState::Submitted)];
    assert_eq!(judge(twice, Some("FEX-0001"), NOW), Err(HaltCode::DuplicateInPortal));
    assert_eq!(judge(one(), Some("FEX-0002"), NOW), Err(HaltCode::ConfirmationForeign));
    assert_eq!(judge(one(), Some("pending"), NOW), Err(HaltCode::ConfirmationMalformed));
    assert_eq!(judge(one(), Some("FEX-0001x"), NOW), Err(HaltCode::ConfirmationMalformed));
    let odd = vec![row("PENDING", "CHG1", ListedState::Submitted)];
    assert_eq!(judge(odd, None, NOW), Err(HaltCode::ConfirmationMalformed));
    // Created a minute before the release is within the clocks' tolerance, a second more is an older exception.
    assert_eq!(judge(one(), None, "2026-11-21T12:01:00Z"), Ok("FEX-0001".into()));
    assert_eq!(judge(one(), None, "2026-11-21T12:01:01Z"), Err(HaltCode::ConfirmationForeign));
}

#[test]
fn a_draft_is_saved_on_every_halt_but_those_where_saving_would_be_wrong() {
    let wrong = [HaltCode::ScopeBroadening, HaltCode::ExistingException, HaltCode::SessionLost];
    for code in HaltCode::ALL {
        assert_eq!(draft_may_be_saved([*code]), !wrong.contains(code), "{code}");
    }
    assert!(!draft_may_be_saved([HaltCode::ValueNotHeld, HaltCode::ScopeBroadening]));
}
