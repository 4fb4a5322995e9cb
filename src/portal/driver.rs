//! Starts a browser's driver as a process group of its own on a free port of loopback, and ends that group.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::browser::{BrowserError, Installed, driver_name};
use super::network::{Entered, Inside, Network, NetworkOrder, inside};
use crate::gateway::doorway::Doorway;
use crate::model::browser::{BrowserKind, BrowserNetwork};

/// The processes that one of ours has started. Dropping it ends them all.
#[derive(Debug)]
pub(crate) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group that the process of this number leads, as one started with a group of its own does.
    pub fn of(leader: Option<u32>) -> Self {
        Self(leader.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Already gone is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A driver that this process started. Dropping it ends the driver and every browser process with it.
#[derive(Debug)]
pub struct Driver {
    url: String,
    network: Network,
    listener: Option<TcpListener>,
    group: ProcessGroup,
    _child: Child,
}

/// How often a driver that ends by itself is started before the environment is to blame.
pub(crate) const STARTS: usize = 5;

/// What came of starting a driver once; the lines are the last that it said.
enum Started {
    Listens(Box<Driver>),
    Ended(String),
    Silent(String),
}

impl Driver {
    /// Starts the driver on a free port of loopback, in the network that is wanted; profiles go below `folder`. One that ends before
    /// it says its port is started again, [`STARTS`] times in all: chromedriver picks a port of IPv6 and gives up if IPv4 has it in
    /// use.
    ///
    /// # Errors
    ///
    /// [`BrowserError::Start`], [`BrowserError::NoPort`], [`BrowserError::NoNetwork`].
    pub async fn start(installed: &Installed, folder: &Path, order: &NetworkOrder) -> Result<Self, BrowserError> {
        let name = driver_name(installed.kind);
        // Why the network is shared, where one of its own was wanted; nothing while it may be had.
        let mut shared = (order.network == BrowserNetwork::Shared).then_some(None);
        let mut said = String::new();
        for _ in 0..STARTS {
            let started = match &shared {
                Some(why) => {
                    let started = Self::start_shared(installed, folder, why.clone()).await;
                    started.map_err(|source| BrowserError::Start { name, source })?
                }
                None => match Self::start_inside(installed, folder, order).await {
                    Ok(started) => started,
                    Err(error) if order.network == BrowserNetwork::Own => return Err(BrowserError::NoNetwork(error)),
                    Err(error) => {
                        tracing::warn!(%error, "the browser has no network of its own: other accounts of this machine reach it");
                        shared = Some(Some(error.to_string()));
                        continue;
                    }
                },
            };
            match started {
                Started::Listens(driver) => return Ok(*driver),
                Started::Ended(line) => said = line,
                Started::Silent(line) => return Err(BrowserError::NoPort { name, said: line }),
            }
        }
        Err(BrowserError::NoPort { name, said })
    }

    async fn start_shared(installed: &Installed, folder: &Path, why: Option<String>) -> io::Result<Started> {
        let mut command = Command::new(&installed.driver);
        command.args(arguments(installed.kind, folder)).stdin(Stdio::null());
        Self::listens(spawn(command, folder)?, Network::Shared(why), None).await
    }

    /// # Errors
    ///
    /// Where there is no network of one's own, why.
    async fn start_inside(installed: &Installed, folder: &Path, order: &NetworkOrder) -> io::Result<Started> {
        let mut command = Command::new(&order.program);
        command.arg0(inside::NAME).arg(&installed.driver).args(arguments(installed.kind, folder));
        let asked = Inside::ask_by(&mut command)?;
        let spawned = spawn(command, folder)?;
        let Entered { inside, listener } = asked.entered().await?;
        Self::listens(spawned, Network::Own(Arc::new(inside)), Some(listener)).await
    }

    /// Waits until it says where it listens.
    async fn listens(
        (group, mut child): (ProcessGroup, Child),
        network: Network,
        listener: Option<TcpListener>,
    ) -> io::Result<Started> {
        let stdout = child.stdout.take();
        let mut driver = Self { url: String::new(), network, listener, group, _child: child };
        let Some(stdout) = stdout else { return Ok(Started::Silent(String::new())) };
        let mut lines = BufReader::new(stdout).lines();
        let mut said = String::new();
        let port = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(port) = port_in(&line) {
                    return Some(port);
                }
                said = line;
            }
            None
        };
        let port = match tokio::time::timeout(Duration::from_secs(30), port).await {
            Ok(Some(port)) => port,
            Ok(None) => return Ok(Started::Ended(said)),
            Err(_elapsed) => return Ok(Started::Silent(said)),
        };
        // What the driver goes on to say may hold what was typed: read so that it does not block, kept nowhere.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        driver.url = format!("http://127.0.0.1:{port}/");
        Ok(Started::Listens(Box::new(driver)))
    }

    /// Where it listens, in its network.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The network that it is in, and the browser with it.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where the gateway is to listen, so that the browser reaches it.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn doorway(&self) -> io::Result<Doorway> {
        match &self.listener {
            Some(listener) => Ok(Doorway::inside(listener.try_clone()?)),
            None => Doorway::of_this_account(),
        }
    }

    /// Its process group, for ending it after a crash.
    pub fn group(&self) -> Option<i32> {
        self.group.0.map(|pid| pid.as_raw_nonzero().get())
    }
}

