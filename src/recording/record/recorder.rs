//! Records a run: listens to what passes, scrubs it, replays what it would write, and writes it only if that comes out the same.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::evidence::documents::RunDocument;
use crate::evidence::observations::OBSERVATIONS;
use crate::evidence::readings::APPROVALS;
use crate::gateway::upstream::{PortalLink, Upstream, UpstreamError};
use crate::mask::masked::{Masked, Permissions};
use crate::model::time::Instant;
use crate::recording::compare::difference::{Difference, between_shapes, of_requests};
use crate::recording::compare::summary::{Listening, tell};
use crate::recording::fixture::answers::{Answered, HeardSources};
use crate::recording::fixture::folder::{self, DIFFERS, EXPECTED, Files, Fixture, HEAD, SCHEMA, Told};
use crate::recording::player::replay::{ReplayError, Replayed, replay};
use crate::recording::record::keeping::AllowlistCollector;
use crate::recording::record::scrubbing::{Recorded, Scrubbing};
use crate::recording::traffic::answering::{BY_THEMSELVES, Player, RequestDifference, Strictness};
use crate::recording::traffic::dial::Dial;
use crate::recording::traffic::exchange::Exchange;
use crate::recording::traffic::tap::{Tap, TapError};
use crate::run::clock::{Clock, SystemClock};
use crate::run::interrupt::Interrupt;
use crate::run::launch::launch;
use crate::run::order::{InputError, Order, permissions};
use crate::run::private::PrivateFolder;
use crate::run::watch::Watcher;
use crate::sources::Sources;

/// What is recorded, and where it goes.
pub struct RecordOrder {
    /// The run.
    pub order: Order,
    pub map_text: String,
    /// Where the fixture goes; nothing may be there.
    pub out: PathBuf,
    /// What it shows, in a sentence.
    pub about: String,
    /// The portal's address in the fixture; its own where none is given.
    pub portal: Option<url::Url>,
    /// Texts to be replaced everywhere, with their stand-ins.
    pub stand_ins: Vec<(String, String)>,
    /// What another tool recorded, to be run against in the portal's place.
    pub har: Option<Vec<Exchange>>,
}

/// What came of a run that was recorded: the run has happened, whatever became of its recording.
pub struct Made {
    /// The run's document.
    pub document: Masked<RunDocument>,
    /// The fixture, or why there is none.
    pub fixture: Result<Written, RecordError>,
}

