//! Where the gateway listens, and whom it lets in.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

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
    pub fn of_this_machine() -> io::Result<Self> {
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
    /// Whether a connection from `peer` is taken. Where the kernel's list of connections cannot be read, it is.
    pub(super) fn lets_in(self, peer: SocketAddr) -> bool {
        match self.callers {
            Callers::Anybody => true,
            Callers::ThisAccount => {
                let read = |name: &str| std::fs::read_to_string(Path::new("/proc/self/net").join(name));
                let lists: Vec<String> = ["tcp", "tcp6"].into_iter().filter_map(|name| read(name).ok()).collect();
                let mine = rustix::process::geteuid().as_raw();
                lists.is_empty() || lists.iter().find_map(|list| owner(list, peer, self.address)) == Some(mine)
            }
        }
    }
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
        let [_, local, remote, _, _, _, _, account, ..] = fields.as_slice() else { return None };
        (ends(local, from) && ends(remote, to)).then(|| account.parse().ok())?
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
