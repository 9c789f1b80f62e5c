//! Fresh names: all random, so that no restored backup gives one twice.

use ambient::{Random, RandomUnavailable};

/// A UUID of version 4 (RFC 9562), in small letters: key ids, request ids, event ids.
pub(crate) fn uuid(random: &dyn Random) -> Result<String, RandomUnavailable> {
    let mut bytes: [u8; 16] = random.bytes()?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let hex = crypto::hex(&bytes);
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(text)
}

/// `cks-` and 17 hexadecimal digits: custom key store ids.
pub(crate) fn custom_key_store(random: &dyn Random) -> Result<String, RandomUnavailable> {
    let bytes: [u8; 9] = random.bytes()?;
    let hex = crypto::hex(&bytes);
    Ok(format!("cks-{}", hex.get(..17).unwrap_or(&hex)))
}
