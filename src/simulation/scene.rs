//! What every simulated run works from: a small map, a record that fits it, and the ports of one simulated process.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use object_store::memory::InMemory;
use serde_json::json;

use super::disk::{SimShelf, read};
use super::portal::SimPortal;
use super::store::SimStore;
use super::world::{BEGINS, Sim};
use crate::decide::policy::Policy;
use crate::decide::rules::record::FileState;
use crate::evidence::claims::{Alive, Holder};
use crate::evidence::documents::Cost;
use crate::evidence::journal::JOURNAL;
use crate::evidence::shared::SharedStore;
use crate::evidence::store::{EvidenceError, EvidenceFolder};
use crate::gateway::control::Control;
use crate::mask::picture::{MaskedPicture, Sketch, drawn};
use crate::model::calendar::{Blackout, FreezeCalendar};
use crate::model::digest::Digest;
use crate::model::form::FormPlan;
use crate::model::freeze_terms::{FreezeMode, FreezeTerms, SetBy, StateReading};
use crate::model::gates::Gates;
use crate::model::ids::{BlackoutId, ChangeId, RunId};
use crate::model::packet::packet_digest;
use crate::model::record::{ChangeRecord, Decision};
use crate::model::time::ChangeWindow;
use crate::portal::LocalFile;
use crate::reference_portal::example::{ExampleTimes, approved, exception};
use crate::run::ports::{Opened, Ports};
use crate::selectors::plan::plan;
use crate::selectors::read::{SelectorMap, read as read_map};
use crate::sources::record_file::ReadRecord;
use crate::sources::{SourceError, SourceFacts, Sources};

/// Two tabs, five fields, one file: enough for everything that can be left half done.
const MAP: &str = include_str!("map.toml");

/// What does not change from one simulated run to the next.
pub struct Scene {
    pub map: SelectorMap,
    pub plan: FormPlan,
    /// The same portal where every part of the form is saved by itself.
    pub by_parts: (SelectorMap, FormPlan),
    pub record: ReadRecord,
    pub gates: Gates,
    pub policy: Policy,
    pub states: Vec<FileState>,
    pub files: Vec<LocalFile>,
    pub base: url::Url,
    pub picture: MaskedPicture,
}

/// The scene, made once.
pub fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let times = ExampleTimes::around(jiff::Timestamp::from_second(BEGINS).unwrap());
        let base: url::Url = "https://portal.example.test/".parse().unwrap();
        let mut exception = exception(&times);
        exception["attachments"] = json!([{
            "role": "rollback-plan", "name": "rollback-plan.pdf", "path": "rollback-plan.pdf", "size": 4,
            "sha256": Digest::of(b"plan"),
        }]);
        exception["details"] = json!({ "contact": "comms.desk" });
        let record: ChangeRecord = serde_json::from_value(approved(exception, &base, &times).unwrap()).unwrap();
        let packet = packet_digest(&record).unwrap();
        let planned = |text: &str| {
            let map = read_map("map.toml".as_ref(), text).unwrap_or_else(|error| panic!("{error}"));
            let plan = plan(&map, &record).unwrap();
            (map, plan)
        };
        let (map, plan) = planned(MAP);
        let file = |file: &crate::model::form::PlannedFile| LocalFile { planned: file.clone(), path: PathBuf::new() };
        let attachments = &record.exception.attachments;
        let state = |file: &crate::model::record::Attachment| FileState {
            role: file.role.clone(),
            sha256: file.sha256,
            size: file.size,
        };
        let sketch = Sketch { size: (1, 1), controls: Vec::new(), wording: Vec::new(), caption: Vec::new() };
        Scene {
            states: attachments.iter().map(state).collect(),
            files: plan.files().map(file).collect(),
            picture: drawn(&sketch).unwrap(),
            gates: Gates {
                calendar: FreezeCalendar {
                    blackouts: vec![Blackout {
                        id: BlackoutId::parse("YEAR-END-COMMERCE").unwrap(),
                        window: ChangeWindow { start: times.blackout.0.into(), end: times.blackout.1.into() },
                        admits: vec!["emergency-fix".into()],
                        kinds: Vec::new(),
                        environments: Vec::new(),
                    }],
                },
                freeze_mode: FreezeMode {
                    state: StateReading::Read(FreezeTerms {
                        frozen: false,
                        set_by: SetBy::Human,
                        set_at: None,
                        tier: None,
                    }),
                    release_override: StateReading::Absent,
                },
                ..Gates::default()
            },
            policy: Policy::default(),
            by_parts: planned(&by_parts()),
            record: ReadRecord { packet, file: packet, folder: PathBuf::new(), record },
            plan,
            map,
            base,
        }
    })
}

