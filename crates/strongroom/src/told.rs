//! An error and its causes as one line of text.

/// The error, then each cause; a cause that the text before it quotes already is not said again.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot listen on {address}: {source}; is another process using it?")]
    struct Quoting {
        address: &'static str,
        source: io::Error,
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::Error::new(Quoting {
            address: "here",
            source: io::Error::other("taken"),
        });
        assert_eq!(
            told(&error.context("the listener cannot start")),
            "the listener cannot start: cannot listen on here: taken; is another process using it?"
        );
        let unquoted = anyhow::Error::new(io::Error::other("taken")).context("no room");
        assert_eq!(told(&unquoted), "no room: taken");
    }
}