fn arguments(kind: BrowserKind, folder: &Path) -> Vec<OsString> {
    match kind {
        BrowserKind::Chromium => vec!["--port=0".into()],
        BrowserKind::Firefox => {
            // Without a port of its own for the remote protocol, two runs at once would fight over one.
            let ports = ["--port", "0", "--websocket-port", "0", "--profile-root"].map(OsString::from);
            ports.into_iter().chain([folder.into()]).collect()
        }
    }
}

/// Starts a command as the leader of a group, which ends with what is returned.
fn spawn(mut command: Command, folder: &Path) -> io::Result<(ProcessGroup, Child)> {
    // Days and times are typed in the order of this language.
    command.env("LANGUAGE", "en_US").env("LC_ALL", "en_US.UTF-8");
    // Neither driver nor browser needs a setting of ours, or what opens the bucket.
    let ours = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("PORTAL_AGENT_") || name.starts_with("AWS_")
    };
    for name in std::env::vars_os().map(|(name, _)| name).filter(ours) {
        command.env_remove(name);
    }
    // What driver and browser put aside goes with the folder; and by this, whoever outlives the driver is known later.
    command.env("TMPDIR", folder);
    // A group of its own: the terminal's ctrl-C reaches the agent alone, and the group ends as one.
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let child = command.spawn()?;
    Ok((ProcessGroup::of(child.id()), child))
}

fn port_in(line: &str) -> Option<u16> {
    let after = line.split_once("on port ").or_else(|| line.split_once("Listening on 127.0.0.1:"))?.1;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_what_each_driver_says() {
        assert_eq!(port_in("ChromeDriver was started successfully on port 41231."), Some(41231));
        assert_eq!(port_in("1763712000000\tgeckodriver\tINFO\tListening on 127.0.0.1:35079"), Some(35079));
        assert_eq!(port_in("Starting ChromeDriver 156 on port 0"), None);
    }

    /// A driver that gives up `times` before it listens, and counts its starts in the file `starts`.
    fn driver_that_gives_up(folder: &Path, times: usize) -> Installed {
        let driver = folder.join("driver");
        let counted = folder.join("starts");
        let script = format!(
            "#!/bin/sh\necho x >> '{0}'\nif [ $(wc -l < '{0}') -le {times} ]; then echo 'IPv4 port not available. Exiting...'; \
             exit 1; fi\necho 'ChromeDriver was started successfully on port 41231.'\n",
            counted.display()
        );
        let text = folder.join("text");
        std::fs::write(&text, script).unwrap();
        // By another process: a program that a fork of ours still has open for writing cannot be run.
        let made = std::process::Command::new("install").args(["-m", "755"]).args([&text, &driver]).status().unwrap();
        assert!(made.success());
        Installed { kind: BrowserKind::Chromium, browser: driver.clone(), driver }
    }

    fn shared() -> NetworkOrder {
        NetworkOrder::of_this_program(BrowserNetwork::Shared)
    }

    fn starts(folder: &Path) -> usize {
        std::fs::read_to_string(folder.join("starts")).unwrap().lines().count()
    }

    #[tokio::test]
    async fn a_driver_whose_port_was_taken_meanwhile_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let driver =
            Driver::start(&driver_that_gives_up(folder.path(), STARTS - 1), folder.path(), &shared()).await.unwrap();
        assert_eq!(driver.url(), "http://127.0.0.1:41231/");
        assert_eq!(starts(folder.path()), STARTS);
    }

    #[tokio::test]
    async fn a_driver_that_always_ends_is_given_up_with_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Driver::start(&driver_that_gives_up(folder.path(), STARTS), folder.path(), &shared()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "chromedriver did not say on which port it listens: IPv4 port not available. Exiting..."
        );
        assert_eq!(starts(folder.path()), STARTS);
    }
}
