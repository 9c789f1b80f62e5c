#![doc = include_str!("../../../docs/reference/audit-log.md")]

use crate::{Head, LogId, RecordId};

/// What the disk writes whole or not at all; batches begin at multiples of it.
pub const SECTOR_BYTES: usize = 512;
/// Bytes before the first batch of a segment.
pub const SEGMENT_HEADER_BYTES: usize = SECTOR_BYTES;
/// Bytes of a batch before its first record.
pub const BATCH_HEADER_BYTES: usize = 76;
/// Bytes of a record before its payload.
pub const RECORD_HEADER_BYTES: usize = 28;
/// The longest payload of a record, 64 KiB.
pub const MAX_PAYLOAD_BYTES: usize = 65_536;

const SEGMENT_MAGIC: [u8; 8] = *b"\xffSRSEGMT";
const BATCH_MAGIC: [u8; 8] = *b"\xffSRBATCH";
const VERSION: u16 = 1;
const VOIDS: u16 = 1;
/// Of the batch header, what the checksum covers.
const CHECKED_BYTES: usize = 72;
pub(crate) const TEMPORARY_SUFFIX: &str = ".new";

/// `bytes` rounded up to whole sectors.
pub(crate) const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(SECTOR_BYTES)
}

/// The name of segment `number`.
pub fn segment_name(number: u64) -> String {
    format!("{number:016x}.audit")
}

/// The number in a segment's name; `None` for any other name.
pub fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".audit")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (segment_name(number) == name).then_some(number)
}

/// The head of a log without records.
pub(crate) fn genesis(log: LogId) -> Head {
    Head {
        records: 0,
        chain: crypto::sha256(&[b"strongroom audit log v1", &log.0]),
    }
}

/// The leaf hash of a record's bytes.
pub(crate) fn leaf(record: &[u8]) -> [u8; 32] {
    crypto::sha256(&[&[0], record])
}

/// The chain's next value.
pub(crate) fn chain(before: &[u8; 32], leaf: &[u8; 32]) -> [u8; 32] {
    crypto::sha256(&[b"strongroom audit chain v1", before, leaf])
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    field(bytes, at).map(u64::from_be_bytes)
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) size: u64,
    /// Sequence of the first record here, and the chain before it.
    pub(crate) start: Head,
    pub(crate) previous: Place,
    pub(crate) voids: bool,
}

/// An offset in a segment. Segment 0 is before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut sector = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        sector.extend_from_slice(&SEGMENT_MAGIC);
        sector.extend_from_slice(&VERSION.to_be_bytes());
        sector.extend_from_slice(&(if self.voids { VOIDS } else { 0 }).to_be_bytes());
        sector.extend_from_slice(&[0; 4]);
        sector.extend_from_slice(&self.log.0);
        for field in [self.number, self.size, self.start.records] {
            sector.extend_from_slice(&field.to_be_bytes());
        }
        sector.extend_from_slice(&self.start.chain);
        for field in [self.previous.segment, self.previous.offset] {
            sector.extend_from_slice(&field.to_be_bytes());
        }
        sector.resize(SEGMENT_HEADER_BYTES - 4, 0);
        let crc = crc32c::crc32c(&sector);
        sector.extend_from_slice(&crc.to_be_bytes());
        sector
    }

    /// `None` unless every byte is as [`SegmentHeader::encode`] writes it.
    pub(crate) fn decode(sector: &[u8]) -> Option<Self> {
        let flags = u16::from_be_bytes(field(sector, 10)?);
        let header = Self {
            log: LogId(field(sector, 16)?),
            number: number(sector, 32)?,
            size: number(sector, 40)?,
            start: Head {
                records: number(sector, 48)?,
                chain: field(sector, 56)?,
            },
            previous: Place {
                segment: number(sector, 88)?,
                offset: number(sector, 96)?,
            },
            voids: flags & VOIDS != 0,
        };
        (header.encode() == sector).then_some(header)
    }
}

/// A batch's header, its place and checksum aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) place: Place,
    pub(crate) first_sequence: u64,
    pub(crate) records: u32,
    pub(crate) body_bytes: u32,
    pub(crate) chain: [u8; 32],
}

