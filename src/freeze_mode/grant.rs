//! Makes an override that the gate will count; anything else is not written in the first place.

use jiff::SignedDuration;

use super::override_file::{ReleaseOverride, is_ticket_url, justification_chars};
use super::override_rules::{
    ENVIRONMENT, LONGEST_HOURS, OverrideFault, SHORTEST_HOURS, SHORTEST_JUSTIFICATION, faults, says_who,
};
use crate::model::freeze_terms::FreezeTerms;
use crate::model::time::Instant;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Why releases cannot wait.
    pub justification: String,
    /// Where this is followed up.
    pub ticket_url: String,
    /// How long, in hours.
    pub duration_hours: u8,
    /// The environment whose reviewers approved it.
    pub environment: String,
    /// Who approved it there.
    pub approved_by: String,
}

/// Why no override was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It lasts too long, or no time at all.
    #[error("an override lasts {SHORTEST_HOURS} to {LONGEST_HOURS} hours, not {0}")]
    Duration(u8),
    /// The justification says too little.
    #[error(
        "the justification has {0} characters, blanks at its ends and repeated ones not counted; {SHORTEST_JUSTIFICATION} are needed"
    )]
    Justification(usize),
    /// No ticket.
    #[error("the ticket must be an http or https URL with a host")]
    Ticket,
    /// A ticket URL that carries a password would be kept in the open.
    #[error("the ticket URL carries a user name or password; leave it out")]
    TicketSecret,
    /// Another environment.
    #[error("an override is approved through the environment `{ENVIRONMENT}`, and no other")]
    Environment,
    /// Nobody approved it.
    #[error("say who approved it")]
    Approver,
    /// There is nothing to lift.
    #[error("no freeze is active, so there is nothing to override")]
    NotFrozen,
    /// The gate would not count it, because of the freeze's own time.
    #[error("the gate would not count it: {0}")]
    WouldNotCount(OverrideFault),
}

impl Request {
    /// Whether what is asked for is in order, whatever the freeze.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that names what is wrong.
    pub fn check(&self) -> Result<(), Refusal> {
        if !(SHORTEST_HOURS..=LONGEST_HOURS).contains(&self.duration_hours) {
            return Err(Refusal::Duration(self.duration_hours));
        }
        let length = justification_chars(&self.justification);
        if length < SHORTEST_JUSTIFICATION {
            return Err(Refusal::Justification(length));
        }
        if !is_ticket_url(&self.ticket_url) {
            return Err(Refusal::Ticket);
        }
        if url::Url::parse(&self.ticket_url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(Refusal::TicketSecret);
        }
        if self.environment != ENVIRONMENT {
            return Err(Refusal::Environment);
        }
        if says_who(&self.approved_by) { Ok(()) } else { Err(Refusal::Approver) }
    }

    /// The override of `freeze`, set at `now`, to the second before it; none is made that the gate would not count.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that names what is wrong.
    pub fn grant(&self, freeze: Option<&FreezeTerms>, now: Instant) -> Result<ReleaseOverride, Refusal> {
        self.check()?;
        let Some(freeze) = freeze.filter(|freeze| freeze.in_force()) else { return Err(Refusal::NotFrozen) };
        let life = SignedDuration::from_hours(self.duration_hours.into());
        let set_at = now.whole_seconds();
        let end = set_at.timestamp().checked_add(life).unwrap_or(jiff::Timestamp::MAX);
        let over = ReleaseOverride {
            active: true,
            set_at: Some(set_at),
            expires_at: Some(end.into()),
            justification: Some(self.justification.trim().to_owned()),
            ticket_url: Some(self.ticket_url.clone()),
            approved_via_environment: Some(self.environment.clone()),
            approved_by: Some(self.approved_by.trim().to_owned()),
            note: Some("Temporary override - does not clear freeze mode".to_owned()),
        };
        match faults(&over.terms(), freeze.set_at, now).first() {
            Some(fault) => Err(Refusal::WouldNotCount(*fault)),
            None => Ok(over),
        }
    }
}

