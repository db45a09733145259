//! Reading and writing bytes that other nodes wrote, or anyone: the parts of a codec.
//!
//! A [`Reader`] never takes more than there is, and a count is believed only as far as the bytes
//! behind it could hold: so nothing is allocated for what is only announced.

use thiserror::Error;

use crate::codec::CodecError;

/// Bytes are not what was to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes are not of this form")]
pub struct Malformed;

impl From<Malformed> for CodecError {
    fn from(malformed: Malformed) -> Self {
        Self::caused_by("the bytes are no value of this type", malformed)
    }
}

/// Appends to bytes what [`Reader`] takes from them.
pub trait Write {
    /// Appends bytes as they are.
    fn put(&mut self, bytes: &[u8]);

    /// Appends one byte.
    fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Appends a number in one to ten bytes, small ones in few.
    fn put_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.put_byte(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.put_byte(number.to_le_bytes()[0]);
    }

    /// Appends a signed number; those near zero take few bytes.
    fn put_signed(&mut self, number: i64) {
        self.put_number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// Appends a count, or a length.
    fn put_count(&mut self, count: usize) {
        self.put_number(count as u64);
    }

    /// Appends eight bytes.
    fn put_u64(&mut self, number: u64) {
        self.put(&number.to_le_bytes());
    }

    /// Appends bytes behind their length.
    fn put_counted(&mut self, bytes: &[u8]) {
        self.put_count(bytes.len());
        self.put(bytes);
    }
}

impl Write for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Takes from bytes what [`Write`] appended; a copy reads on by itself.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the first of `bytes` on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns what was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Makes sure that all was read.
    ///
    /// # Errors
    /// There is more.
    pub fn end(&self) -> Result<(), Malformed> {
        self.0.is_empty().then_some(()).ok_or(Malformed)
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Takes an array of bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// There is none.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Takes eight bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a number.
    ///
    /// # Errors
    /// It is cut off, or larger than a `u64`.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    /// Takes a signed number.
    ///
    /// # Errors
    /// It is cut off, or out of an `i64`'s range.
    pub fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Takes a count of things of which each takes at least `least` bytes.
    ///
    /// # Errors
    /// It is cut off, or the bytes left cannot hold so many.
    pub fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        let room = self.0.len() / least.max(1);
        (count <= room).then_some(count).ok_or(Malformed)
    }

    /// Takes bytes that stand behind their length.
    ///
    /// # Errors
    /// They are cut off.
    pub fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.count(1)?;
        self.take(count)
    }

    /// Takes text that stands behind its length.
    ///
    /// # Errors
    /// It is cut off, or no UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.counted()?).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            number: u64,
            bits in 0..64_u32,
            signed: i64,
            bytes: Vec<u8>,
            text: String,
        ) {
            let mut written = Vec::new();
            written.put_number(number >> bits);
            written.put_signed(signed >> bits);
            written.put_counted(&bytes);
            written.put_counted(text.as_bytes());
            written.put_u64(number);
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.number(), Ok(number >> bits));
            prop_assert_eq!(reader.signed(), Ok(signed >> bits));
            prop_assert_eq!(reader.counted(), Ok(&*bytes));
            prop_assert_eq!(reader.text(), Ok(&*text));
            prop_assert_eq!(reader.u64(), Ok(number));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_none() {
        let mut largest = Vec::new();
        largest.put_number(u64::MAX);
        assert_eq!(Reader::new(&largest).number(), Ok(u64::MAX));
        *largest.last_mut().unwrap() = 2;
        assert_eq!(Reader::new(&largest).number(), Err(Malformed));
        assert_eq!(Reader::new(&[0x80; 20]).number(), Err(Malformed));
        assert_eq!(Reader::new(&[0x80]).number(), Err(Malformed));
    }

    #[test]
    fn a_count_is_believed_as_far_as_there_are_bytes() {
        let mut bytes = Vec::new();
        bytes.put_count(4);
        bytes.put(&[0; 8]);
        assert_eq!(Reader::new(&bytes).count(2), Ok(4));
        assert_eq!(Reader::new(&bytes).count(3), Err(Malformed));
        let mut bytes = Vec::new();
        bytes.put_number(u64::MAX);
        assert_eq!(Reader::new(&bytes).count(0), Err(Malformed));
    }
}
