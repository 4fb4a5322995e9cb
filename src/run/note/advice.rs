//! What a person has to do about a halt, and what must not be done: each step possible, and none against another.

use super::situation::Situation;
use crate::decide::advice::{Barred, advice, barred};
use crate::decide::verdict::HaltCode;
use crate::model::ids::RunId;

/// What advice depends on.
pub(super) struct Asked<'a> {
    pub situation: Situation,
    /// Why the run halted.
    pub codes: &'a [HaltCode],
    /// The run to go on from.
    pub holder: &'a RunId,
    /// Where the change record was read.
    pub record: &'a str,
    /// Whether the run was to stop at a draft.
    pub draft_only: bool,
    /// Address of the portal's list of exceptions.
    pub list: Option<String>,
    /// Address of the draft.
    pub open: Option<String>,
}

impl Asked<'_> {
    /// What the reasons bar, all of them together.
    fn barred(&self) -> Barred {
        self.codes.iter().map(|code| barred(*code)).max().unwrap_or(Barred::Agent)
    }

    fn list(&self) -> String {
        let address = self.list.as_ref().map_or(String::new(), |url| format!(" <{url}>"));
        format!("the portal's list of exceptions{address}")
    }

    /// One step for each thing to find out or to mend.
    fn mend(&self) -> Vec<String> {
        let mut steps: Vec<String> = Vec::new();
        for code in self.codes {
            let step = format!("{} (`{code}`)", advice(*code));
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        steps
    }
}

/// What to do, in this order.
pub(super) fn steps(asked: &Asked<'_>) -> Vec<String> {
    let holder = asked.holder;
    let by_hand = |what: &str| match asked.barred() {
        Barred::Agent => Some(format!("Or {what} by hand, exactly as the record says.")),
        Barred::Undecided => {
            Some(format!("Or, where you decide that it does not matter, {what} by hand, exactly as the record says."))
        }
        Barred::Exception => None,
    };
    let mut steps = Vec::new();
    match asked.situation {
        Situation::InDoubt => {
            steps.push(format!(
                "Look at {} with your own account. Is a submitted exception of this change there, and is it the only one?",
                asked.list()
            ));
            steps.push(format!(
                "If there is exactly one: `portal-agent resolve {holder} --by WHO --reason TEXT --submitted NUMBER`."
            ));
            steps.push(format!(
                "If there is none: `portal-agent resolve {holder} --by WHO --reason TEXT --not-submitted`. The agent asks \
                 the portal once more, and waits first until nothing can arrive any more."
            ));
            steps.push("If there are several: have all but one withdrawn first.".to_owned());
        }
        Situation::Draft | Situation::PerhapsADraft => {
            steps.push(match &asked.open {
                Some(open) => format!(
                    "Open the draft with your own account: <{open}>, or `portal-agent takeover {holder} --open`."
                ),
                None => format!("Look at {} with your own account: a draft of this change may be there.", asked.list()),
            });
            steps.extend(asked.mend());
            let end = if asked.draft_only { "and stops at the draft" } else { "and commits" };
            steps.push(format!(
                "Once that is done, let the agent go on with the command below. It passes every gate again, finds the draft and compares it \
                 with the record, enters what is missing, {end}."
            ));
            steps.extend(
                by_hand("finish the draft and submit it")
                    .map(|step| format!("{step} Then give the same command: it finds that out and ends the run.")),
            );
            steps.push(
                "If the exception is not wanted any more, discard the draft in the portal and give the same command: it ends the run."
                    .to_owned(),
            );
        }
        Situation::Nothing => {
            steps.extend(asked.mend());
            steps.push("Once that is done, start again with the command below.".to_owned());
            steps.extend(by_hand("enter the exception"));
        }
        Situation::AnotherRun => {
            steps.push("List what waits, with the command below, and go on from there.".to_owned());
            steps.extend(asked.mend());
        }
    }
    steps
}

