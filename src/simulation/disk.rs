//! Simulated disks: files that are full at times, torn at the end by a crash, and safe only as far as they were synced.

use std::io::{self, Read};

use super::world::{Sim, World};
use crate::evidence::journal::JOURNAL;
use crate::evidence::store::Shelf;

/// The folder of one run on a simulated disk.
#[derive(Debug)]
pub(crate) struct SimShelf {
    sim: Sim,
    process: u64,
    folder: String,
}

impl SimShelf {
    pub fn new(sim: &Sim, process: u64, folder: String) -> Self {
        sim.lock().disks.entry(folder.clone()).or_default();
        Self { sim: sim.clone(), process, folder }
    }

    fn full(&self) -> io::Result<()> {
        let mut world = self.sim.lock();
        let times = world.weather.disk;
        if world.fails(times) { Err(io::Error::other("no space left on device")) } else { Ok(()) }
    }
}

impl Shelf for SimShelf {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.sim.step(self.process) {
            return Ok(());
        }
        self.full()?;
        let mut world = self.sim.lock();
        let file = world.disks.entry(self.folder.clone()).or_default().entry(name.to_owned()).or_default();
        file.bytes = bytes.to_vec();
        file.synced = bytes.len();
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        let was_dead = self.sim.lock().gone.contains(&self.process);
        if was_dead {
            return Ok(());
        }
        self.full()?;
        {
            let mut world = self.sim.lock();
            let file = world.disks.entry(self.folder.clone()).or_default().entry(name.to_owned()).or_default();
            file.bytes.extend_from_slice(bytes);
        }
        // Where the process dies in the midst of it, any part of the line may stay.
        if self.sim.step(self.process) && durable {
            let mut world = self.sim.lock();
            if let Some(file) = world.disks.get_mut(&self.folder).and_then(|folder| folder.get_mut(name)) {
                file.synced = file.bytes.len();
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<String>> {
        Ok(self.sim.lock().disks.get(&self.folder).into_iter().flat_map(|files| files.keys().cloned()).collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        let world = self.sim.lock();
        let file = world.disks.get(&self.folder).and_then(|files| files.get(name));
        let bytes = file.map(|file| file.bytes.clone()).unwrap_or_default();
        Ok(Box::new(io::Cursor::new(bytes)))
    }

    fn place(&self) -> String {
        self.folder.clone()
    }
}

/// A file of a run, as it is found later.
pub fn read(world: &World, folder: &str, name: &str) -> Option<Vec<u8>> {
    world.disks.get(folder)?.get(name).map(|file| file.bytes.clone())
}

/// Whether the last entry of the journal of `process` that is sure to survive is the intent to commit.
pub(crate) fn intent_stands(world: &World, process: u64) -> bool {
    let suffix = format!("/p{process:04}");
    let journal =
        world.disks.iter().find(|(folder, _)| folder.ends_with(&suffix)).and_then(|(_, files)| files.get(JOURNAL));
    journal.is_some_and(|file| is_intent(&file.bytes[..file.synced]))
}

/// Whether the last whole line is the intent to commit.
pub(crate) fn is_intent(lines: &[u8]) -> bool {
    let last = lines.strip_suffix(b"\n").unwrap_or(lines).rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(last).contains("\"commit-intent\"")
}
