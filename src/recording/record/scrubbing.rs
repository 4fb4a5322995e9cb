//! From what was heard to the files of a fixture, with nothing in them that may not be there.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use secrecy::ExposeSecret as _;

use crate::mask::masked::Permissions;
use crate::model::digest::Digest;
use crate::model::form::FormPlan;
use crate::model::ids::PersonId;
use crate::model::record::{ChangeRecord, FileName};
use crate::model::time::Instant;
use crate::recording::fixture::answers::{AnswerEntry, AnswerFiles, Answered};
use crate::recording::fixture::folder::{
    ANSWERS, Files, GATES, HEAD, Head, MAP, RECORD, SCHEMA, TRAFFIC, attachments_fit, stand_in,
};
use crate::recording::player::replay::PASSWORD;
use crate::recording::record::bodies::{answered, body, declared_cache, essence, known_kind, text_of};
use crate::recording::record::gate_words::Words;
use crate::recording::record::keeping::{AllowlistInputs, identifiers, pairs};
use crate::recording::record::placeholder::{StandIns, StoodIn};
use crate::recording::record::recorder::{RecordError, RecordOrder};
use crate::recording::record::secrets::Secrets;
use crate::recording::scrub::{Permission, Scrubber};
use crate::recording::traffic::exchange::{Answer, Exchange, RecordedRequest, RecordedResponse};
use crate::recording::traffic::shapes::Har;
use crate::selectors::plan::plan;
use crate::sources::record_file::ReadRecord;

/// What was heard of a run.
pub struct Recorded {
    /// Everything that passed.
    pub exchanges: Vec<Exchange>,
    /// What the sources answered.
    pub answers: Vec<(Instant, Answered)>,
    /// What may be kept of what was read at declared places.
    pub kept: BTreeSet<String>,
    /// Begin and end.
    pub span: (Instant, Instant),
}

/// Makes the files of a fixture.
pub(crate) struct Scrubbing<'a> {
    wanted: &'a RecordOrder,
    permissions: &'a Permissions,
    recorded: Recorded,
}

pub(crate) fn pretty(value: &impl serde::Serialize) -> Result<Vec<u8>, RecordError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| RecordError::Scrub(error.to_string()))?;
    Ok((text + "\n").into_bytes())
}

impl<'a> Scrubbing<'a> {
    /// Of what was heard.
    pub fn new(wanted: &'a RecordOrder, permissions: &'a Permissions, recorded: Recorded) -> Self {
        Self { wanted, permissions, recorded }
    }

    /// The portal's origin, and what stands for it.
    fn origin(&self) -> (String, String) {
        let own = self.wanted.order.base.origin().ascii_serialization();
        let portal = self.wanted.portal.as_ref().map(|url| url.origin().ascii_serialization());
        (own.clone(), portal.unwrap_or(own))
    }

    fn first_record(&self) -> Result<&ReadRecord, RecordError> {
        let record = self.recorded.answers.iter().find_map(|(_, answer)| Some(&answer.as_ref().ok()?.record));
        record.ok_or_else(|| RecordError::Scrub("no source answered".to_owned()))
    }

