//! The Ciphertext Data Integrity Value (XKS specification, appendix C).

use crypto::sha256;

use crate::TAG_BYTES;

/// The CDIV of one encryption: SHA-256 of AAD, ciphertext metadata, IV, ciphertext and tag in a row.
/// What is absent is empty, and there are **no** length prefixes, unlike in the AAD of AES-GCM.
///
/// Must be computed from the key manager's own output before the trial decryption: afterwards it
/// would bless whatever went wrong in between (XKS-CDIV-04).
pub fn cdiv(
    aad: Option<&[u8]>,
    ciphertext_metadata: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_BYTES],
) -> [u8; 32] {
    sha256(&[aad.unwrap_or_default(), ciphertext_metadata, iv, ciphertext, tag])
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use crypto::unhex;

    const AAD: &[u8] = b"project=nile,department=marketing";
    const METADATA: &[u8] = b"key_version=1";

    fn bytes(hex: &str) -> Vec<u8> {
        unhex(hex).unwrap()
    }

    fn encoded(aad: Option<&[u8]>, metadata: &[u8], ciphertext: &str, tag: &str) -> String {
        let tag = bytes(tag).try_into().unwrap();
        STANDARD.encode(cdiv(
            aad,
            metadata,
            &bytes("1ccae5470f39700254779031"),
            &bytes(ciphertext),
            &tag,
        ))
    }

    #[test]
    fn xks_cdiv_01_the_worked_vector_of_appendix_c() {
        assert_eq!(
            encoded(
                Some(AAD),
                METADATA,
                "821c642b5b71783367deaf18",
                "bc1c4dda7707d6812447c5955e99b261"
            ),
            "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc="
        );
    }

    /// Made with another AES-GCM: key 00..1f, the IV above, plaintext "Hello World!", and the length
    /// scheme of XKS-AAD-02 inside the tag.
    #[test]
    fn xks_cdiv_01_absent_fields_are_empty() {
        for (aad, metadata, tag, expected) in [
            (
                Some(AAD),
                METADATA,
                "1e5ab9852819b91a36431ede1165187d",
                "xEyN0+xVFRXCXS74nHMytBPdLUpnMU9e2WBEPwakvIQ=",
            ),
            (
                Some(AAD),
                b"".as_slice(),
                "7139fa89d1aa996798c08dea69c8ab40",
                "ycKEoKFhUnA0TescpYG0UR00qPeSgoQdCSownl7AJiw=",
            ),
            (
                None,
                METADATA,
                "1d1016829566ee69b2659c5faf521a98",
                "UKbJqTwLacq9R73D4jgOp4kOX2MIIKZdYCcOxLwt8lQ=",
            ),
            (
                None,
                b"",
                "2931cc47942ee913ea449ecfebc1795c",
                "wiY5/ncIG3ik16CV9CxN1lE4GmftqPdrpTvAsyN027A=",
            ),
        ] {
            assert_eq!(encoded(aad, metadata, "a8db4da0b7ffd328750a6d45", tag), expected);
        }
    }

    #[test]
    fn xks_cdiv_02_every_field_counts() {
        let tag = "1e5ab9852819b91a36431ede1165187d";
        let whole = encoded(Some(AAD), METADATA, "a8db", tag);
        assert_ne!(whole, encoded(None, METADATA, "a8db", tag));
        assert_ne!(whole, encoded(Some(AAD), b"", "a8db", tag));
        assert_ne!(whole, encoded(Some(AAD), METADATA, "a8da", tag));
        assert_ne!(
            whole,
            encoded(Some(AAD), METADATA, "a8db", "1e5ab9852819b91a36431ede1165187c")
        );
    }
}
