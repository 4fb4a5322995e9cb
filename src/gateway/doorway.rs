//! Where the gateway listens, and whom it lets in.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use rustix::net::netlink as netlink_protocol;
use rustix::net::{AddressFamily, ipproto};

use crate::netlink;

/// Where the gateway listens, and for whom.
#[derive(Debug)]
pub struct Doorway {
    listener: TcpListener,
    callers: Callers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callers {
    Anybody,
    /// Processes of the account that this process runs under.
    ThisAccount,
}

impl Doorway {
    /// In a network in which there is nobody else.
    pub fn inside(listener: TcpListener) -> Self {
        Self { listener, callers: Callers::Anybody }
    }

    /// A free port of this machine's loopback, for the processes of this account.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn of_this_account() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, callers: Callers::ThisAccount })
    }

    /// A free port of this machine's loopback, for whoever comes: a browser that somebody else started.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub(crate) fn of_this_machine() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, callers: Callers::Anybody })
    }

    /// The address, and the doorway as the gateway's tasks use it.
    pub(super) fn open(self) -> io::Result<(SocketAddr, tokio::net::TcpListener, Guard)> {
        let address = self.listener.local_addr()?;
        self.listener.set_nonblocking(true)?;
        let guard = Guard { callers: self.callers, address };
        Ok((address, tokio::net::TcpListener::from_std(self.listener)?, guard))
    }
}

/// Decides who is let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    callers: Callers,
    address: SocketAddr,
}

impl Guard {
    /// Whether a connection from `peer` is taken. Where the kernel tells nothing of connections, it is.
    pub(super) fn lets_in(self, peer: SocketAddr) -> bool {
        match self.callers {
            Callers::Anybody => true,
            Callers::ThisAccount => {
                let mine = rustix::process::geteuid().as_raw();
                match told(peer, self.address) {
                    Ok(account) => account == mine,
                    // There is no such connection any more; or no such part of the kernel, which says the same.
                    Err(_) => listed(peer, self.address).is_none_or(|account| account == Some(mine)),
                }
            }
        }
    }
}

// From linux/sock_diag.h and linux/inet_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const EVERY_STATE: u32 = u32::MAX;
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// Where `struct inet_diag_msg` has the account and the inode, which a connection without a process has no more.
const ACCOUNT: std::ops::Range<usize> = 64..68;
const INODE: std::ops::Range<usize> = 68..72;

/// Account of the socket at `from` that is connected to `to`, asked of the kernel: sock_diag(7). That takes the same time however
/// many connections there are.
fn told(from: SocketAddr, to: SocketAddr) -> io::Result<u32> {
    let (SocketAddr::V4(here), SocketAddr::V4(there)) = (from, to) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let family = u8::try_from(AddressFamily::INET.as_raw()).map_err(io::Error::other)?;
    let tcp = u8::try_from(ipproto::TCP.as_raw().get()).map_err(io::Error::other)?;
    let address = |ip: &Ipv4Addr| [&ip.octets()[..], &[0; 12]].concat();
    let question = [
        &[family, tcp, 0, 0][..],
        &EVERY_STATE.to_ne_bytes(),
        &here.port().to_be_bytes(),
        &there.port().to_be_bytes(),
        &address(here.ip()),
        &address(there.ip()),
        // Whatever link it is on.
        &[0; 4],
        &NO_COOKIE,
    ];
    let answer = netlink::ask(Some(netlink_protocol::SOCK_DIAG), SOCK_DIAG_BY_FAMILY, 0, &question.concat())?;
    let number =
        |at: std::ops::Range<usize>| answer.get(at).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    match (number(ACCOUNT), number(INODE)) {
        (Some(_), Some(0)) => Err(io::ErrorKind::NotFound.into()),
        (Some(account), Some(_)) => Ok(account),
        (None, _) | (_, None) => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The same from the kernel's lists; nothing where there are none, an inner nothing where the connection is in none of them.
fn listed(from: SocketAddr, to: SocketAddr) -> Option<Option<u32>> {
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc/self/net").join(name));
    let lists: Vec<String> = ["tcp", "tcp6"].into_iter().filter_map(|name| read(name).ok()).collect();
    (!lists.is_empty()).then(|| lists.iter().find_map(|list| owner(list, from, to)))
}

/// Account of the socket at `from` that is connected to `to`, in a list as /proc/net/tcp is one: address and port in hexadecimal,
/// the address in the byte order of the machine; the account is the eighth field.
fn owner(list: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let ends = |text: &str, end: SocketAddr| {
        let Some((address, port)) = text.split_once(':') else { return false };
        let SocketAddr::V4(end) = end else { return false };
        let wanted = format!("{:08X}", u32::from_ne_bytes(end.ip().octets()));
        // An address of IPv6 may stand for one of IPv4.
        u16::from_str_radix(port, 16) == Ok(end.port()) && address.ends_with(&wanted)
    };
    list.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, _, _, _, _, account, _, inode, ..] = fields.as_slice() else { return None };
        (ends(local, from) && ends(remote, to) && *inode != "0").then(|| account.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1\n\
        \x20  1: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 101 1\n\
        \x20  2: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 102 1\n";

    #[test]
    fn the_kernel_knows_whose_a_connection_is() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let stream = std::net::TcpStream::connect(to).unwrap();
        let from = stream.local_addr().unwrap();
        let mine = rustix::process::geteuid().as_raw();
        assert_eq!(told(from, to).unwrap(), mine);
        assert_eq!(listed(from, to), Some(Some(mine)));
        let nobody: SocketAddr = (Ipv4Addr::LOCALHOST, 1).into();
        assert_eq!(told(nobody, to).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(listed(nobody, to), Some(None));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_account_is_that_of_the_callers_end() {
        let (here, caller): (SocketAddr, SocketAddr) =
            ("127.0.0.1:8080".parse().unwrap(), "127.0.0.1:40000".parse().unwrap());
        assert_eq!(owner(LIST, caller, here), Some(65534));
        assert_eq!(owner(LIST, "127.0.0.1:40001".parse().unwrap(), here), None);
        let mapped = LIST.replace("0100007F:", "0000000000000000FFFF00000100007F:");
        assert_eq!(owner(&mapped, caller, here), Some(65534));
    }
}
