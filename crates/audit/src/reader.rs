//! Reads records in order, also while another process writes them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use ambient::Timestamp;

use crate::format::{SECTOR_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::history::History;
use crate::medium::Medium;
use crate::verify::{Broken, Damage, VerifyError};
use crate::walk::{Segment, follow};
use crate::{Head, Record};

/// A log could not be read on.
pub type ReadError = VerifyError;

/// Reads a log from some sequence on. Everything it hands out is checked against the chain from
/// the beginning of its segment. It sees whole batches only; beside a running writer the newest
/// may be in memory and not yet on the disk.
pub struct Reader {
    medium: Arc<dyn Medium>,
    history: History,
    at: Option<Position>,
    /// Sequence of the next record to hand out.
    next: u64,
    ready: VecDeque<Record>,
}

struct Position {
    segment: Segment,
    offset: u64,
    head: Head,
}

impl Position {
    fn begin(medium: &dyn Medium, header: &SegmentHeader) -> io::Result<Self> {
        Ok(Self {
            segment: Segment::open_read(medium, header)?,
            offset: SEGMENT_HEADER_BYTES as u64,
            head: header.start,
        })
    }

    fn broken(&self, damage: Damage) -> ReadError {
        VerifyError::Broken(Broken {
            segment: self.segment.number,
            offset: self.offset,
            sequence: Some(self.head.records),
            damage,
        })
    }
}

enum Step {
    Advanced,
    NothingYet,
}

impl Reader {
    /// Reads `medium` from record `sequence` on, or from the oldest that is there.
    pub fn open(medium: Arc<dyn Medium>, sequence: u64) -> Result<Self, ReadError> {
        let history = History::read(&*medium)?;
        Ok(Self {
            medium,
            history,
            at: None,
            next: sequence,
            ready: VecDeque::new(),
        })
    }

    /// Reads `medium` from the beginning of a segment from which on there are at least `records`
    /// records, or from the oldest that is there: for the end of a long log, without reading all
    /// of it.
    pub fn open_near_end(medium: Arc<dyn Medium>, records: u64) -> Result<Self, ReadError> {
        let mut reader = Self::open(medium, 0)?;
        let segments = &reader.history.segments;
        let last = segments.last().map_or(0, |last| last.start.records);
        let far_enough = segments
            .iter()
            .rev()
            .find(|segment| segment.start.records.saturating_add(records) <= last);
        reader.next = far_enough.map_or(0, |segment| segment.start.records);
        Ok(reader)
    }

    /// The next record; `None` if there is none for now. To follow a log, ask again later.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            while let Some(record) = self.ready.pop_front() {
                if record.sequence() >= self.next {
                    self.next = record.sequence().saturating_add(1);
                    return Ok(Some(record));
                }
            }
            if let Step::NothingYet = self.step()? {
                return Ok(None);
            }
        }
    }

    fn step(&mut self) -> Result<Step, ReadError> {
        let Some(at) = &mut self.at else {
            return self.locate();
        };
        if let Some(next) = self.history.behind(at.segment.number) {
            if next.previous.segment != at.segment.number {
                // A failed write voided this whole segment; its records stand in a later one.
                return self.locate();
            }
            if next.previous.offset <= at.offset {
                // Batches read beyond the end were voided by a failed sync and stand there again.
                let read_ahead = next.previous.offset < at.offset && next.voids;
                if !read_ahead && next.start != at.head || next.start.records > at.head.records {
                    return Err(at.broken(Damage::End));
                }
                *at = Position::begin(&*self.medium, next)?;
                return Ok(Step::Advanced);
            }
        }
        match at.segment.batch_at(at.offset)? {
            Some(batch) => {
                let ready = &mut self.ready;
                at.head = follow(&at.head, &batch, &mut |raw, leaf, _| {
                    ready.push_back(Record {
                        id: raw.id,
                        time: Timestamp::from_micros(raw.micros),
                        payload: raw.payload.to_vec(),
                        leaf,
                    });
                })
                .map_err(|damage| at.broken(damage))?;
                at.offset = at.offset.saturating_add(batch.header.span());
                Ok(Step::Advanced)
            }
            None => self.no_batch(),
        }
    }

    /// Goes to the segment that holds the next record to hand out.
    fn locate(&mut self) -> Result<Step, ReadError> {
        if self.history.segments.is_empty() || self.at.is_some() {
            self.history = History::read(&*self.medium)?;
        }
        let segments = &self.history.segments;
        let holds = segments
            .iter()
            .rev()
            .find(|segment| segment.start.records <= self.next);
        let Some(header) = holds.or(segments.first()) else {
            return Ok(Step::NothingYet);
        };
        self.at = Some(Position::begin(&*self.medium, header)?);
        Ok(Step::Advanced)
    }

    /// Between batches: the end for now, another segment, or damage.
    fn no_batch(&mut self) -> Result<Step, ReadError> {
        let Some(at) = &self.at else {
            return Ok(Step::NothingYet);
        };
        if self.history.behind(at.segment.number).is_some() {
            return Err(at.broken(Damage::Batch));
        }
        if self.history.outgrown(&*self.medium)? {
            self.history = History::read(&*self.medium)?;
            return Ok(Step::Advanced);
        }
        let mut sector = [0; SECTOR_BYTES];
        at.segment.file.read_at(at.offset, &mut sector)?;
        let blank = sector.iter().all(|byte| *byte == 0);
        // With a batch behind it, what is here is finished: whole by now, or damaged.
        if !blank
            && at.segment.whole_batch_behind(at.offset)?.is_some()
            && at.segment.batch_at(at.offset)?.is_none()
        {
            return Err(at.broken(Damage::Batch));
        }
        Ok(Step::NothingYet)
    }
}
