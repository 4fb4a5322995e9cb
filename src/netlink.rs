//! Questions to the Linux kernel, and its answers: netlink(7). By hand, since two questions are asked, and the crates for it bring
//! a runtime and a codec for every message there is.

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

// From linux/netlink.h.
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;

/// `struct nlmsghdr`.
const HEAD: usize = 16;

/// Asks one thing, and returns the content of the answer; nothing where the kernel only confirms. `protocol` is the family of
/// questions, none for that of links; `kind` and `flags` are those of the message.
///
/// # Errors
///
/// The kernel's own, as its number; whatever the system reports; an answer that is none.
pub fn ask(protocol: Option<Protocol>, kind: u16, flags: u16, content: &[u8]) -> io::Result<Vec<u8>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    let length = u32::try_from(HEAD + content.len()).map_err(io::Error::other)?;
    // Number and sender are nothing: one question is asked by one socket.
    let head = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &(NLM_F_REQUEST | flags).to_ne_bytes(), &[0; 8]];
    let message = [&head.concat(), content].concat();
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 4096];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    read(&answer[..length])
}

fn read(answer: &[u8]) -> io::Result<Vec<u8>> {
    let Some((head, content)) = answer.split_at_checked(HEAD) else { return Err(io::ErrorKind::InvalidData.into()) };
    if u16::from_ne_bytes([head[4], head[5]]) != NLMSG_ERROR {
        return Ok(content.to_vec());
    }
    match content {
        // A confirmation is an error of number nothing.
        [a, b, c, d, ..] => match i32::from_ne_bytes([*a, *b, *c, *d]) {
            0 => Ok(Vec::new()),
            code => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        },
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_kernels_and_a_confirmation_is_empty() {
        let answer = |kind: u16, content: &[u8]| [&[0; 4][..], &kind.to_ne_bytes(), &[0; 10], content].concat();
        assert_eq!(read(&answer(20, b"content")).unwrap(), b"content");
        assert!(read(&answer(NLMSG_ERROR, &0i32.to_ne_bytes())).unwrap().is_empty());
        let refused = read(&answer(NLMSG_ERROR, &(-1i32).to_ne_bytes())).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        for cut in [&b""[..], &[0; 15], &answer(NLMSG_ERROR, &[1, 2])] {
            assert_eq!(read(cut).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
