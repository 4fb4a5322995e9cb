//! What several hosts share: objects that are created once and never changed, in a local folder or an S3-compatible bucket.
//!
//! Everything that must be agreed on between runs (claims, copies of journals) is a create-if-absent of one object, which both
//! kinds of store do atomically.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, OnceLock};

use futures_util::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

/// Why the shared store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or refused.
    #[error("the evidence store {place} does not answer: {source}")]
    Store {
        /// Which store.
        place: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// The setting names no store that this build can use.
    #[error("{0}")]
    Setting(String),
    /// A folder of a local store cannot be made.
    #[error("cannot make the evidence folder {0}: {1}")]
    Folder(String, std::io::Error),
}

/// What came of creating an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there now, by us.
    Ours,
    /// Something else was there already.
    Taken(Vec<u8>),
}

/// Folders of a local store that hold what is shared.
const FOLDERS: [&str; 2] = [".claims", ".journals"];

#[derive(Debug, Clone)]
enum Backing {
    /// A folder, which is made when the first object is.
    Folder { root: PathBuf, opened: Arc<OnceLock<Arc<dyn ObjectStore>>> },
    /// Anything else.
    Store(Arc<dyn ObjectStore>),
}

#[derive(Debug, Clone)]
pub struct SharedStore {
    backing: Backing,
    prefix: Path,
    place: String,
}

impl SharedStore {
    /// A folder of this host, or one that several hosts mount.
    pub fn folder(root: &FilePath) -> Self {
        let backing = Backing::Folder { root: root.to_owned(), opened: Arc::default() };
        Self { backing, prefix: Path::default(), place: root.display().to_string() }
    }

    /// A bucket: `s3://BUCKET/PREFIX`, with credentials and endpoint from the usual `AWS_*` variables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Setting`] when the address is none, or when this build cannot reach buckets.
    pub fn at(address: &url::Url) -> Result<Self, StoreError> {
        let place = address.to_string();
        match address.scheme() {
            "s3" => bucket(address, place),
            other => Err(StoreError::Setting(format!("evidence_store is {other}://…; it must be s3://BUCKET/PREFIX"))),
        }
    }

    /// Any store, for tests and simulations.
    pub fn over(store: Arc<dyn ObjectStore>, place: &str) -> Self {
        Self { backing: Backing::Store(store), prefix: Path::default(), place: place.to_owned() }
    }

    /// Whether documents have to be sent there: it is not the folder they are written to.
    pub fn is_remote(&self) -> bool {
        match self.backing {
            Backing::Folder { .. } => false,
            Backing::Store(_) => true,
        }
    }

    /// Its address, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The store; nothing when it is a folder that does not exist yet and is not to be made.
    fn store(&self, make: bool) -> Result<Option<Arc<dyn ObjectStore>>, StoreError> {
        let (root, opened) = match &self.backing {
            Backing::Store(store) => return Ok(Some(Arc::clone(store))),
            Backing::Folder { root, opened } => (root, opened),
        };
        if let Some(store) = opened.get() {
            return Ok(Some(Arc::clone(store)));
        }
        let failed = |source| StoreError::Store { place: self.place.clone(), source };
        let open = || Ok(LocalFileSystem::new_with_prefix(root).map_err(failed)?.with_fsync(true));
        if !make {
            return if root.is_dir() { Ok(Some(Arc::new(open()?))) } else { Ok(None) };
        }
        for folder in FOLDERS {
            let made = DirBuilder::new().mode(0o700).recursive(true).create(root.join(folder));
            made.map_err(|error| StoreError::Folder(self.place.clone(), error))?;
        }
        let store: Arc<dyn ObjectStore> = Arc::new(open()?);
        Ok(Some(Arc::clone(opened.get_or_init(|| store))))
    }

    fn path(&self, key: &str) -> Path {
        Path::from_iter(self.prefix.parts().chain(Path::from(key).parts()))
    }

    fn failed(&self, source: Error) -> StoreError {
        StoreError::Store { place: self.place.clone(), source }
    }

    /// Creates an object unless one of this key exists. An object of exactly these bytes counts as ours: the answer to an
    /// earlier try may have been lost. So whatever decides between two writers must differ between them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let Some(store) = self.store(true)? else { return Ok(Created::Taken(Vec::new())) };
        match store.put_opts(&self.path(key), bytes.clone().into(), options).await {
            Ok(_) => Ok(Created::Ours),
            Err(Error::AlreadyExists { .. }) => {
                let there = self.read(key).await?.unwrap_or_default();
                Ok(if there == bytes { Created::Ours } else { Created::Taken(there) })
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Reads an object; nothing when there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(store) = self.store(false)? else { return Ok(None) };
        match store.get(&self.path(key)).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(|error| self.failed(error))?.to_vec())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Keys below `folder`, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let Some(store) = self.store(false)? else { return Ok(Vec::new()) };
        let below = self.path(folder);
        let found: Vec<_> = store.list(Some(&below)).try_collect().await.map_err(|error: Error| self.failed(error))?;
        let own = |path: &Path| {
            path.prefix_match(&self.prefix)
                .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
        };
        let mut keys: Vec<String> = found.iter().filter_map(|object| own(&object.location)).collect();
        keys.sort_unstable();
        Ok(keys)
    }
}

#[cfg(feature = "s3")]
fn bucket(address: &url::Url, place: String) -> Result<SharedStore, StoreError> {
    use object_store::aws::AmazonS3Builder;
    // The client asks for the process's provider of TLS; one that was installed earlier is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let name = address.host_str().ok_or_else(|| StoreError::Setting("evidence_store names no bucket".into()))?;
    let built = AmazonS3Builder::from_env().with_bucket_name(name).build();
    let store = built.map_err(|source| StoreError::Store { place: place.clone(), source })?;
    let prefix = Path::from(address.path());
    Ok(SharedStore { backing: Backing::Store(Arc::new(store)), prefix, place })
}

#[cfg(not(feature = "s3"))]
fn bucket(_: &url::Url, _: String) -> Result<SharedStore, StoreError> {
    let help = "this build cannot reach buckets; build it with `cargo build --release --features s3`";
    Err(StoreError::Setting(help.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_is_created_once_by_one_of_many() {
        let folder = tempfile::tempdir().unwrap();
        let store = SharedStore::folder(folder.path());
        let writers = (0..16).map(|writer: u8| {
            let store = store.clone();
            tokio::spawn(async move { store.create(".claims/a/000001.json", vec![writer]).await.unwrap() })
        });
        let mut won = 0;
        for writer in writers.collect::<Vec<_>>() {
            won += usize::from(writer.await.unwrap() == Created::Ours);
        }
        assert_eq!(won, 1);
        assert_eq!(store.list(".claims/a").await.unwrap(), [".claims/a/000001.json"]);
        assert_eq!(store.list(".claims/b").await.unwrap(), Vec::<String>::new());
        assert_eq!(store.read(".claims/a/000002.json").await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_same_bytes_again_are_ours_because_the_first_answer_may_have_been_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = SharedStore::folder(folder.path());
        assert_eq!(store.create(".claims/a", b"x".to_vec()).await.unwrap(), Created::Ours);
        assert_eq!(store.create(".claims/a", b"x".to_vec()).await.unwrap(), Created::Ours);
        assert_eq!(store.create(".claims/a", b"y".to_vec()).await.unwrap(), Created::Taken(b"x".to_vec()));
    }
}