impl BatchHeader {
    /// Writes the header over the first bytes of `batch`, whose records are in place behind, and
    /// pads it to whole sectors. May be repeated for another place.
    pub(crate) fn seal(&self, log: LogId, batch: &mut Vec<u8>) {
        let end = BATCH_HEADER_BYTES.saturating_add(self.body_bytes as usize);
        let mut header = Vec::with_capacity(BATCH_HEADER_BYTES);
        header.extend_from_slice(&BATCH_MAGIC);
        for field in [self.place.segment, self.place.offset, self.first_sequence] {
            header.extend_from_slice(&field.to_be_bytes());
        }
        header.extend_from_slice(&self.records.to_be_bytes());
        header.extend_from_slice(&self.body_bytes.to_be_bytes());
        header.extend_from_slice(&self.chain);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&log.0), &header);
        let crc = crc32c::crc32c_append(crc, batch.get(BATCH_HEADER_BYTES..end).unwrap_or_default());
        header.extend_from_slice(&crc.to_be_bytes());
        batch.iter_mut().zip(&header).for_each(|(to, from)| *to = *from);
        batch.resize(padded(end), 0);
    }

    /// Reads a header that claims to lie at `place`; the checksum is [`BatchHeader::checks`]'s.
    pub(crate) fn decode(bytes: &[u8], place: Place) -> Option<Self> {
        if field(bytes, 0) != Some(BATCH_MAGIC) {
            return None;
        }
        let header = Self {
            place: Place {
                segment: number(bytes, 8)?,
                offset: number(bytes, 16)?,
            },
            first_sequence: number(bytes, 24)?,
            records: u32::from_be_bytes(field(bytes, 32)?),
            body_bytes: u32::from_be_bytes(field(bytes, 36)?),
            chain: field(bytes, 40)?,
        };
        let least = u64::from(header.records).checked_mul(RECORD_HEADER_BYTES as u64 + 2)?;
        let plausible = header.records > 0 && least <= u64::from(header.body_bytes);
        (header.place == place && plausible).then_some(header)
    }

    /// Whether `batch`, header and padding included, is whole.
    pub(crate) fn checks(&self, log: LogId, batch: &[u8]) -> bool {
        let end = BATCH_HEADER_BYTES.saturating_add(self.body_bytes as usize);
        let (Some(checked), Some(crc), Some(body), Some(padding)) = (
            batch.get(..CHECKED_BYTES),
            field(batch, CHECKED_BYTES),
            batch.get(BATCH_HEADER_BYTES..end),
            batch.get(end..),
        ) else {
            return false;
        };
        let actual = [checked, body].iter().fold(crc32c::crc32c(&log.0), |crc, part| {
            crc32c::crc32c_append(crc, part)
        });
        actual == u32::from_be_bytes(crc) && padding.iter().all(|byte| *byte == 0)
    }

    /// Bytes that the batch takes up, padding included.
    pub(crate) const fn span(&self) -> u64 {
        padded(BATCH_HEADER_BYTES.saturating_add(self.body_bytes as usize)) as u64
    }
}

/// One record within a batch.
#[derive(Clone, Copy)]
pub(crate) struct RawRecord<'b> {
    pub(crate) id: RecordId,
    pub(crate) micros: u64,
    pub(crate) payload: &'b [u8],
    /// All of it, as hashed into the leaf.
    pub(crate) bytes: &'b [u8],
}

/// Appends a record to a batch that is being collected.
pub(crate) fn push_record(batch: &mut Vec<u8>, id: RecordId, micros: u64, payload: &[u8]) {
    // Payloads are at most MAX_PAYLOAD_BYTES, checked before.
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    batch.extend_from_slice(&len.to_be_bytes());
    batch.extend_from_slice(&id.0);
    batch.extend_from_slice(&micros.to_be_bytes());
    batch.extend_from_slice(payload);
}

/// The first record of `bytes`, and what follows it.
pub(crate) fn split_record(bytes: &[u8]) -> Option<(RawRecord<'_>, &[u8])> {
    let len = u32::from_be_bytes(field(bytes, 0)?) as usize;
    if len > MAX_PAYLOAD_BYTES {
        return None;
    }
    let (record, rest) = bytes.split_at_checked(RECORD_HEADER_BYTES + len)?;
    let raw = RawRecord {
        id: RecordId(field(record, 4)?),
        micros: number(record, 20)?,
        payload: record.get(RECORD_HEADER_BYTES..)?,
        bytes: record,
    };
    Some((raw, rest))
}