/// The map where a tab is saved by itself, and the second is there only then.
fn by_parts() -> String {
    let save = "save = { role = \"button\", name = \"Save draft\" }\n";
    let alone = |id: &str| format!("id = \"{id}\"\n{save}");
    let map = MAP.replacen(save, "", 1).replacen("id = \"service\"\n", &alone("service"), 1);
    map.replacen("id = \"evidence\"\n", &format!("{}after_save = true\n", alone("evidence")), 1)
}

/// The sources as one process reads them.
pub(crate) struct SimSources {
    pub sim: Sim,
    pub process: u64,
}

impl SimSources {
    fn ask(&self) -> Result<bool, SourceError> {
        self.sim.step(self.process);
        let mut world = self.sim.lock();
        let times = world.weather.sources;
        if world.fails(times) {
            return Err(SourceError::Unavailable { name: "the change record".into(), what: "no connection".into() });
        }
        Ok(world.revoked)
    }
}

#[async_trait(?Send)]
impl Sources for SimSources {
    async fn read(&self, _: Option<&ReadRecord>) -> Result<SourceFacts, SourceError> {
        let revoked = self.ask()?;
        let mut record = scene().record.clone();
        if revoked {
            record.record.approvals[0].decision = Decision::Revoked;
        }
        Ok(SourceFacts { record, gates: scene().gates.clone() })
    }
}

/// One simulated process on one of two hosts.
pub(crate) struct SimPorts {
    pub sim: Sim,
    pub process: u64,
    pub host: &'static str,
    pub shared: SharedStore,
}

impl SimPorts {
    pub fn new(sim: &Sim, process: u64, host: &'static str, store: &Arc<InMemory>) -> Self {
        let shared = SharedStore::over(Arc::new(SimStore::new(sim, process, store)), "simulated");
        Self { sim: sim.clone(), process, host, shared }
    }

    fn folder_of(&self, run: &RunId) -> String {
        format!("{}/{run}", self.host)
    }
}

/// The name of a process's run: the folder of a run tells its process.
pub(crate) fn run_of(process: u64) -> RunId {
    RunId::parse(&format!("p{process:04}")).unwrap()
}

impl Ports for SimPorts {
    type Portal = SimPortal;

    fn shared(&self) -> &SharedStore {
        &self.shared
    }

    fn folder(&self, _: &ChangeId, run: &RunId) -> Result<EvidenceFolder, EvidenceError> {
        Ok(EvidenceFolder::on(Box::new(SimShelf::new(&self.sim, self.process, self.folder_of(run)))))
    }

    fn local_journal(&self, _: &ChangeId, run: &RunId) -> Option<Vec<u8>> {
        read(&self.sim.lock(), &self.folder_of(run), JOURNAL)
    }

    fn me(&self) -> Holder {
        Holder {
            host: self.host.into(),
            boot: self.host.into(),
            processes: self.host.into(),
            pid: i32::try_from(self.process).unwrap(),
            started: self.process,
        }
    }

    fn alive(&self, holder: &Holder) -> Alive {
        if holder.host != self.host {
            Alive::Elsewhere
        } else if self.sim.lock().gone.contains(&holder.started) {
            Alive::Gone
        } else {
            Alive::Yes
        }
    }

    async fn open(&mut self) -> Result<Opened<SimPortal>, String> {
        self.sim.edge(self.process).await;
        let control = Control::default();
        let Scene { plan, record, picture, .. } = scene();
        let change = record.record.exception.change_id.as_str();
        let portal = SimPortal::new(&self.sim, self.process, &control, &plan.commit, change, picture);
        Ok(Opened { portal, control, group: None })
    }

    fn close(&mut self) -> Cost {
        Cost::default()
    }
}
