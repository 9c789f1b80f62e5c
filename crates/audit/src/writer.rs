//! The one thread that writes: takes what is pending, writes it once, syncs it once, and only then
//! tells those who wait.

use std::io;
use std::sync::Arc;

use ambient::Moment;
use tracing::{error, info, warn};

use crate::format::{self, BATCH_HEADER_BYTES, BatchHeader, Place, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::medium::Medium;
use crate::queue::{Batch, Shared};
use crate::recovery::{Resumed, Tip};
use crate::walk::Segment;
use crate::{Head, LogId};

/// A buffer that grew beyond this is given back after the batch.
const KEPT_BUFFER_BYTES: usize = 1 << 20;
/// After a spare could not be made, while nobody needs it yet, it is tried again this late.
const SPARE_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

pub(crate) struct Writer {
    shared: Arc<Shared>,
    medium: Arc<dyn Medium>,
    log: LogId,
    head: Head,
    tip: Option<Tip>,
    /// The end of the last durable batch, where the history continues from.
    durable: Place,
    /// Something failed since then: what lies behind that place is void.
    voids: bool,
    next_number: u64,
    spare_tried: Moment,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, medium: Arc<dyn Medium>, resumed: Resumed) -> Self {
        let spare_tried = shared.clock.moment();
        Self {
            shared,
            medium,
            log: resumed.log,
            head: resumed.head,
            tip: resumed.tip,
            durable: resumed.durable,
            voids: false,
            next_number: resumed.next_number,
            spare_tried,
        }
    }

    /// Begins the first segment of a new log, or does nothing.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        if self.tip.is_none() {
            self.start_segment()?;
        }
        self.shared.spares.order(self.next_number);
        Ok(())
    }

    /// The thread's life, until the log is closed and everything accepted is durable or lost.
    pub(crate) fn run(mut self) {
        let mut spent = Vec::new();
        while let Some(mut batch) = self.shared.take(spent) {
            if !self.make_durable(&mut batch) {
                return;
            }
            spent = std::mem::take(&mut batch.bytes);
            if spent.capacity() > KEPT_BUFFER_BYTES {
                spent = Vec::new();
            }
        }
    }

    /// Writes the batch until it is durable; `false` if the log was closed while that failed.
    fn make_durable(&mut self, batch: &mut Batch) -> bool {
        let mut header = self.header_of(batch);
        let mut failing_since = None;
        let mut attempt = 0_u32;
        while let Err(cause) = self.write(&mut header, &mut batch.bytes) {
            self.abandon_tip();
            attempt = attempt.saturating_add(1);
            if attempt == 1 {
                warn!(error = %cause, "the audit log could not be written; trying a new segment");
                continue;
            }
            let since = *failing_since.get_or_insert_with(|| {
                error!(error = %cause, "the audit log cannot be written; no key is used until it can");
                self.shared.clock.moment()
            });
            batch.completion.lost();
            self.shared.failed(since, cause.to_string());
            if self.shared.queue().closed {
                return false;
            }
            self.medium.back_off(self.shared.config.back_off(attempt - 1));
        }
        if failing_since.is_some() {
            info!("the audit log can be written again");
        }
        self.head = Head {
            records: batch.first_sequence.saturating_add(u64::from(batch.records)),
            chain: header.chain,
        };
        self.durable = header.place;
        self.durable.offset = self.durable.offset.saturating_add(header.span());
        self.voids = false;
        self.shared.landed(self.head);
        batch.completion.durable(&self.shared.delivery);
        self.retry_spare();
        true
    }

    /// The header, its place aside: that depends on the attempt.
    fn header_of(&self, batch: &Batch) -> BatchHeader {
        let mut chain = self.head.chain;
        let mut rest = batch.bytes.get(BATCH_HEADER_BYTES..).unwrap_or_default();
        while let Some((record, behind)) = format::split_record(rest) {
            chain = format::chain(&chain, &format::leaf(record.bytes));
            rest = behind;
        }
        BatchHeader {
            place: Place::default(),
            first_sequence: batch.first_sequence,
            records: batch.records,
            // A batch is at most max_pending_bytes, which is below 4 GiB.
            body_bytes: u32::try_from(batch.body_bytes()).unwrap_or(u32::MAX),
            chain,
        }
    }

    /// One attempt, in the current segment if there is room, else in a new one.
    fn write(&mut self, header: &mut BatchHeader, bytes: &mut Vec<u8>) -> io::Result<()> {
        let span = header.span();
        let fits = |tip: &Tip| tip.offset.saturating_add(span) <= tip.segment.size;
        if !self.tip.as_ref().is_some_and(fits) {
            self.start_segment()?;
        }
        let Some(tip) = &mut self.tip else {
            return Err(io::Error::other("no segment"));
        };
        header.place = Place {
            segment: tip.segment.number,
            offset: tip.offset,
        };
        header.seal(self.log, bytes);
        tip.segment.file.write_at(tip.offset, bytes)?;
        tip.segment.file.sync()?;
        tip.offset = tip.offset.saturating_add(span);
        Ok(())
    }

    /// Makes the next spare the current segment. Its header is durable before any batch.
    fn start_segment(&mut self) -> io::Result<()> {
        let spare = self.shared.spares.fetch(self.next_number)?;
        self.next_number = spare.number.saturating_add(1);
        let header = SegmentHeader {
            log: self.log,
            number: spare.number,
            size: spare.size,
            start: self.head,
            previous: self.durable,
            voids: self.voids,
        };
        self.tip = Some(Tip {
            segment: Segment {
                file: spare.file,
                log: self.log,
                number: spare.number,
                size: spare.size,
            },
            offset: SEGMENT_HEADER_BYTES as u64,
        });
        if let Some(tip) = &self.tip {
            tip.segment.file.write_at(0, &header.encode())?;
            tip.segment.file.sync()?;
        }
        self.shared.spares.order(self.next_number);
        Ok(())
    }

    /// A failed file is not written, synced or trusted again. Durable batches in it stay; a file
    /// without any gives its space back.
    fn abandon_tip(&mut self) {
        self.voids = true;
        if let Some(tip) = self.tip.take()
            && tip.segment.number != self.durable.segment
        {
            let name = format::segment_name(tip.segment.number);
            drop(tip);
            self.medium.remove(&name).ok();
        }
    }

    fn retry_spare(&mut self) {
        if !self.shared.spares.failed() {
            return;
        }
        let now = self.shared.clock.moment();
        if now.saturating_since(self.spare_tried) >= SPARE_RETRY {
            self.spare_tried = now;
            self.shared.spares.order(self.next_number);
        }
    }
}

/// Whatever ends the thread, nobody waits for it in vain.
impl Drop for Writer {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.open.completion.lost();
    }
}
