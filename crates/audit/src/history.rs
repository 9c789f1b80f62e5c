//! Which segments make up the log, read from their headers alone.

use std::collections::BTreeMap;
use std::io;

use crate::format::{self, SECTOR_BYTES, SegmentHeader};
use crate::medium::Medium;
use crate::verify::{Broken, Damage, VerifyError};

/// The segments of a log, oldest first, and what lies beside them.
pub(crate) struct History {
    pub(crate) segments: Vec<SegmentHeader>,
    /// Segments without a valid header behind the last one: spares, or a torn beginning.
    pub(crate) headless: Vec<u64>,
    /// Segments that a failure left behind; their records stand elsewhere.
    pub(crate) superseded: Vec<u64>,
}

impl History {
    pub(crate) fn read(medium: &dyn Medium) -> Result<Self, VerifyError> {
        let mut found = BTreeMap::new();
        // Newest first: whoever is written while we look only makes newer segments, so one that
        // is named by a header we have seen has its own header already.
        for number in numbers(medium)?.into_iter().rev() {
            match header(medium, number) {
                Ok(header) => {
                    found.insert(number, header);
                }
                Err(VerifyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let segments = back_from_last(&found)?;
        let last = segments.last().map_or(0, |last| last.number);
        let headless = found.range(last + 1..).map(|(number, _)| *number).collect();
        let mut superseded = Vec::new();
        for number in found.range(..last).map(|(number, _)| *number) {
            match segments.iter().find(|segment| segment.number >= number) {
                Some(segment) if segment.number == number => {}
                Some(next) if next.voids => superseded.push(number),
                _ => return Err(broken(number, Damage::SegmentUnexpected)),
            }
        }
        Ok(Self {
            segments,
            headless,
            superseded,
        })
    }

    pub(crate) fn last(&self) -> Option<&SegmentHeader> {
        self.segments.last()
    }

    /// The segment behind `number`.
    pub(crate) fn behind(&self, number: u64) -> Option<&SegmentHeader> {
        self.segments.iter().find(|segment| segment.number > number)
    }

    /// Whether a segment behind the last one has begun since.
    pub(crate) fn outgrown(&self, medium: &dyn Medium) -> Result<bool, VerifyError> {
        let last = self.last().map_or(0, |last| last.number);
        for number in numbers(medium)?.into_iter().filter(|number| *number > last) {
            match header(medium, number) {
                Ok(Some(_)) => return Ok(true),
                Ok(None) => {}
                Err(VerifyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The numbers of all segments, ascending.
pub(crate) fn numbers(medium: &dyn Medium) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = medium
        .list()?
        .iter()
        .filter_map(|name| format::segment_number(name))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The header of segment `number`, if it has a valid one.
fn header(medium: &dyn Medium, number: u64) -> Result<Option<SegmentHeader>, VerifyError> {
    let file = medium.open_read(&format::segment_name(number))?;
    let mut sector = [0; SECTOR_BYTES];
    let read = file.read_at(0, &mut sector)?;
    let Some(header) = SegmentHeader::decode(sector.get(..read).unwrap_or_default()) else {
        return Ok(None);
    };
    if header.number != number {
        return Err(broken(number, Damage::SegmentUnexpected));
    }
    if header.size != file.size()? {
        return Err(broken(number, Damage::SegmentLength));
    }
    Ok(Some(header))
}

fn back_from_last(found: &BTreeMap<u64, Option<SegmentHeader>>) -> Result<Vec<SegmentHeader>, VerifyError> {
    let mut segments: Vec<SegmentHeader> = Vec::new();
    let mut next = found.values().rev().find_map(|header| *header);
    while let Some(header) = next {
        let previous = header.previous.segment;
        if segments.last().is_some_and(|later| later.log != header.log) {
            return Err(broken(header.number, Damage::ForeignSegment));
        }
        if previous >= header.number {
            return Err(broken(header.number, Damage::SegmentHeader));
        }
        segments.push(header);
        next = match found.get(&previous) {
            Some(Some(header)) => Some(*header),
            Some(None) => return Err(broken(previous, Damage::SegmentHeader)),
            // Older segments may have been moved to an archive, but not from the middle.
            None if found.range(..previous).next().is_some() => {
                return Err(broken(previous, Damage::SegmentMissing));
            }
            None => None,
        };
    }
    segments.reverse();
    Ok(segments)
}

pub(crate) fn broken(segment: u64, damage: Damage) -> VerifyError {
    VerifyError::Broken(Broken {
        segment,
        offset: 0,
        sequence: None,
        damage,
    })
}
