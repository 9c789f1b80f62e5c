//! User names of this machine.

use std::fs;

/// The uid of a user in `/etc/passwd`. Directory services are not asked: the C library's lookup
/// would load their modules into the process that holds the keys. Such users are given by uid.
pub(crate) fn uid_of(user: &str) -> Option<u32> {
    find(&fs::read_to_string("/etc/passwd").ok()?, user)
}

fn find(passwd: &str, user: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(user)).then_some(())?;
        fields.nth(1)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbroken\n";
        assert_eq!(find(passwd, "alice"), Some(1000));
        assert_eq!(find(passwd, "root"), Some(0));
        for nobody in ["ali", "broken", "", "x"] {
            assert_eq!(find(passwd, nobody), None, "{nobody}");
        }
    }
}
