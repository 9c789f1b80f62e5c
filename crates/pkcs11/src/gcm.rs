//! AES-GCM as the products do it, by profile.
//!
//! PKCS#11 defines the mechanism in "AES with additional Authenticated Encryption with Associated
//! Data": the tag follows the ciphertext. Who makes the IV is the products' affair.

use std::borrow::Cow;
use std::ffi::{c_uchar, c_ulong};
use std::ptr;

use ambient::Random;
use crypto::SecretBytes;
use cryptoki::error::Error;
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

use crate::error::TokenError;
use crate::object::Sealed;
use crate::profile::{GcmParameters, IvSource, Profile};
use crate::session::Trouble;

/// Length of the tag, in bytes; XKS has no other.
const TAG: usize = 16;

/// `CK_GCM_PARAMS` with six fields. cryptoki's own cannot say "no IV" as a null pointer, which a
/// token that makes it wants to see.
#[repr(C)]
struct WithIvBits {
    iv: *mut c_uchar,
    iv_len: c_ulong,
    iv_bits: c_ulong,
    aad: *const c_uchar,
    aad_len: c_ulong,
    tag_bits: c_ulong,
}

/// `CK_GCM_PARAMS` with five.
#[repr(C)]
struct WithoutIvBits {
    iv: *mut c_uchar,
    iv_len: c_ulong,
    aad: *const c_uchar,
    aad_len: c_ulong,
    tag_bits: c_ulong,
}

/// Calls `run` with the mechanism over `iv` (none if it is empty) and `aad`; the pointers in it live
/// as long as the call. `iv_bits` is what `ulIvBits` says, where there is one.
fn with_mechanism<T>(
    parameters: GcmParameters,
    iv: &mut [u8],
    iv_bits: usize,
    aad: &[u8],
    run: impl FnOnce(&Mechanism<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let iv_len = iv.len().try_into()?;
    let aad_len = aad.len().try_into()?;
    let iv = if iv.is_empty() {
        ptr::null_mut()
    } else {
        iv.as_mut_ptr()
    };
    let aad = if aad.is_empty() { ptr::null() } else { aad.as_ptr() };
    let tag_bits = (TAG * 8).try_into()?;
    match parameters {
        GcmParameters::WithIvBits => {
            let parameters = WithIvBits {
                iv,
                iv_len,
                iv_bits: iv_bits.try_into()?,
                aad,
                aad_len,
                tag_bits,
            };
            run(&mechanism(&parameters))
        }
        GcmParameters::WithoutIvBits => {
            let parameters = WithoutIvBits {
                iv,
                iv_len,
                aad,
                aad_len,
                tag_bits,
            };
            run(&mechanism(&parameters))
        }
    }
}

fn mechanism<T>(parameters: &T) -> Mechanism<'_> {
    Mechanism::VendorDefined(VendorDefinedMechanism::new(
        MechanismType::AES_GCM,
        Some(parameters),
    ))
}

/// Encrypts under `key`.
pub(crate) fn encrypt(
    session: &Session,
    key: ObjectHandle,
    profile: &Profile,
    random: &dyn Random,
    plaintext: &[u8],
    aad: &[u8],
) -> Result<Sealed, Trouble> {
    let source = profile.iv();
    let mut iv = match source {
        IvSource::Caller(len) => {
            let mut iv = vec![0; len];
            random.fill(&mut iv).map_err(TokenError::from)?;
            iv
        }
        IvSource::TokenFillsZeroed(len) => vec![0; len],
        IvSource::TokenAppends(_) => Vec::new(),
    };
    let bits = source.bytes() * 8;
    let mut output = with_mechanism(profile.gcm_parameters(), &mut iv, bits, aad, |mechanism| {
        session.encrypt(mechanism, key, plaintext)
    })?;
    if let IvSource::TokenAppends(len) = source {
        let at = plaintext.len() + TAG;
        if output.len() != at + len {
            return Err(bad("no IV of the right length is appended"));
        }
        iv = output.split_off(at);
    }
    // The token was to make it and did not; the next message would have the same one.
    if !matches!(source, IvSource::Caller(_)) && iv.iter().all(|byte| *byte == 0) {
        return Err(bad("the token left the IV zero"));
    }
    if output.len() != plaintext.len() + TAG {
        return Err(bad("ciphertext and tag have another length"));
    }
    let tag = output
        .split_off(plaintext.len())
        .try_into()
        .map_err(|_| bad("the tag has another length"))?;
    Ok(Sealed {
        ciphertext: output,
        iv,
        tag,
    })
}

/// Decrypts under `key`.
pub(crate) fn decrypt(
    session: &Session,
    key: ObjectHandle,
    profile: &Profile,
    sealed: &Sealed,
    aad: &[u8],
) -> Result<SecretBytes, Trouble> {
    let mut iv = sealed.iv.clone();
    let bits = iv.len() * 8;
    let mut input = Vec::with_capacity(sealed.ciphertext.len() + TAG);
    input.extend_from_slice(&sealed.ciphertext);
    input.extend_from_slice(&sealed.tag);
    let opened = with_mechanism(profile.gcm_parameters(), &mut iv, bits, aad, |mechanism| {
        session.decrypt(mechanism, key, &input)
    })
    .map(SecretBytes::new)?;
    if opened.len() != sealed.ciphertext.len() {
        return Err(bad("the plaintext has another length than the ciphertext"));
    }
    Ok(opened)
}

const fn bad(why: &'static str) -> Trouble {
    Trouble::Final(TokenError::BadOutput(Cow::Borrowed(why)))
}
