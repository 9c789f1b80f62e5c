use super::*;

fn sealed(byte: u8, len: usize) -> Sealed {
    Sealed {
        ciphertext: vec![byte; len],
        iv: vec![byte; 12],
        tag: [byte; 16],
    }
}

fn part(label: &str, id: &[u8]) -> Part {
    Part {
        key: WrappingKey {
            label: label.to_owned(),
            id: id.to_vec(),
            serial: "0001".to_owned(),
            check: sealed(1, CHECK.len()),
        },
        root: sealed(2, ROOT_LEN),
    }
}

const SEAL: SealingKeyId = SealingKeyId::from_bytes([7; 8]);

#[test]
fn what_was_written_is_read_and_nothing_less_or_more() {
    let parts = vec![part("a", &[1, 2]), part("", &[3])];
    let bytes = write(SEAL, &parts).unwrap();
    assert_eq!(read(SEAL, &bytes), Some(parts));
    for len in 0..bytes.len() {
        assert_eq!(read(SEAL, &bytes[..len]), None, "{len}");
    }
    assert_eq!(read(SEAL, &[&bytes[..], &[0]].concat()), None);
    assert_eq!(read(SealingKeyId::from_bytes([8; 8]), &bytes), None);
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(read(SEAL, &other), None);
}

#[test]
fn the_number_of_parts_is_bounded() {
    let parts = |count| vec![part("a", &[1]); count];
    let bytes = |count| write(SEAL, &parts(count)).unwrap();
    assert_eq!(read(SEAL, &bytes(MAX_TOKENS)), Some(parts(MAX_TOKENS)));
    assert_eq!(read(SEAL, &bytes(MAX_TOKENS + 1)), None);
    assert_eq!(read(SEAL, &bytes(0)), None);
}

#[test]
fn a_name_that_does_not_fit_is_not_cut() {
    assert!(write(SEAL, &[part(&"a".repeat(255), &[1])]).is_some());
    assert_eq!(write(SEAL, &[part(&"a".repeat(256), &[1])]), None);
}

#[test]
fn a_label_from_the_store_is_printed_without_tricks() {
    assert_eq!(part("a\u{1b}[2J b", &[1]).key.name(), "a?[2J?b");
    assert_eq!(part("", &[0xab]).key.name(), "of the id ab");
}
