//! The process that goes into a network of the browser's own, starts the driver there, and hands out sockets of that network.

use std::ffi::OsString;
use std::io::{self, IoSlice, stdin};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};
use rustix::process::{Signal, getgid, getpgrp, getpid, getuid, kill_current_process_group};

use crate::netlink;

/// What this process is called when it is asked for: its argument zero, which is no command of a user.
pub(in crate::portal) const NAME: &str = "portal-agent-network";

/// Goes inside, if that is what this process was started for: its arguments are the driver's program and arguments, its standard
/// input is the socket it is asked by. To be called while there is but one thread, since only such a process may go.
pub fn enter_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    // It ends its group at the end: that has to be one of its own, and not that of a shell from which somebody tries this.
    if getpgrp() != getpid() {
        return Some(ExitCode::FAILURE);
    }
    let stdin = stdin();
    let agent = stdin.as_fd();
    let opened = enter().and_then(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let told = answer(agent, &opened);
    if told.is_err() || opened.is_err() || start(arguments.collect()).is_err() {
        return Some(ExitCode::FAILURE);
    }
    drop(opened);
    serve(agent);
    // The agent is gone. What it started here goes too, and this process with it.
    let _ = kill_current_process_group(Signal::KILL);
    Some(ExitCode::SUCCESS)
}

/// Starts the driver. When it ends, so does all that it started, and this process.
fn start(mut arguments: Vec<OsString>) -> io::Result<()> {
    if arguments.is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let program = arguments.remove(0);
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).spawn()?;
    std::thread::spawn(move || {
        let _ = child.wait();
        let _ = kill_current_process_group(Signal::KILL);
    });
    Ok(())
}

/// Hands out connections to ports of loopback until nobody asks any more.
fn serve(agent: BorrowedFd<'_>) {
    let mut port = [0; 2];
    while let Ok((2, _)) = recv(agent, &mut port[..], RecvFlags::empty()) {
        let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, u16::from_be_bytes(port)));
        if answer(agent, &connected).is_err() {
            return;
        }
    }
}

/// Hands over a socket, or says why there is none.
fn answer(agent: BorrowedFd<'_>, made: &io::Result<impl AsFd>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut handed = SendAncillaryBuffer::new(&mut space);
    match made {
        Ok(socket) => {
            let sockets = [socket.as_fd()];
            handed.push(SendAncillaryMessage::ScmRights(&sockets));
            sendmsg(agent, &[IoSlice::new(b"ok")], &mut handed, SendFlags::NOSIGNAL)?;
            Ok(())
        }
        Err(error) => {
            let told = error.to_string();
            let told = &told.as_bytes()[..told.len().min(super::LONGEST)];
            sendmsg(agent, &[IoSlice::new(told)], &mut handed, SendFlags::NOSIGNAL)?;
            Ok(())
        }
    }
}

/// Into a new network, in which loopback is up.
fn enter() -> io::Result<()> {
    let said = |what: &str, error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    // Whoever may do it outright keeps the accounts as they are. Everybody else needs accounts of their own as well.
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        let (account, group) = (getuid().as_raw(), getgid().as_raw());
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
            .map_err(|error| said("the system allows no network of one's own", error.into()))?;
        std::fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| std::fs::write("/proc/self/uid_map", format!("{account} {account} 1")))
            .and_then(|()| std::fs::write("/proc/self/gid_map", format!("{group} {group} 1")))
            .map_err(|error| said("the account is not taken along", error))?;
    }
    let up = set_link(0, &about(LOOPBACK, IFF_UP)).and_then(|()| add_pair());
    up.map_err(|error| said("its loopback does not come up", error))
}

/// Loopback is the first link of every network.
const LOOPBACK: i32 = 1;

// From linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/veth.h and linux/if.h.
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const RTM_NEWLINK: u16 = 16;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFF_UP: u32 = 1;

/// Two links that lead to each other. Without any beside loopback, a browser tells pages that it is offline.
fn add_pair() -> io::Result<()> {
    // Their addresses are to be there at once: one that comes later is a change of network to a browser, which then gives up the
    // requests that are on their way. Where there is no IPv6, there is none.
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
    let names = [b"agent0\0", b"agent1\0"].map(|name| attribute(IFLA_IFNAME, name));
    let peer = [about(0, 0), names[1].clone()].concat();
    let data = attribute(IFLA_INFO_DATA, &attribute(VETH_INFO_PEER, &peer));
    let kind = attribute(IFLA_LINKINFO, &[attribute(IFLA_INFO_KIND, b"veth"), data].concat());
    set_link(NLM_F_CREATE | NLM_F_EXCL, &[about(0, 0), names[0].clone(), kind].concat())?;
    names.iter().try_for_each(|name| set_link(0, &[about(0, IFF_UP), name.clone()].concat()))
}

/// As rtnetlink(7) has it.
fn set_link(flags: u16, about: &[u8]) -> io::Result<()> {
    netlink::ask(None, RTM_NEWLINK, NLM_F_ACK | flags, about).map(drop)
}

/// `struct ifinfomsg` of a link: its number, nothing where its name says which, and flags to set.
fn about(link: i32, flags: u32) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(&link.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes
}

/// `struct rtattr` and its content, padded to four bytes.
fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    // Contents are a few dozen bytes, written above.
    let length = u16::try_from(4 + content.len()).unwrap_or_default();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
