//! Tries to reach a listener on this machine past the gateway, in every way that a page has beside plain requests.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};

use super::PortalError;
use super::webdriver::wire::Wire;

/// Longest wait for a page to have tried everything.
const TRIES: Duration = Duration::from_secs(20);

/// Starts every try, and notes when the browser is done with them. What a browser does not offer counts as tried.
const TRY: &str = r"
const [address] = arguments, open = [];
const begin = (what) => { try { const done = what(); if (done) open.push(Promise.resolve(done).catch(() => 0)) } catch {} };
const ice = (urls) => begin(() => new Promise((done) => {
    const peer = new RTCPeerConnection({iceServers: [{urls, username: 'u', credential: 'c'}]});
    peer.createDataChannel('x');
    // Packets leave at once or never; where there is no network, a browser may never call itself done.
    setTimeout(done, 3000);
    peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
    peer.createOffer().then((offer) => peer.setLocalDescription(offer), done);
}));
ice(`stun:${address}`);
ice(`turn:${address}?transport=udp`);
ice(`turn:${address}?transport=tcp`);
ice(`turns:${address}?transport=tcp`);
begin(() => new WebTransport(`https://${address}/`).ready);
begin(() => new Promise((done) => { const socket = new WebSocket(`ws://${address}/`); socket.onerror = done; socket.onopen = done; }));
begin(() => new Promise((done) => { const source = new EventSource(`http://${address}/`); source.onerror = done; }));
begin(() => fetch(`http://${address}/`, {mode: 'no-cors'}));
for (const rel of ['preconnect', 'dns-prefetch', 'prefetch', 'prerender']) begin(() => {
    const link = document.createElement('link');
    link.rel = rel;
    link.href = `http://${address}/`;
    document.head.append(link);
});
begin(() => new Promise((done) => { const image = new Image(); image.onerror = done; image.onload = done; image.src = `http://${address}/`; }));
window.portalAgentTried = false;
Promise.all(open).then(() => { window.portalAgentTried = true; });
";

/// A listener that nothing but a browser past its gateway would reach.
#[derive(Debug)]
pub struct Bypass {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
}

/// How something arrived past the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    Datagram,
    Connection,
}

impl Bypass {
    /// Listens on one port of loopback, for datagrams and for connections.
    ///
    /// # Errors
    ///
    /// When there is no such port.
    pub async fn listen() -> std::io::Result<Self> {
        let tcp = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = tcp.local_addr()?;
        Ok(Self { udp: UdpSocket::bind(address).await?, tcp, address })
    }

    /// Has the page that is open try to reach it, and tells how it came to that; nothing when the browser tried everything and
    /// none of it arrived.
    ///
    /// # Errors
    ///
    /// When the browser does not answer, or is not done within 20 seconds.
    pub async fn tried_by(&self, wire: &Wire) -> Result<Option<Arrived>, PortalError> {
        wire.script(TRY, json!(self.address.to_string())).await?;
        let tried = async {
            loop {
                if wire.script("return window.portalAgentTried === true", Value::Null).await? == Value::Bool(true) {
                    return Ok(None);
                }
            }
        };
        let mut byte = [0; 1];
        tokio::select! {
            biased;
            _ = self.udp.recv_from(&mut byte) => Ok(Some(Arrived::Datagram)),
            _ = self.tcp.accept() => Ok(Some(Arrived::Connection)),
            done = tried => done,
            () = tokio::time::sleep(TRIES) => Err(PortalError::Timeout("a page that tries to go around the gateway".into())),
        }
    }
}
