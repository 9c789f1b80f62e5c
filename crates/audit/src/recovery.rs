//! Finds out, at start, where the log ended, and makes that end sound before anything is added.

use std::io;

use ambient::Random;

use crate::format::{self, Place, SECTOR_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::history::{History, broken, numbers};
use crate::log::OpenError;
use crate::medium::Medium;
use crate::spare::Spare;
use crate::verify::{Broken, Damage, VerifyError};
use crate::walk::{Segment, Whole, follow};
use crate::{Head, LogId};

/// What was found at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Which log.
    pub log: LogId,
    /// Whether it was created just now.
    pub created: bool,
    /// How far it went.
    pub head: Head,
    /// An unfinished batch that was cut off; nobody holds a receipt for it.
    pub cut: Option<Cut>,
}

/// An unfinished batch at the end of the log, now zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Number of the segment.
    pub segment: u64,
    /// Where the batch began, in bytes.
    pub offset: u64,
    /// Bytes cut off, in whole sectors.
    pub bytes: u64,
}

/// Where the writer goes on.
pub(crate) struct Resumed {
    pub(crate) log: LogId,
    pub(crate) head: Head,
    pub(crate) tip: Option<Tip>,
    /// Where the durable history ends.
    pub(crate) durable: Place,
    pub(crate) next_number: u64,
    pub(crate) spare: Option<Spare>,
    pub(crate) cut: Option<Cut>,
}

/// The segment being written.
pub(crate) struct Tip {
    pub(crate) segment: Segment,
    pub(crate) offset: u64,
}

/// Reads where the log ends. The caller holds the lock. Only the last segment is read in full;
/// [`crate::verify()`] reads them all.
pub(crate) fn resume(
    medium: &dyn Medium,
    random: &dyn Random,
    segment_bytes: u64,
) -> Result<Resumed, OpenError> {
    remove_unfinished(medium)?;
    let history = History::read(medium)?;
    let last_number = numbers(medium)?.last().copied().unwrap_or(0);
    let spare = sort_out_headless(medium, &history, segment_bytes)?;
    let mut resumed = match history.last() {
        None => {
            let log = LogId(random.bytes()?);
            Resumed {
                log,
                head: format::genesis(log),
                tip: None,
                durable: Place::default(),
                next_number: 0,
                spare: None,
                cut: None,
            }
        }
        Some(last) => end_of(medium, last)?,
    };
    resumed.next_number = spare.as_ref().map_or(last_number + 1, |spare| spare.number);
    resumed.spare = spare;
    Ok(resumed)
}

/// Removes segments whose allocation was interrupted.
fn remove_unfinished(medium: &dyn Medium) -> io::Result<()> {
    for name in medium.list()? {
        let unfinished = name.strip_suffix(format::TEMPORARY_SUFFIX);
        if unfinished.and_then(format::segment_number).is_some() {
            medium.remove(&name)?;
        }
    }
    Ok(())
}

/// Keeps the newest segment without a header as a spare if it is blank, and removes the others: a
/// header is durable before the first batch is written, so they hold nothing. One that holds a
/// batch all the same has lost its header to something else than a crash.
fn sort_out_headless(
    medium: &dyn Medium,
    history: &History,
    segment_bytes: u64,
) -> Result<Option<Spare>, OpenError> {
    let mut spare = None;
    for (index, number) in history.headless.iter().rev().enumerate() {
        let name = format::segment_name(*number);
        let file = medium.open(&name)?;
        let size = file.size()?;
        let segment = Segment {
            file,
            log: LogId([0; 16]),
            number: *number,
            size,
        };
        if segment.claimed_batch_from(0)?.is_some() {
            return Err(broken(*number, Damage::SegmentHeader).into());
        }
        if index == 0 && size == segment_bytes && segment.not_zero(0)?.is_none() {
            spare = Some(Spare {
                number: *number,
                size,
                file: segment.file,
            });
        } else {
            medium.remove(&name)?;
        }
    }
    medium.sync_directory()?;
    Ok(spare)
}

/// Walks the last segment to its end, cuts what a crash tore, and makes the end durable again.
fn end_of(medium: &dyn Medium, header: &SegmentHeader) -> Result<Resumed, OpenError> {
    let segment = Segment {
        file: medium.open(&format::segment_name(header.number))?,
        log: header.log,
        number: header.number,
        size: header.size,
    };
    let mut head = header.start;
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    let mut last: Option<Whole> = None;
    while let Some(batch) = segment.batch_at(offset)? {
        head =
            follow(&head, &batch, &mut |_, _, _| {}).map_err(|damage| at(&segment, offset, &head, damage))?;
        offset = offset.saturating_add(batch.header.span());
        last = Some(batch);
    }
    if segment.whole_batch_behind(offset)?.is_some() {
        return Err(at(&segment, offset, &head, Damage::Batch).into());
    }
    let cut = cut(&segment, offset)?;
    // The process before may have died between write and sync, or after a sync that failed: then
    // the last thing written may be in memory only, and marked as written back. Writing it once
    // more makes the sync below cover it.
    match &last {
        Some(batch) => segment.file.write_at(batch.header.place.offset, &batch.bytes)?,
        None => segment.file.write_at(0, &header.encode())?,
    }
    segment.file.sync()?;
    let here = Place {
        segment: header.number,
        offset,
    };
    Ok(Resumed {
        log: header.log,
        head,
        durable: here,
        tip: Some(Tip { segment, offset }),
        next_number: 0,
        spare: None,
        cut,
    })
}

/// Overwrites with zeros whatever lies behind `offset`; the caller syncs.
fn cut(segment: &Segment, offset: u64) -> io::Result<Option<Cut>> {
    let Some((_, last)) = segment.not_zero(offset)? else {
        return Ok(None);
    };
    let end = last + SECTOR_BYTES as u64;
    let zeros = [0; SECTOR_BYTES];
    let mut at = offset;
    while at < end {
        segment.file.write_at(at, &zeros)?;
        at += SECTOR_BYTES as u64;
    }
    Ok(Some(Cut {
        segment: segment.number,
        offset,
        bytes: end - offset,
    }))
}

fn at(segment: &Segment, offset: u64, head: &Head, damage: Damage) -> VerifyError {
    VerifyError::Broken(Broken {
        segment: segment.number,
        offset,
        sequence: Some(head.records),
        damage,
    })
}
