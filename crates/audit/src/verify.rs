//! Verifies a whole log: every byte of its history.

use std::fmt;
use std::io;

use crate::format::{self, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::history::{History, broken};
use crate::medium::Medium;
use crate::walk::{Segment, follow};
use crate::{Head, LogId};

/// What to hold the log against.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions {
    /// A head noted before: the log must still have these records, and may have more. The only
    /// way to notice that the newest records were cut off.
    pub expected: Option<Head>,
    /// The head with which the oldest segment that is here begins, where older ones were moved to
    /// an archive. Without it the log must begin at its beginning.
    pub start: Option<Head>,
    /// Accept an unfinished batch at the very end: while a process writes the log, or before the
    /// start after a crash, which cuts it.
    pub accept_torn_tail: bool,
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Records verified so far.
    pub records: u64,
    /// Segments verified so far.
    pub segments: usize,
    /// Segments in all.
    pub segments_in_all: usize,
}

/// What a verified log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which log; `None` if there is no segment at all.
    pub log: Option<LogId>,
    /// Sequence of the first record here.
    pub first_sequence: u64,
    /// How far it goes; worth noting elsewhere.
    pub head: Head,
    /// Segments of its history.
    pub segments: usize,
    /// Segments that failed writes left behind, which are no part of the history.
    pub superseded: usize,
    /// Whether the end is clean.
    pub tail: Tail,
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With its last record.
    Clean,
    /// With an unfinished batch, which nobody was told of.
    Torn {
        /// Number of the segment.
        segment: u64,
        /// Where it begins.
        offset: u64,
    },
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A segment's header was altered.
    SegmentHeader,
    /// A segment's file is longer or shorter than its header says.
    SegmentLength,
    /// A segment in the middle is missing.
    SegmentMissing,
    /// A segment lies where none belongs, or under another's name.
    SegmentUnexpected,
    /// A segment of another log.
    ForeignSegment,
    /// The oldest segment does not begin where the log does, and no archive's head was given.
    Beginning,
    /// A batch was altered, or removed with others behind it.
    Batch,
    /// A record stands where another belongs.
    Sequence,
    /// The hash chain does not continue: a record was altered or replaced.
    Chain,
    /// A segment's history ends elsewhere than the next one's header says.
    End,
    /// There are bytes where nothing may be.
    BytesBehindEnd,
    /// The log ends in an unfinished batch: a crash not yet recovered, or a damaged last batch.
    TornTail,
    /// The log ends before the expected head: newer records were cut off.
    ExpectedMore,
    /// The log's chain at the expected head is another: its records were replaced.
    ExpectedOther,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SegmentHeader => "the segment's header was altered",
            Self::SegmentLength => "the segment's length is not what its header says",
            Self::SegmentMissing => "the segment is missing",
            Self::SegmentUnexpected => "the segment does not belong here",
            Self::ForeignSegment => "the segment belongs to another log",
            Self::Beginning => "the log does not begin with its first record",
            Self::Batch => "the batch was altered or removed, and the log goes on behind it",
            Self::Sequence => "another record belongs here",
            Self::Chain => "the hash chain is broken",
            Self::End => "the segment ends elsewhere than the next one says",
            Self::BytesBehindEnd => "there are bytes behind the segment's end",
            Self::TornTail => "the log ends in an unfinished batch",
            Self::ExpectedMore => "the log ends before the expected head",
            Self::ExpectedOther => "the log differs from the expected head",
        })
    }
}

/// Where a log is damaged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segment {segment:016x} at byte {offset}{}: {damage}", Before(*sequence))]
pub struct Broken {
    /// Number of the segment.
    pub segment: u64,
    /// Offset in the segment in bytes.
    pub offset: u64,
    /// Sequence of the record expected there, where that is known: everything before is sound.
    pub sequence: Option<u64>,
    /// What is wrong.
    pub damage: Damage,
}

struct Before(Option<u64>);

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |sequence| write!(f, ", before record {sequence}"))
    }
}

/// A log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is damaged.
    #[error("the audit log is damaged: {0}")]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error("the audit log could not be read")]
    Io(#[from] io::Error),
}

/// Verifies every record, batch and header of the log in `medium`, and that nothing lies where
/// nothing may. Reports progress after each segment. Safe beside a process that writes, given
/// [`VerifyOptions::accept_torn_tail`].
pub fn verify(
    medium: &dyn Medium,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, VerifyError> {
    let history = History::read(medium)?;
    let mut walk = Walk::begin(&history, options)?;
    for (index, header) in history.segments.iter().enumerate() {
        walk.segment(medium, header, history.behind(header.number))?;
        progress(Progress {
            records: walk.head.records.saturating_sub(walk.first_sequence),
            segments: index + 1,
            segments_in_all: history.segments.len(),
        });
    }
    if !options.accept_torn_tail {
        spares_are_blank(medium, &history)?;
    }
    walk.expected_was_met(&history)?;
    Ok(Verified {
        log: history.last().map(|last| last.log),
        first_sequence: walk.first_sequence,
        head: walk.head,
        segments: history.segments.len(),
        superseded: history.superseded.len(),
        tail: walk.tail,
    })
}

struct Walk<'o> {
    options: &'o VerifyOptions,
    first_sequence: u64,
    head: Head,
    tail: Tail,
}