    /// The files, all but what must come of them.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn files(&self) -> Result<Files, RecordError> {
        let order = &self.wanted.order;
        let first = &self.first_record()?.record;
        let plan = plan(&order.map, first).map_err(|error| RecordError::Scrub(error.to_string()))?;
        if !attachments_fit(first.exception.attachments.iter().map(|file| file.size)) {
            return Err(RecordError::Scrub("the attachments are too long for a fixture".to_owned()));
        }
        let key: [u8; 32] = rand::random();
        let mut given = self.wanted.stand_ins.clone();
        given.push(self.origin());
        let grounds = |pairs: Vec<(String, String)>, plan, kept| AllowlistInputs {
            map: &order.map,
            map_text: &self.wanted.map_text,
            record: first,
            plan,
            permissions: self.permissions,
            account: &order.credentials.user,
            kept,
            public: self.public_paths(),
            pairs,
            origin: self.origin(),
            span: self.recorded.span,
        };
        // Stand-ins for the record's own values first, made with nothing permitted: what stands in for them in every format
        // follows from both plans.
        let blind = Scrubber::new(Permission::default(), key).map_err(|error| RecordError::Scrub(error.to_string()))?;
        let text = |text: &str| blind.text(text);
        let mut shown = shown(&plan, self.permissions);
        shown.extend(identifiers(first));
        let stand_ins = StandIns::new(&order.map, self.permissions, &text, &shown, &given);
        let stood_in = |record: &ChangeRecord| stand_ins.of(record).map_err(RecordError::Scrub);
        let own = stood_in(first)?;
        let standing = crate::selectors::plan::plan(&order.map, &own.record);
        let standing = standing.map_err(|error| RecordError::Scrub(error.to_string()))?;
        let mut all = self.wanted.stand_ins.clone();
        all.extend(pairs(&plan, &standing));
        all.extend(digests(&own));
        all.push((order.credentials.password.expose_secret().to_owned(), PASSWORD.to_owned()));
        let secrets = Secrets::new(&all, &self.wanted.map_text);
        let secrets = secrets.map_err(|error| RecordError::Scrub(error.to_string()))?;
        let mut kept = self.recorded.kept.clone();
        // A file that is itself a stand-in, as fixtures have them, stands in for itself.
        kept.extend(own.digests.iter().filter(|(real, stand_in)| real == stand_in).map(|(real, _)| real.hex()));
        let scrubber = self.scrubber(grounds(all, &plan, kept), key, &secrets)?;
        let mut files = Files::new();
        let words = Words::new(first, &own.record, &stand_ins);
        self.answers(&mut files, stood_in, own.packet, &words)?;
        for file in &own.record.exception.attachments {
            files.insert(file.path.as_str().to_owned(), stand_in(file.role.as_str(), file.size));
        }
        let map =
            given.iter().fold(self.wanted.map_text.clone(), |text, (real, stand_in)| text.replace(real, stand_in));
        files.insert(HEAD.to_owned(), self.head(&given, &map, &words)?);
        files.insert(MAP.to_owned(), map.into_bytes());
        let exchanges: Vec<Exchange> =
            self.recorded.exchanges.iter().map(|one| self.exchange(&scrubber, one, &secrets)).collect();
        files.insert(TRAFFIC.to_owned(), pretty(&Har::of(&exchanges))?);
        let wanted = Secrets::of_given(&self.wanted.stand_ins);
        let wanted = wanted.map_err(|error| RecordError::Scrub(error.to_string()))?;
        match files.iter().find(|(_, bytes)| secrets.are_in(bytes) || wanted.are_in(bytes)) {
            Some((name, _)) => Err(RecordError::Leak(name.clone())),
            None => Ok(files),
        }
    }

    fn scrubber(
        &self,
        grounds: AllowlistInputs<'_>,
        key: [u8; 32],
        secrets: &Secrets,
    ) -> Result<Scrubber, RecordError> {
        let mut scrubber =
            Scrubber::new(grounds.permission(), key).map_err(|error| RecordError::Scrub(error.to_string()))?;
        for one in &self.recorded.exchanges {
            let RecordedResponse::Answer(answer) = &one.given else { continue };
            let Some(text) = text_of(answer) else { continue };
            if self.is_public(one, secrets) {
                scrubber.learn_public(&text);
            } else if essence(answer.kind.as_deref()) == "text/html" {
                scrubber.learn_page(&text);
            }
        }
        Ok(scrubber)
    }

    /// Whether it lies where everybody gets the same answer, as the map declares.
    fn is_declared_public(&self, asked: &RecordedRequest) -> bool {
        let below = |folder: &str| {
            let rest = asked.url.path().strip_prefix(folder.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let declared = &self.wanted.order.map.file.recording.public;
        asked.method == "GET"
            && asked.url.origin() == self.wanted.order.base.origin()
            && declared.iter().any(|path| below(path.get_ref()))
    }

    /// Whether everybody gets this answer: declared so, and in fact a script, a style, a font or a picture without a secret in it.
    /// An error page or a sign-in page at such an address is none.
    fn is_public(&self, one: &Exchange, secrets: &Secrets) -> bool {
        let RecordedResponse::Answer(answer) = &one.given else { return false };
        let kind = essence(answer.kind.as_deref());
        let code = kind.ends_with("/javascript") || kind == "text/css" || kind == "application/x-javascript";
        self.is_declared_public(&one.asked)
            && answer.status == 200
            && (code || kind.starts_with("font/") || kind.starts_with("image/"))
            && !secrets.are_in(&answer.body)
    }

    /// A body with the portal's other address in it, and with what the person who records wants replaced: that stands in names
    /// of scripts and styles, too, of which the scrubber keeps its hands.
    fn given(&self, body: Bytes) -> Bytes {
        let (own, other) = self.origin();
        let Ok(text) = std::str::from_utf8(&body) else { return body };
        let given = self.wanted.stand_ins.iter().map(|(real, stand_in)| (real.as_str(), stand_in.as_str()));
        let all = given.chain([(own.as_str(), other.as_str())]);
        let replaced = all.fold(text.to_owned(), |text, (real, stand_in)| text.replace(real, stand_in));
        Bytes::from(replaced)
    }

    fn public_paths(&self) -> BTreeSet<String> {
        let all = self.recorded.exchanges.iter().map(|one| &one.asked);
        all.filter(|asked| self.is_declared_public(asked)).map(|asked| asked.url.path().to_owned()).collect()
    }

    fn head(&self, given: &[(String, String)], map: &str, words: &Words<'_>) -> Result<Vec<u8>, RecordError> {
        let order = &self.wanted.order;
        let said = |text: &str| given.iter().fold(text.to_owned(), |text, (real, other)| text.replace(real, other));
        let head = Head {
            schema: SCHEMA.to_owned(),
            about: said(&self.wanted.about),
            started_at: self.recorded.span.0,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            browser: order.browser.kind,
            portal: said(order.base.as_str()).parse().map_err(|_| RecordError::Scrub("the portal's address".into()))?,
            operator: PersonId::parse(&said(order.operator.as_str()))
                .map_err(|_| RecordError::Scrub("the operator's stand-in is no account".into()))?,
            account: said(&order.credentials.user),
            draft_only: order.draft_only,
            map: Digest::of(map.as_bytes()),
            approval_roles: order.policy.approvals.required_roles.clone(),
            approval_max_age_hours: u32::try_from(order.policy.approvals.max_age_s / 3600).unwrap_or(u32::MAX),
            signatures: order.policy.approvals.signatures,
            freeze_policy: words.policy(&order.policy.freeze)?,
        };
        toml::to_string(&head).map(String::into_bytes).map_err(|error| RecordError::Scrub(error.to_string()))
    }

    /// The answers of the sources, every different one in a file of its own.
    fn answers(
        &self,
        files: &mut Files,
        stood_in: impl Fn(&ChangeRecord) -> Result<StoodIn, RecordError>,
        packet: (Digest, Digest),
        words: &Words<'_>,
    ) -> Result<(), RecordError> {
        let policy = &self.wanted.order.policy.freeze;
        let mut entries = Vec::new();
        let mut known: BTreeMap<Vec<u8>, FileName> = BTreeMap::new();
        let mut keep = |bytes: Vec<u8>, first: &str, files: &mut Files| match known.get(&bytes) {
            Some(name) => Ok::<_, RecordError>(name.clone()),
            None => {
                let name = free(first, files)?;
                files.insert(name.as_str().to_owned(), bytes.clone());
                known.insert(bytes, name.clone());
                Ok(name)
            }
        };
        for (at, answer) in &self.recorded.answers {
            let answer = match answer {
                Ok(facts) => AnswerFiles::Files {
                    record: keep(pretty(&stood_in(&facts.record.record)?.record)?, RECORD, files)?,
                    gates: keep(words.gates(&facts.gates, policy, packet)?, GATES, files)?,
                },
                Err(failed) => AnswerFiles::Failed(failed.clone()),
            };
            entries.push(AnswerEntry { at: *at, answer });
        }
        files.insert(ANSWERS.to_owned(), pretty(&entries)?);
        Ok(())
    }

    fn exchange(&self, scrubber: &Scrubber, one: &Exchange, secrets: &Secrets) -> Exchange {
        let public = self.is_public(one, secrets);
        let asked = RecordedRequest {
            lane: one.asked.lane,
            method: one.asked.method.clone(),
            url: scrubber.url(one.asked.url.as_str()).parse().unwrap_or_else(|_| self.wanted.order.base.clone()),
            kind: one.asked.kind.as_deref().map(|kind| essence(Some(kind))),
            body: body(scrubber, &one.asked.body),
        };
        let given = match &one.given {
            RecordedResponse::Silence => RecordedResponse::Silence,
            RecordedResponse::Lost => RecordedResponse::Lost,
            RecordedResponse::NotSent => RecordedResponse::NotSent,
            RecordedResponse::Answer(answer) => RecordedResponse::Answer(Answer {
                status: answer.status,
                kind: answer.kind.as_deref().map(known_kind),
                location: answer.location.as_deref().map(|place| scrubber.url(place)),
                cache: answer.cache.as_deref().filter(|cache| declared_cache(cache)).map(str::to_owned),
                body: self.given(if public { answer.body.clone() } else { answered(scrubber, answer) }),
            }),
        };
        Exchange { at: one.at, asked, given }
    }
}

/// Values of shown fields, as the plan has them.
fn shown(plan: &FormPlan, permissions: &Permissions) -> BTreeSet<String> {
    let tabs = plan.tabs.iter().flat_map(|tab| &tab.fields);
    let all = tabs.chain(&plan.review).chain(&plan.recheck).chain(&plan.submitted);
    let shown = all.filter(|field| permissions.fields.contains(&field.id));
    shown.map(|field| field.value.expose().as_text()).filter(|text| !text.is_empty()).collect()
}

/// A free name for another answer; the first one has the name `first`.
fn free(first: &str, files: &Files) -> Result<FileName, RecordError> {
    let rest = first.trim_end_matches(".json");
    let later = (2..).map(|number| format!("{rest}-{number}.json"));
    let name = std::iter::once(first.to_owned()).chain(later).find(|name| !files.contains_key(name));
    FileName::parse(&name.unwrap_or_default()).map_err(|error| RecordError::Scrub(error.to_string()))
}

/// Digests of attachments and of the packet, as texts, with those of their stand-ins.
fn digests(own: &StoodIn) -> Vec<(String, String)> {
    let all = own.digests.iter().chain([&own.packet]);
    let different = all.filter(|(real, stand_in)| real != stand_in);
    different.map(|(real, stand_in)| (real.hex(), stand_in.hex())).collect()
}
