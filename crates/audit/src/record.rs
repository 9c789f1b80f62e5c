//! What a reader of the log gets to see.

use std::fmt;

use ambient::Timestamp;

/// Identifies one log: 16 random bytes, made when its first segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogId(pub(crate) [u8; 16]);

impl LogId {
    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crypto::hex(&self.0))
    }
}

/// A record's own id: 8 random bytes of the run that wrote it, then its sequence. Unique without
/// a random number for each record, even where a crash makes two runs use one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub(crate) [u8; 16]);

impl RecordId {
    pub(crate) fn new(run: [u8; 8], sequence: u64) -> Self {
        let mut id = [0; 16];
        let (high, low) = id.split_at_mut(8);
        high.copy_from_slice(&run);
        low.copy_from_slice(&sequence.to_be_bytes());
        Self(id)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// It as people read it, without an allocation: the log has it in each request's line.
    pub fn text(self) -> RecordIdText {
        let mut digits = [0; 32];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(self.0) {
            *pair = crypto::hex_byte(byte);
        }
        RecordIdText(digits)
    }

    /// The record's place in the log: the first record has 0.
    pub fn sequence(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// 32 lower-case hexadecimal digits.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// A record's id as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordIdText([u8; 32]);

impl RecordIdText {
    /// The digits.
    pub fn as_str(&self) -> &str {
        // They are ASCII, so this never falls back.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// One record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its own id.
    pub id: RecordId,
    /// When it was appended, by the writer's wall clock.
    pub time: Timestamp,
    /// The JSON object that it carries.
    pub payload: Vec<u8>,
    /// SHA-256(0x00 ‖ record bytes): its leaf in a Merkle tree after RFC 6962, section 2.1.
    pub leaf: [u8; 32],
}

impl Record {
    /// Its place in the log: the first record has 0, and none is left out.
    pub fn sequence(&self) -> u64 {
        self.id.sequence()
    }
}

/// How far a log goes, and the hash that stands for everything up to there. Noted elsewhere (on
/// paper, in another system), it shows later that nothing up to it was altered or cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of records; the next one gets this sequence.
    pub records: u64,
    /// The hash chain's value after the last of them.
    pub chain: [u8; 32],
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({self})")
    }
}

/// `<records>:<64 hexadecimal digits>`.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.records, crypto::hex(&self.chain))
    }
}

/// The text is no head as [`Head`] displays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is written <records>:<64 hexadecimal digits>")]
pub struct InvalidHead;

impl std::str::FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (records, chain) = text.split_once(':').ok_or(InvalidHead)?;
        let chain = crypto::unhex(chain).ok_or(InvalidHead)?;
        Ok(Self {
            records: records.parse().map_err(|_| InvalidHead)?,
            chain: chain.try_into().map_err(|_| InvalidHead)?,
        })
    }
}
