//! The format as documented, computed independently of the crate: what version 1 wrote must be
//! readable for ever.

use audit::format::{segment_name, segment_number};
use crypto::sha256;
use testkit::disk::SimulatedDisk;

use crate::support::{open, read_all, verified};

fn be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[test]
fn the_bytes_are_as_documented() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    log.append(b"{\"a\":1}").unwrap().wait_blocking().unwrap();
    let head = log.head();
    log.close();
    let file = disk.contents("0000000000000001.audit");
    assert_eq!(file.len(), 8192);

    let (header, batch) = file[..1024].split_at(512);
    assert_eq!(&header[..16], b"\xffSRSEGMT\0\x01\0\0\0\0\0\0");
    let log_id = &header[16..32];
    assert_eq!(
        (be(&header[32..40]), be(&header[40..48]), be(&header[48..56])),
        (1, 8192, 0)
    );
    let genesis = sha256(&[b"strongroom audit log v1", log_id]);
    assert_eq!(header[56..88], genesis);
    assert_eq!(header[88..508], [0; 420]);
    assert_eq!(be(&header[508..]), u64::from(crc32c::crc32c(&header[..508])));

    assert_eq!(&batch[..8], b"\xffSRBATCH");
    assert_eq!(
        (be(&batch[8..16]), be(&batch[16..24]), be(&batch[24..32])),
        (1, 512, 0)
    );
    assert_eq!((be(&batch[32..36]), be(&batch[36..40])), (1, 35));
    let record = &batch[76..111];
    let leaf = sha256(&[&[0], record]);
    let chain = sha256(&[b"strongroom audit chain v1", &genesis, &leaf]);
    assert_eq!(batch[40..72], chain);
    assert_eq!(head.chain, chain);
    let checked = [log_id, &batch[..72], record].concat();
    assert_eq!(be(&batch[72..76]), u64::from(crc32c::crc32c(&checked)));
    assert!(batch[111..].iter().all(|byte| *byte == 0));

    assert_eq!((be(&record[..4]), be(&record[12..20])), (7, 0));
    assert_eq!(be(&record[20..28]), 1_700_000_000_000_000);
    assert_eq!(&record[28..], b"{\"a\":1}");
    let read = &read_all(&disk)[0];
    assert_eq!((read.leaf, read.id.as_bytes().as_slice()), (leaf, &record[4..20]));
    assert_eq!(verified(&disk), head);
}

#[test]
fn segment_names_are_read_strictly() {
    assert_eq!(segment_number(&segment_name(0xabc)), Some(0xabc));
    for name in [
        "1.audit",
        "000000000000000A.audit",
        "0000000000000001.audit.new",
        "x",
        "+000000000000001.audit",
    ] {
        assert_eq!(segment_number(name), None, "{name}");
    }
}
