//! Reads the binary form of SSH keys, signatures and revocation lists (RFC 4251 section 5).

/// The input ended early, or holds more than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damaged> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn number(&mut self) -> Result<u32, Damaged> {
        let bytes = self.take(4)?.try_into().map_err(|_| Damaged)?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// Bytes with their length before them.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| Damaged)?)
    }

    /// A string that is text.
    pub(super) fn text(&mut self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.string()?).map_err(|_| Damaged)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Damaged> {
        if self.is_empty() { Ok(()) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_longer_than_what_is_there_is_damage() {
        let mut wire = Wire::new(&[0, 0, 0, 2, b'a', b'b', 7]);
        assert_eq!(wire.string(), Ok(&b"ab"[..]));
        assert_eq!(wire.end(), Err(Damaged));
        assert_eq!(wire.byte(), Ok(7));
        assert_eq!(wire.end(), Ok(()));
        assert_eq!(Wire::new(&[0, 0, 0, 3, b'a', b'b']).string(), Err(Damaged));
        assert_eq!(Wire::new(&[255, 255, 255, 255, b'a']).string(), Err(Damaged));
        assert_eq!(Wire::new(&[0, 0, 1]).number(), Err(Damaged));
    }
}