impl<'o> Walk<'o> {
    fn begin(history: &History, options: &'o VerifyOptions) -> Result<Self, VerifyError> {
        let mut head = Head {
            records: 0,
            chain: [0; 32],
        };
        if let Some(first) = history.segments.first() {
            let beginning = match options.start {
                Some(start) if first.previous.segment != 0 => start,
                _ if first.previous.segment != 0 => return Err(broken(first.number, Damage::Beginning)),
                _ => format::genesis(first.log),
            };
            if first.start != beginning {
                return Err(broken(first.number, Damage::Beginning));
            }
            head = first.start;
        }
        let walk = Self {
            options,
            first_sequence: head.records,
            head,
            tail: Tail::Clean,
        };
        if !history.segments.is_empty() && walk.differs_from_expected(&head) {
            return Err(broken(0, Damage::ExpectedOther));
        }
        Ok(walk)
    }

    fn differs_from_expected(&self, head: &Head) -> bool {
        self.options
            .expected
            .is_some_and(|expected| expected.records == head.records && expected.chain != head.chain)
    }

    fn segment(
        &mut self,
        medium: &dyn Medium,
        header: &SegmentHeader,
        next: Option<&SegmentHeader>,
    ) -> Result<(), VerifyError> {
        let segment = Segment::open_read(medium, header)?;
        let mut offset = SEGMENT_HEADER_BYTES as u64;
        while next.is_none_or(|next| offset < next.previous.offset) {
            let Some(batch) = segment.batch_at(offset)? else {
                break;
            };
            let mut other = false;
            let options = self.options;
            let head = follow(&self.head, &batch, &mut |_, _, head| {
                other |= options
                    .expected
                    .is_some_and(|expected| expected.records == head.records && expected.chain != head.chain);
            })
            .map_err(|damage| self.broken(header.number, offset, damage))?;
            if other {
                return Err(self.broken(header.number, offset, Damage::ExpectedOther));
            }
            self.head = head;
            offset = offset.saturating_add(batch.header.span());
        }
        match next {
            Some(next) => self.ends_as_announced(&segment, offset, next),
            None => self.ends_cleanly(&segment, offset),
        }
    }

    fn ends_as_announced(
        &self,
        segment: &Segment,
        offset: u64,
        next: &SegmentHeader,
    ) -> Result<(), VerifyError> {
        if offset < next.previous.offset {
            return Err(self.broken(segment.number, offset, Damage::Batch));
        }
        if offset != next.previous.offset || self.head != next.start {
            return Err(self.broken(segment.number, offset, Damage::End));
        }
        match segment.not_zero(offset)? {
            Some((at, _)) if !next.voids => Err(self.broken(segment.number, at, Damage::BytesBehindEnd)),
            _ => Ok(()),
        }
    }

    fn ends_cleanly(&mut self, segment: &Segment, offset: u64) -> Result<(), VerifyError> {
        if segment.not_zero(offset)?.is_none() {
            return Ok(());
        }
        // On a live log the batch may have landed since; then what is behind it is no damage.
        if segment.whole_batch_behind(offset)?.is_some() && segment.batch_at(offset)?.is_none() {
            return Err(self.broken(segment.number, offset, Damage::Batch));
        }
        if !self.options.accept_torn_tail {
            return Err(self.broken(segment.number, offset, Damage::TornTail));
        }
        self.tail = Tail::Torn {
            segment: segment.number,
            offset,
        };
        Ok(())
    }

    fn expected_was_met(&self, history: &History) -> Result<(), VerifyError> {
        match self.options.expected {
            Some(expected) if expected.records > self.head.records => {
                let last = history.last().map_or(0, |last| last.number);
                Err(self.broken(last, 0, Damage::ExpectedMore))
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, segment: u64, offset: u64, damage: Damage) -> VerifyError {
        VerifyError::Broken(Broken {
            segment,
            offset,
            sequence: Some(self.head.records),
            damage,
        })
    }
}

/// What is allocated for later must hold nothing: least of all what was once a segment.
fn spares_are_blank(medium: &dyn Medium, history: &History) -> Result<(), VerifyError> {
    for number in &history.headless {
        let file = medium.open_read(&format::segment_name(*number))?;
        let segment = Segment {
            size: file.size()?,
            file,
            log: LogId([0; 16]),
            number: *number,
        };
        if segment.not_zero(0)?.is_some() {
            return Err(broken(*number, Damage::SegmentHeader));
        }
    }
    Ok(())
}
