//! What is measured: one row per operation and number of connections.

use crate::load::Shape;
use crate::requests::Operation;

/// One line of the comparison.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    pub(crate) shape: Shape,
    pub(crate) connections: u32,
}

/// What the slow disk, the handshakes and the first answers ask for.
pub(crate) const SMALL: Operation = Operation::Encrypt {
    plaintext: 32,
    aad: 200,
    cdiv: true,
};

const OPERATIONS: &[(&str, Operation)] = &[
    ("encrypt 32 B, CDIV", SMALL),
    (
        "encrypt 32 B",
        Operation::Encrypt {
            plaintext: 32,
            aad: 200,
            cdiv: false,
        },
    ),
    (
        "decrypt 32 B",
        Operation::Decrypt {
            plaintext: 32,
            aad: 200,
        },
    ),
    (
        "encrypt 4300+8192 B, CDIV",
        Operation::Encrypt {
            plaintext: 4300,
            aad: 8192,
            cdiv: true,
        },
    ),
    ("health", Operation::Health),
];

/// KMS's default limit for an external key store, in requests per second (XKS-KMS-04).
pub(crate) const KMS_LIMIT: u32 = 1_800;

/// The largest bodies that the proxy takes by default: 8192 bytes of plaintext and of AAD.
pub(crate) const LARGEST: Operation = Operation::Encrypt {
    plaintext: 8192,
    aad: 8192,
    cdiv: true,
};

/// Every row whose name contains one of `wanted` (all if there are none), operations over each
/// of `connections`.
pub(crate) fn rows(wanted: &[String], connections: &[u32]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(name, operation) in OPERATIONS {
        rows.extend(connections.iter().map(|&connections| Row {
            name,
            operation,
            shape: Shape::KeepAlive,
            connections,
        }));
    }
    rows.push(Row {
        name: "handshake",
        operation: SMALL,
        shape: Shape::Handshake,
        connections: 4,
    });
    rows.push(Row {
        name: "first answer",
        operation: SMALL,
        shape: Shape::FirstAnswer,
        connections: 1,
    });
    rows.push(Row {
        name: "1800/s of encrypt 32 B",
        operation: SMALL,
        shape: Shape::OpenLoop {
            per_second: KMS_LIMIT,
        },
        connections: 64,
    });
    rows.retain(|row| is_wanted(row.name, wanted));
    rows
}

/// Whether a row of this name was asked for.
pub(crate) fn is_wanted(name: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_part_of_their_name() {
        let all = rows(&[], &[1, 16, 64]);
        assert_eq!(all.len(), 18);
        assert_eq!(rows(&["health".to_owned(), "first".to_owned()], &[16]).len(), 2);
        assert!(rows(&["nonsense".to_owned()], &[1]).is_empty());
    }
}