/// A recording on disk.
pub struct Written {
    /// Where it lies; beside its place, when it does not replay as recorded.
    pub folder: PathBuf,
    /// In what its replay differed from the run; empty for a fixture.
    pub differences: Vec<Difference>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The run did not begin.
    #[error("{0}")]
    Input(#[from] InputError),
    /// Nothing listens where it should.
    #[error("the portal's certificate authorities cannot be used: {0}")]
    Upstream(#[from] UpstreamError),
    /// Something was too long.
    #[error("{0}")]
    Tap(#[from] TapError),
    /// Something of it cannot be scrubbed.
    #[error("nothing was written: {0}")]
    Scrub(String),
    /// A text that may not be there is there all the same.
    #[error("nothing was written: {0} would hold a value that may not be shown")]
    Leak(String),
    /// The fixture cannot be written.
    #[error("{}: {error}", place.display())]
    Write {
        /// Where.
        place: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// What was written cannot be read.
    #[error("{0}")]
    Read(#[from] Diagnostic),
    /// Its replay came to nothing.
    #[error("nothing was written, since it could not be replayed: {0}")]
    Replay(#[from] ReplayError),
    /// Requests that the other tool's recording has no answer for.
    #[error("the HAR has no answer to: {}", told(.0))]
    Incomplete(Vec<RequestDifference>),
}

impl RecordError {
    fn write(place: &Path) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Write { place: place.to_owned(), error }
    }
}

fn told(differences: &[RequestDifference]) -> String {
    let lines = of_requests(differences.to_vec()).into_iter().filter_map(|difference| difference.now);
    lines.collect::<Vec<_>>().join(", ")
}

/// Runs and records. The run itself is a run like any other, with its own evidence.
///
/// # Errors
///
/// [`RecordError`] when the run was not begun. What goes wrong afterwards is told beside the run's document.
pub async fn record(
    wanted: RecordOrder,
    sources: &dyn Sources,
    interrupt: Interrupt,
    watcher: &dyn Watcher,
) -> Result<Made, RecordError> {
    // Whatever would keep it from being written is found out before anything is touched.
    if wanted.out.exists() {
        let error = std::io::Error::new(ErrorKind::AlreadyExists, "something is there already; name another place");
        return Err(RecordError::write(&wanted.out)(error));
    }
    let folder = parent(&wanted.out);
    std::fs::create_dir_all(&folder).map_err(RecordError::write(&folder))?;
    tempfile::tempdir_in(&folder).map_err(RecordError::write(&folder))?;
    let trial = PrivateFolder::new().map_err(InputError::Folder)?;
    match wanted.har.clone() {
        None => {
            let link: Arc<dyn Upstream> = Arc::new(PortalLink::new(wanted.order.portal_ca.as_deref())?);
            let clock = SystemClock::default();
            let ticks = Arc::new(SystemClock::default());
            make(wanted, (link, None), &clock, Arc::new(move || ticks.now()), sources, interrupt, (watcher, trial))
                .await
        }
        Some(exchanges) => {
            let now = SystemClock::default().now();
            let dial = Dial::at(exchanges.first().map_or(now, |first| first.at));
            let volatile = wanted.order.map.file.recording.volatile.iter().cloned().collect();
            let player = Arc::new(Player::new(exchanges, volatile, Strictness::AnyOrder, dial.clone()));
            let ticks = dial.clone();
            let made = make(
                wanted,
                (player.clone(), Some(&player)),
                &dial,
                Arc::new(move || ticks.read()),
                sources,
                interrupt,
                (watcher, trial),
            )
            .await?;
            // Nobody's portal was touched: a HAR that lacks something is wrong input.
            match made.fixture {
                Err(error @ RecordError::Incomplete(_)) => Err(error),
                Ok(_) | Err(_) => Ok(made),
            }
        }
    }
}

async fn make(
    mut wanted: RecordOrder,
    (upstream, har): (Arc<dyn Upstream>, Option<&Player>),
    clock: &dyn Clock,
    now: Arc<dyn Fn() -> Instant + Send + Sync>,
    sources: &dyn Sources,
    interrupt: Interrupt,
    (watcher, trial): (&dyn Watcher, PrivateFolder),
) -> Result<Made, RecordError> {
    let tap = Arc::new(Tap::new(upstream, {
        let now = Arc::clone(&now);
        Box::new(move || now())
    }));
    wanted.order.upstream = Some(tap.clone());
    let heard = HeardSources::new(sources, now);
    let permissions = permissions(&wanted.order.map);
    let keeping = AllowlistCollector::new(watcher, permissions.clone(), &wanted.order.map);
    let listening = Listening::new(&keeping);
    let document = launch(&wanted.order, &heard, clock, interrupt.clone(), &listening).await?;
    let missing = har.map(Player::differences).unwrap_or_default();
    if !missing.is_empty() {
        return Ok(Made { document, fixture: Err(RecordError::Incomplete(missing)) });
    }
    let recorded = Heard {
        exchanges: tap.exchanges().await,
        run: tell(document.get(), listening.events()),
        answers: heard.heard(),
        kept: keeping.kept(),
        span: (document.get().started_at, document.get().finished_at),
    };
    let fixture = keep(&wanted, &permissions, recorded, trial.path(), interrupt, watcher).await;
    Ok(Made { document, fixture })
}

/// What was heard of a run that is over.
struct Heard {
    exchanges: Result<Vec<Exchange>, TapError>,
    run: std::io::Result<Told>,
    answers: Vec<(Instant, Answered)>,
    kept: BTreeSet<String>,
    span: (Instant, Instant),
}

/// Scrubs, replays once, writes.
async fn keep(
    wanted: &RecordOrder,
    permissions: &Permissions,
    heard: Heard,
    trial: &Path,
    interrupt: Interrupt,
    watcher: &dyn Watcher,
) -> Result<Written, RecordError> {
    let Heard { exchanges, run, answers, kept, span } = heard;
    let (mut exchanges, run) = (exchanges?, run.map_err(ReplayError::from)?);
    exchanges.retain(|one| !BY_THEMSELVES.contains(&one.asked.url.path()));
    let scrubbing = Scrubbing::new(wanted, permissions, Recorded { exchanges, answers, kept, span });
    let mut files = scrubbing.files()?;
    let replayed = try_out(wanted, &run, &mut files, trial, interrupt, watcher).await?;
    let mut differences = between_shapes(&run, &replayed.told);
    differences.extend(replayed.traffic.iter().cloned());
    // From here on what the replay told is what every other must tell: the values in it are stand-ins.
    tell_in(&mut files, &replayed.told)?;
    let folder = place(&wanted.out, differences.is_empty());
    if !differences.is_empty() {
        disown(&mut files);
    }
    folder::write(&folder, &files).map_err(RecordError::write(&folder))?;
    Ok(Written { folder, differences })
}

/// Says in its head that it is no fixture.
fn disown(files: &mut Files) {
    if let Some(head) = files.get_mut(HEAD) {
        *head = String::from_utf8_lossy(head).replace(SCHEMA, DIFFERS).into_bytes();
    }
}

/// Where it is written: in its place, or beside it for somebody to look at.
fn place(out: &Path, replays: bool) -> PathBuf {
    if replays {
        return out.to_owned();
    }
    let free = |number: u32| {
        let mut name = out.as_os_str().to_owned();
        name.push(format!(".differs-{number}"));
        PathBuf::from(name)
    };
    (1..).map(free).find(|path| !path.exists()).unwrap_or_else(|| out.to_owned())
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Replays what would be written, from a folder of its own.
async fn try_out(
    wanted: &RecordOrder,
    run: &Told,
    files: &mut Files,
    trial: &Path,
    interrupt: Interrupt,
    watcher: &dyn Watcher,
) -> Result<Replayed, RecordError> {
    tell_in(files, run)?;
    let fixture = trial.join(folder::name_of(&wanted.out));
    folder::write(&fixture, files).map_err(RecordError::write(&fixture))?;
    let fixture = Fixture::read(&fixture).await?;
    Ok(replay(&fixture, &wanted.order.browser, &trial.join("evidence"), interrupt, watcher).await?)
}

fn tell_in(files: &mut Files, told: &Told) -> Result<(), RecordError> {
    let text = |value: &serde_json::Value| {
        let text = serde_json::to_string_pretty(value).map_err(|error| RecordError::Scrub(error.to_string()))?;
        Ok::<_, RecordError>((text + "\n").into_bytes())
    };
    files.insert(EXPECTED.to_owned(), text(&told.ending)?);
    files.insert(APPROVALS.to_owned(), text(&told.approvals)?);
    let lines = told.observations.iter().map(|line| format!("{line}\n"));
    files.insert(OBSERVATIONS.to_owned(), lines.collect::<String>().into_bytes());
    Ok(())
}