/// What must not be done.
pub(super) fn must_not(asked: &Asked<'_>) -> Vec<String> {
    let barred = asked.barred();
    match asked.situation {
        Situation::InDoubt => vec![
            "Do not submit again, by hand or otherwise. The request was released once and may have been stored.".to_owned(),
            "A second submission would page the on-call again, write the compliance log twice and reserve the deployment \
             window twice."
                .to_owned(),
        ],
        Situation::Draft | Situation::PerhapsADraft => {
            let draft = match barred {
                Barred::Exception => {
                    "Do not submit the draft as it is, nor the exception in any other way: what stands under \"Why\" has to be put right first."
                }
                Barred::Undecided => "Do not submit the draft before you have decided about what stands under \"Why\".",
                Barred::Agent => "Do not submit the draft before you have compared it with the record, field by field.",
            };
            vec![
                draft.to_owned(),
                "Do not begin a second draft: not by hand, and not with `portal-agent submit`, which refuses it.".to_owned(),
            ]
        }
        Situation::Nothing => vec![
            match barred {
                Barred::Exception => {
                    "Do not enter the exception by hand instead: what stands under \"Why\" bars it, whoever enters it."
                }
                Barred::Undecided => {
                    "Do not enter the exception by hand before you have decided about what stands under \"Why\"."
                }
                Barred::Agent => "Do not enter anything but what the record says: nothing else was approved.",
            }
            .to_owned(),
        ],
        Situation::AnotherRun => vec![
            "Do not enter the exception by hand instead: the earlier run may have left a draft, or a submission.".to_owned(),
        ],
    }
}

/// The command that goes on.
pub(super) fn next(asked: &Asked<'_>) -> String {
    let holder = asked.holder;
    match asked.situation {
        Situation::InDoubt => {
            format!("portal-agent resolve {holder} --by WHO --reason TEXT --submitted NUMBER  # or --not-submitted")
        }
        Situation::Draft | Situation::PerhapsADraft => {
            let only = if asked.draft_only { " --draft-only" } else { "" };
            format!("portal-agent resume {holder} --by WHO --reason TEXT{only}")
        }
        Situation::Nothing => format!("portal-agent submit {}", quoted(asked.record)),
        Situation::AnotherRun => "portal-agent takeover".to_owned(),
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "/._-+=:@%".contains(one);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITUATIONS: [Situation; 5] =
        [Situation::InDoubt, Situation::Draft, Situation::PerhapsADraft, Situation::Nothing, Situation::AnotherRun];

    fn asked<'a>(situation: Situation, codes: &'a [HaltCode], run: &'a RunId) -> Asked<'a> {
        Asked { situation, codes, holder: run, record: "my change.json", draft_only: false, list: None, open: None }
    }

    #[test]
    fn no_note_bids_and_forbids_the_same() {
        let run = RunId::parse("r1").unwrap();
        for situation in SITUATIONS {
            for code in HaltCode::ALL.iter().copied() {
                let codes = [code];
                let asked = asked(situation, &codes, &run);
                let bids = steps(&asked).iter().any(|step| step.contains("by hand, exactly as the record says"));
                let forbids = must_not(&asked).iter().any(|step| {
                    step.contains("by hand instead")
                        || step.contains("in any other way")
                        || step.contains("again, by hand")
                });
                assert!(!(bids && forbids), "{situation:?} {code}");
                assert!(!bids || barred(code) != Barred::Exception, "{situation:?} {code}");
            }
        }
    }

    #[test]
    fn the_worst_reason_decides_what_is_forbidden() {
        let run = RunId::parse("r1").unwrap();
        let codes = [HaltCode::ControlMissing, HaltCode::ApprovalStale];
        let told = must_not(&asked(Situation::Nothing, &codes, &run));
        assert!(told[0].contains("bars it"), "{told:?}");
    }

    #[test]
    fn a_command_can_be_pasted() {
        let run = RunId::parse("r1").unwrap();
        let command = next(&asked(Situation::Nothing, &[], &run));
        assert_eq!(command, "portal-agent submit 'my change.json'");
        let draft_only = Asked { draft_only: true, ..asked(Situation::Draft, &[], &run) };
        assert!(next(&draft_only).ends_with(" --draft-only"));
    }
}
