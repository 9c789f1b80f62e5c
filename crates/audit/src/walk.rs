//! Steps through one segment, trusting nothing that it reads.

use std::io;

use crate::format::{self, BatchHeader, Place, RawRecord, SECTOR_BYTES, SegmentHeader};
use crate::medium::{Medium, MediumFile};
use crate::verify::Damage;
use crate::{Head, LogId};

/// Bytes read in one go when looking for something.
const WINDOW_BYTES: usize = 64 << 10;
/// Bytes read in the hope that the whole batch is in them.
const GUESS_BYTES: usize = 4096;

/// A batch whose checksum is right.
pub(crate) struct Whole {
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Vec<u8>,
}

/// A segment being read.
pub(crate) struct Segment {
    pub(crate) file: Box<dyn MediumFile>,
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) size: u64,
}

impl Segment {
    pub(crate) fn open_read(medium: &dyn Medium, header: &SegmentHeader) -> io::Result<Self> {
        Ok(Self {
            file: medium.open_read(&format::segment_name(header.number))?,
            log: header.log,
            number: header.number,
            size: header.size,
        })
    }

    /// The batch at `offset`, if there is a whole one.
    pub(crate) fn batch_at(&self, offset: u64) -> io::Result<Option<Whole>> {
        let Some((header, mut bytes)) = self.claim_at(offset)? else {
            return Ok(None);
        };
        let (Some(end), Ok(span)) = (offset.checked_add(header.span()), usize::try_from(header.span()))
        else {
            return Ok(None);
        };
        if end > self.size {
            return Ok(None);
        }
        if bytes.len() < span {
            bytes = vec![0; span];
            if self.file.read_at(offset, &mut bytes)? < span {
                return Ok(None);
            }
        }
        bytes.truncate(span);
        // Read again: between two reads of a live log the header may have changed.
        let header = BatchHeader::decode(&bytes, header.place);
        Ok(header
            .filter(|header| header.span() == span as u64 && header.checks(self.log, &bytes))
            .map(|header| Whole { header, bytes }))
    }

    /// A batch header at `offset`, whole or not, and the bytes from there on.
    fn claim_at(&self, offset: u64) -> io::Result<Option<(BatchHeader, Vec<u8>)>> {
        let mut bytes = vec![0; GUESS_BYTES];
        let read = self.file.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        let place = Place {
            segment: self.number,
            offset,
        };
        Ok(BatchHeader::decode(&bytes, place).map(|header| (header, bytes)))
    }

    /// The offset of the first whole batch behind `offset`.
    pub(crate) fn whole_batch_behind(&self, offset: u64) -> io::Result<Option<u64>> {
        self.find(offset.saturating_add(SECTOR_BYTES as u64), |segment, at| {
            Ok(segment.batch_at(at)?.is_some())
        })
    }

    /// The offset of the first batch header from `offset` on, whatever follows it.
    pub(crate) fn claimed_batch_from(&self, offset: u64) -> io::Result<Option<u64>> {
        self.find(offset, |segment, at| Ok(segment.claim_at(at)?.is_some()))
    }

    fn find(&self, from: u64, found: impl Fn(&Self, u64) -> io::Result<bool>) -> io::Result<Option<u64>> {
        let mut hit = None;
        self.windows(from, &mut |offset, window| {
            if window == ZEROS.get(..window.len()).unwrap_or_default() {
                return Ok(true);
            }
            for (index, sector) in window.chunks(SECTOR_BYTES).enumerate() {
                let at = offset + (index * SECTOR_BYTES) as u64;
                if sector.first() == Some(&0xff) && found(self, at)? {
                    hit = Some(at);
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        Ok(hit)
    }

    /// The first and the last sector from `from` on that are not all zeros, by their offsets.
    pub(crate) fn not_zero(&self, from: u64) -> io::Result<Option<(u64, u64)>> {
        let mut span: Option<(u64, u64)> = None;
        self.windows(from, &mut |offset, window| {
            if window == ZEROS.get(..window.len()).unwrap_or_default() {
                return Ok(true);
            }
            for (index, sector) in window.chunks(SECTOR_BYTES).enumerate() {
                if sector.iter().any(|byte| *byte != 0) {
                    let at = offset + (index * SECTOR_BYTES) as u64;
                    span = Some((span.map_or(at, |(first, _)| first), at));
                }
            }
            Ok(true)
        })?;
        Ok(span)
    }

    /// Hands over the segment from `from` on, window by window, until told to stop.
    fn windows(&self, from: u64, visit: &mut dyn FnMut(u64, &[u8]) -> io::Result<bool>) -> io::Result<()> {
        let left = usize::try_from(self.size.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut window = vec![0; left.min(WINDOW_BYTES)];
        let mut offset = from;
        while offset < self.size {
            let read = self.file.read_at(offset, &mut window)?;
            let bytes = window.get(..read).unwrap_or_default();
            if read == 0 || !visit(offset, bytes)? {
                break;
            }
            offset += read as u64;
        }
        Ok(())
    }
}

static ZEROS: [u8; WINDOW_BYTES] = [0; WINDOW_BYTES];

/// Continues the chain over a batch: the head behind it, or what does not fit. Each record is
/// handed out with its leaf and the chain after it, before the batch as a whole is known to fit.
pub(crate) fn follow(
    head: &Head,
    batch: &Whole,
    each: &mut dyn FnMut(RawRecord<'_>, [u8; 32], &Head),
) -> Result<Head, Damage> {
    if batch.header.first_sequence != head.records {
        return Err(Damage::Sequence);
    }
    let end = format::BATCH_HEADER_BYTES.saturating_add(batch.header.body_bytes as usize);
    let mut rest = batch
        .bytes
        .get(format::BATCH_HEADER_BYTES..end)
        .ok_or(Damage::Batch)?;
    let mut head = *head;
    for _ in 0..batch.header.records {
        let (record, behind) = format::split_record(rest).ok_or(Damage::Batch)?;
        if record.id.sequence() != head.records {
            return Err(Damage::Sequence);
        }
        let leaf = format::leaf(record.bytes);
        head = Head {
            records: head.records.saturating_add(1),
            chain: format::chain(&head.chain, &leaf),
        };
        each(record, leaf, &head);
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(Damage::Batch);
    }
    if head.chain != batch.header.chain {
        return Err(Damage::Chain);
    }
    Ok(head)
}
