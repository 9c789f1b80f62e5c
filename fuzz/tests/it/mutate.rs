//! Small changes to a seed, as libFuzzer makes them.

use ambient::{Random as _, SeededRandom};

/// A number below `limit`, which is above zero.
pub(crate) fn below(random: &SeededRandom, limit: usize) -> usize {
    let mut bytes = [0; 8];
    random.fill(&mut bytes).unwrap();
    (u64::from_le_bytes(bytes) % limit as u64) as usize
}

/// One to four changes; `other` is a seed to take parts from.
pub(crate) fn mutate(seed: &[u8], other: &[u8], random: &SeededRandom) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=below(random, 4) {
        change(&mut bytes, other, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &SeededRandom) {
    let at = below(random, bytes.len() + 1);
    match below(random, 7) {
        0 => bytes.insert(at, below(random, 256) as u8),
        1 => bytes.truncate(at),
        2 if at < bytes.len() => bytes[at] ^= 1 << below(random, 8),
        3 if at < bytes.len() => bytes[at] = b"\0\x01\x7f\x80\xff \n\"\\{}[]/:;,=%.-_+0"[below(random, 24)],
        4 if at < bytes.len() => drop(bytes.remove(at)),
        5 => {
            // A part once more.
            let end = (at + below(random, 40)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            // The beginning of one, the end of another.
            let from = below(random, other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}
