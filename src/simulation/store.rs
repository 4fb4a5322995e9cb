//! A simulated store that hosts share: it fails, and at times does what it was asked and loses the answer.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::disk::is_intent;
use super::world::{Sim, World};

/// The store as one process sees it.
#[derive(Debug)]
pub(crate) struct SimStore {
    sim: Sim,
    process: u64,
    within: std::sync::Arc<InMemory>,
}

impl SimStore {
    pub fn new(sim: &Sim, process: u64, within: &std::sync::Arc<InMemory>) -> Self {
        Self { sim: sim.clone(), process, within: std::sync::Arc::clone(within) }
    }

    fn lost() -> Error {
        Error::Generic { store: "simulated", source: "no answer".into() }
    }

    async fn call(&self) -> Result<bool> {
        self.sim.edge(self.process).await;
        let mut world = self.sim.lock();
        let times = world.weather.store;
        if !world.fails(times) {
            return Ok(false);
        }
        // Half of the time it is done, and only the answer is lost.
        if world.chance.one_in(2) { Ok(true) } else { Err(Self::lost()) }
    }
}

impl std::fmt::Display for SimStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("simulated")
    }
}

#[async_trait]
impl ObjectStore for SimStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let answer_lost = self.call().await?;
        let bytes: Vec<u8> = payload.iter().flat_map(|part| part.to_vec()).collect();
        let done = self.within.put_opts(location, payload, options).await;
        if done.is_ok() && is_intent(&bytes) {
            self.sim.lock().shared_intents += 1;
        }
        if answer_lost { Err(Self::lost()) } else { done }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.within.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.call().await? {
            return Err(Self::lost());
        }
        self.within.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.within.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let failing = {
            let mut world = self.sim.lock();
            let times = world.weather.store;
            world.fails(times)
        };
        if failing {
            return futures_util::stream::once(async { Err(Self::lost()) }).boxed();
        }
        self.within.list(prefix).map_err(|error| error).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.within.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.within.copy_opts(from, to, options).await
    }
}

/// Whether every release so far, and the one under way, has its intent in the store.
pub(crate) fn intent_stands(world: &World) -> bool {
    world.shared_intents > world.releases.len()
}
