//! What a person has to do about a halt, and what must not be done: each step possible, and none against another.

use super::situation::Situation;
use crate::decide::advice::{Barred, advice, barred};
use crate::decide::verdict::HaltCode;
use crate::model::ids::RunId;
use crate::model::time::duration;

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
    /// Number of the one submission that is not what was approved.
    pub otherwise: Option<&'a str>,
    /// Form of the portal's numbers, a regular expression.
    pub form: &'a str,
    /// After how many seconds nothing that was sent can arrive any more.
    pub latest_s: u64,
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

    /// That a person may do it by hand, where that is not barred.
    fn by_hand(&self, what: &str) -> Option<String> {
        match self.barred() {
            Barred::Agent => Some(format!("Or {what}.")),
            Barred::Undecided => Some(format!("Or, where you decide that it does not matter, {what}.")),
            Barred::Exception => None,
        }
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
    let resolve = format!("portal-agent resolve {holder} --by WHO --reason TEXT");
    let mut steps = Vec::new();
    match asked.situation {
        Situation::InDoubt => {
            steps.push(format!(
                "Look at {} with your own account. Is a submitted exception of this change there, and is it the only one?",
                asked.list()
            ));
            steps.push(format!(
                "If there is exactly one, and it equals the record: `{resolve} --submitted NUMBER`, with its number as the portal \
                 gives it (`{}`), not the draft's reference.",
                asked.form
            ));
            steps.push(format!(
                "If there is none: `{resolve} --not-submitted`. The agent waits {} until nothing can arrive any more, asks the \
                 portal itself, and then goes on from the draft, if that is still there, by `portal-agent resume`.",
                duration(i64::try_from(asked.latest_s).unwrap_or(i64::MAX))
            ));
            steps.push(
                "If there are several, or one that differs from the record: tell the change authority, who decides which one is \
                 withdrawn or corrected. Then resolve by what is left."
                    .to_owned(),
            );
        }
        Situation::Otherwise => {
            let number = asked.otherwise.unwrap_or("NUMBER");
            steps.push(format!(
                "Look at {number} in {} with your own account, and compare it with the record.",
                asked.list()
            ));
            steps.push(
                "Tell the change authority now: an exception stands in the portal that nobody approved as it is. They decide \
                 whether it is corrected or withdrawn."
                    .to_owned(),
            );
            steps.push(format!(
                "Once it is corrected, or they accept it as it is, give that on record: `{resolve} --submitted {number}`."
            ));
            steps.push(format!("Once it is withdrawn: `{resolve} --not-submitted`."));
        }
        Situation::Draft | Situation::PerhapsADraft => {
            steps.push(match &asked.open {
                Some(open) => format!(
                    "Open the draft with your own account: <{open}>, or `portal-agent takeover {holder} --open`."
                ),
                None => format!("Look at {} with your own account: a draft of this change may be there.", asked.list()),
            });
            steps.extend(asked.mend());
            let end = if asked.draft_only { "and stops at the draft" } else { "and submits it for real" };
            steps.push(format!(
                "When that is put right, let the agent go on with the command below. It makes every check again, compares the \
                 draft with the record as it is then, enters what is missing, {end}. It overwrites nothing: what differs still \
                 halts it again. A record that was changed needs its approvals anew."
            ));
            let finish = "finish the draft by hand and submit it, exactly as the record says";
            steps.extend(
                asked
                    .by_hand(finish)
                    .map(|step| format!("{step} Then give the same command: it finds that out and ends the run.")),
            );
            steps.push(
                "If the exception is not wanted any more, discard the draft in the portal and give the same command: it ends the run."
                    .to_owned(),
            );
        }
        Situation::Nothing => {
            steps.extend(asked.mend());
            steps.push(
                "When that is put right, start again with the command below; otherwise it halts again at the same place.".to_owned(),
            );
            let enter = format!(
                "look at {} that nothing of this change is there, and enter the exception by hand, exactly as the record says",
                asked.list()
            );
            steps.extend(asked.by_hand(&enter));
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
            "Do not submit again, by hand or otherwise. The request was sent once and may have been stored.".to_owned(),
            "A second submission would page the on-call again, write the compliance log twice and reserve the deployment \
             window twice."
                .to_owned(),
        ],
        Situation::Otherwise => vec![
            "Do not change production on the strength of this exception: it is not the one that was approved.".to_owned(),
            "Do not submit again, by hand or otherwise, while it stands.".to_owned(),
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

/// The command that goes on; a line for each that may, where that depends on what is found.
pub(super) fn next(asked: &Asked<'_>) -> String {
    let holder = asked.holder;
    let resolve = format!("portal-agent resolve {holder} --by WHO --reason TEXT");
    match asked.situation {
        Situation::InDoubt | Situation::Otherwise => {
            let number = asked.otherwise.unwrap_or("NUMBER");
            format!("{resolve} --submitted {number}\n{resolve} --not-submitted")
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
        Asked {
            situation,
            codes,
            holder: run,
            record: "my change.json",
            draft_only: false,
            list: None,
            open: None,
            otherwise: None,
            form: "EXC-[0-9]+",
            latest_s: 90,
        }
    }

    #[test]
    fn no_note_bids_and_forbids_the_same() {
        let run = RunId::parse("r1").unwrap();
        for situation in SITUATIONS {
            for code in HaltCode::ALL.iter().copied() {
                let codes = [code];
                let asked = asked(situation, &codes, &run);
                let bids = steps(&asked).iter().any(|step| step.contains("exactly as the record says"));
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
