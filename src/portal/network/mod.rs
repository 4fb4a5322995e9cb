//! The network that driver and browser are in: where the system allows it one of their own, in which nobody else reaches them, and
//! from which they reach nothing but the gateway.
//!
//! A process of ours goes into such a network and starts the driver there ([`inside`]). It hands over sockets that were made in it:
//! the one on which the gateway listens, and one for every connection to the driver.

pub mod inside;

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustix::io::retry_on_intr;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType,
    recvmsg, send, shutdown, socketpair,
};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::model::browser::BrowserNetwork;

/// How long the process inside may take for an answer.
const WITHIN: Duration = Duration::from_secs(20);

/// Longest of its answers, in bytes.
const LONGEST: usize = 512;

/// Which network is wanted, and the program that goes into it.
#[derive(Debug, Clone)]
pub struct NetworkOrder {
    /// Wanted.
    pub network: BrowserNetwork,
    /// A program that calls [`inside::enter_if_asked`] before anything else.
    pub program: PathBuf,
}

impl NetworkOrder {
    /// With this very program.
    pub fn of_this_program(network: BrowserNetwork) -> Self {
        Self { network, program: PathBuf::from("/proc/self/exe") }
    }
}

/// A network that driver and browser are in.
#[derive(Debug, Clone)]
pub enum Network {
    /// The machine's, with everybody on it; and why, where one of their own was wanted.
    Shared(Option<String>),
    Own(Arc<Inside>),
}

/// The process inside, which hands over sockets. It ends, with everything it started, when this is dropped.
#[derive(Debug)]
pub struct Inside(Mutex<OwnedFd>);

/// What a process inside has made ready.
pub(super) struct Entered {
    pub(super) inside: Inside,
    /// For the gateway.
    pub(super) listener: std::net::TcpListener,
}

impl Inside {
    /// Gives `command`, which starts the program inside, the socket it is asked by. Call [`Asked::entered`] once it runs.
    pub(super) fn ask_by(command: &mut Command) -> io::Result<Asked> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&ours, Timeout::Recv, Some(WITHIN))?;
        command.stdin(Stdio::from(theirs));
        Ok(Asked(ours))
    }

    /// A connection to a port of loopback, inside.
    fn connect(&self, port: u16) -> io::Result<std::net::TcpStream> {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        send(&*socket, &port.to_be_bytes(), SendFlags::NOSIGNAL)?;
        let received = receive(&socket);
        if received.as_ref().is_err_and(|error| error.raw_os_error().is_some()) {
            // What comes later would answer the next question.
            let _ = shutdown(&*socket, Shutdown::Both);
        }
        received.map(std::net::TcpStream::from)
    }
}

/// A process inside that has been asked for.
pub(super) struct Asked(OwnedFd);

impl Asked {
    /// Waits until it is inside.
    pub(super) async fn entered(self) -> io::Result<Entered> {
        blocking(move || {
            let listener = receive(&self.0)?.into();
            Ok(Entered { inside: Inside(Mutex::new(self.0)), listener })
        })
        .await
    }
}

/// A socket, or in words why there is none.
fn receive(from: &OwnedFd) -> io::Result<OwnedFd> {
    let mut text = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut handed = RecvAncillaryBuffer::new(&mut space);
    let received =
        retry_on_intr(|| recvmsg(from, &mut [IoSliceMut::new(&mut text)], &mut handed, RecvFlags::CMSG_CLOEXEC))?;
    let socket = handed.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        _ => None,
    });
    socket.ok_or_else(|| match received.bytes {
        0 => io::Error::other("the process in the browser's network ended"),
        length => io::Error::other(String::from_utf8_lossy(&text[..length.min(LONGEST)]).into_owned()),
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl Network {
    /// A connection to a driver.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        match self {
            Self::Shared(_) => TcpStream::connect((host.trim_matches(['[', ']']), port)).await,
            Self::Own(inside) => {
                let inside = Arc::clone(inside);
                let stream = blocking(move || inside.connect(port)).await?;
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream)
            }
        }
    }
}

impl tower_service::Service<http::Uri> for Network {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, driver: http::Uri) -> Self::Future {
        let network = self.clone();
        Box::pin(async move {
            let host = driver.host().ok_or(io::ErrorKind::InvalidInput)?;
            let stream = network.connect(host, driver.port_u16().unwrap_or(80)).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}