/// How long to wait until what is granted can be shown to come after the freeze: both are dated by the second, so in the
/// second of the freeze nothing can. None in any other second, also where the freeze lies in the future.
pub(crate) fn wait_after(freeze: &FreezeTerms, now: Instant) -> Option<SignedDuration> {
    let this_second = now.whole_seconds();
    let frozen_at = freeze.set_at.filter(|at| at.whole_seconds() == this_second)?;
    let next = frozen_at.whole_seconds().timestamp().checked_add(SignedDuration::from_secs(1)).ok()?;
    Some(next.duration_since(now.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::freeze_terms::SetBy;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn frozen(since: Option<&str>) -> FreezeTerms {
        FreezeTerms { frozen: true, set_by: SetBy::Automation, set_at: since.map(at), tier: None }
    }

    fn request() -> Request {
        Request {
            justification: "Payment outage in two regions; the fix is in this release.".into(),
            ticket_url: "https://tickets.example/INC-7".into(),
            duration_hours: 24,
            environment: "release-override".into(),
            approved_by: " release.lead ".into(),
        }
    }

    #[test]
    fn what_is_granted_counts_until_its_end() {
        let now = at("2026-01-08T08:00:01.250Z");
        let freeze = frozen(Some("2026-01-08T08:00:00Z"));
        for hours in [1, 24] {
            let over = Request { duration_hours: hours, ..request() }.grant(Some(&freeze), now).unwrap();
            assert_eq!(faults(&over.terms(), freeze.set_at, now), []);
            let end = over.expires_at.unwrap();
            assert_eq!(over.set_at, Some(at("2026-01-08T08:00:01Z")));
            assert_eq!(
                end.timestamp().duration_since(at("2026-01-08T08:00:01Z").timestamp()),
                SignedDuration::from_hours(hours.into())
            );
            assert_eq!(faults(&over.terms(), freeze.set_at, end), [OverrideFault::Expired]);
            assert_eq!(over.approved_by.as_deref(), Some("release.lead"));
            let kept = serde_json::to_string(&over).unwrap();
            assert_eq!(ReleaseOverride::parse(&kept).unwrap(), over);
        }
    }

    #[test]
    fn in_the_second_of_the_freeze_nothing_is_granted_and_the_next_one_is_waited_for() {
        for (since, now, wait) in [
            ("2026-01-08T08:00:00Z", "2026-01-08T08:00:00Z", Some(1_000)),
            ("2026-01-08T08:00:00Z", "2026-01-08T08:00:00.999Z", Some(1)),
            ("2026-01-08T08:00:00.700Z", "2026-01-08T08:00:00.800Z", Some(200)),
            ("2026-01-08T08:00:00.800Z", "2026-01-08T08:00:00.700Z", Some(300)),
            ("2026-01-08T08:00:00.999Z", "2026-01-08T08:00:01Z", None),
            ("2026-01-08T08:00:02Z", "2026-01-08T08:00:01.999Z", None),
        ] {
            let (freeze, now) = (frozen(Some(since)), at(now));
            assert_eq!(wait_after(&freeze, now), wait.map(SignedDuration::from_millis), "{since} {now}");
            if let Some(wait) = wait {
                let early = request().grant(Some(&freeze), now);
                assert_eq!(early, Err(Refusal::WouldNotCount(OverrideFault::NotAfterFreeze)), "{since} {now}");
                let later = now.timestamp().checked_add(SignedDuration::from_millis(wait)).unwrap();
                assert!(request().grant(Some(&freeze), later.into()).is_ok(), "{since} {now}");
            }
        }
        assert_eq!(wait_after(&frozen(None), at("2026-01-08T08:00:00Z")), None);
    }

    #[test]
    fn what_the_rules_do_not_allow_is_refused() {
        let freeze = frozen(Some("2026-01-08T07:00:00Z"));
        let now = at("2026-01-08T08:00:00Z");
        let refused = |change: &dyn Fn(&mut Request)| {
            let mut request = request();
            change(&mut request);
            request.grant(Some(&freeze), now).unwrap_err()
        };
        assert_eq!(refused(&|r| r.duration_hours = 0), Refusal::Duration(0));
        assert_eq!(refused(&|r| r.duration_hours = 25), Refusal::Duration(25));
        assert_eq!(refused(&|r| r.justification = "x".repeat(49)), Refusal::Justification(49));
        assert_eq!(refused(&|r| r.justification = format!("a{}b", " ".repeat(60))), Refusal::Justification(3));
        // The example in the documentation is itself two characters short.
        let example = "Critical customer deadline requires this release";
        assert_eq!(refused(&|r| r.justification = example.into()), Refusal::Justification(48));
        assert_eq!(refused(&|r| r.ticket_url = "https://...".into()), Refusal::Ticket);
        assert_eq!(refused(&|r| r.ticket_url = "https://me:pw@t.example/1".into()), Refusal::TicketSecret);
        assert_eq!(refused(&|r| r.environment = "production".into()), Refusal::Environment);
        assert_eq!(refused(&|r| r.approved_by = "  ".into()), Refusal::Approver);
    }

    #[test]
    fn nothing_is_granted_without_a_freeze_or_against_one_it_cannot_follow() {
        let now = at("2026-01-08T08:00:00Z");
        assert_eq!(request().grant(None, now), Err(Refusal::NotFrozen));
        let reset = FreezeTerms { frozen: false, set_by: SetBy::Human, ..frozen(None) };
        assert_eq!(request().grant(Some(&reset), now), Err(Refusal::NotFrozen));
        let later = frozen(Some("2026-01-08T09:00:00Z"));
        assert_eq!(request().grant(Some(&later), now), Err(Refusal::WouldNotCount(OverrideFault::NotAfterFreeze)));
        let undated = frozen(None);
        assert_eq!(request().grant(Some(&undated), now), Err(Refusal::WouldNotCount(OverrideFault::FreezeUndated)));
    }
}
