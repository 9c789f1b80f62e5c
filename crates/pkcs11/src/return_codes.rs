//! What each return code of PKCS#11 means: one table, and the compiler holds it complete.
//!
//! The codes are those of the base specification 2.40 to 3.2, section "General information on
//! returned values". A profile may give a code another meaning, by its name here, or as
//! `0x80000123` for the vendors' own.

use std::ffi::c_ulong;

use cryptoki::error::RvError;
use serde::Deserialize;

/// What a return code means for the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// The session is of no use any more: a new one, and the call once more.
    SessionLost,
    /// The login is gone: log in, and the call once more.
    LoginLost,
    /// Somebody of this process logged in before: as good as a success of C_Login.
    AlreadyLoggedIn,
    /// The token does not work or is not there.
    TokenGone,
    /// The module was finalised: it has to be initialised again.
    ModuleGone,
    /// Resources are short for the moment; the next call may succeed.
    Busy,
    /// The token gives no further session.
    SessionsExhausted,
    /// The handle means nothing: the object is searched for again, once.
    ObjectGone,
    /// The data to decrypt or unwrap are not what encryption gave. Only C_Decrypt and C_UnwrapKey
    /// may say so.
    NotAuthentic,
    /// Everything from bad ciphertext to a broken device: the token is probed before anything is
    /// answered.
    Ambiguous,
    /// The login was refused, and trying again would bring the PIN nearer to its lock.
    PinRefused,
    /// The PIN is locked.
    PinLocked,
    /// The message is too long for the token.
    TooLong,
    /// The token, the key or its policy does not allow this, and will not the next time.
    Capability,
    /// A call that PKCS#11 does not allow, or an answer that does not belong to it.
    Misuse,
}

/// Makes the functions from the one table, so that code, name and meaning cannot drift apart.
macro_rules! table {
    ($($meaning:ident: $($code:ident $name:literal),+;)+) => {
        /// The standard's meaning of `code`. Vendors' codes are [`Meaning::Ambiguous`] until a
        /// profile says more: the token is probed.
        pub const fn standard(code: RvError) -> Meaning {
            match code {
                $($(RvError::$code)|+ => Meaning::$meaning,)+
                RvError::UnknownErrorCode(number) => match newer(number) {
                    Some((_, meaning)) => meaning,
                    None => Meaning::Ambiguous,
                },
                RvError::VendorDefined(_) => Meaning::Ambiguous,
            }
        }

        /// The name of `code` in the specification; a number where it has none.
        pub fn name(code: RvError) -> String {
            match code {
                $($(RvError::$code => $name.to_owned(),)+)+
                RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => match newer(code) {
                    Some((name, _)) => name.to_owned(),
                    None => format!("{code:#010x}"),
                },
            }
        }

        /// Every code of the standard that cryptoki names, with its name and meaning.
        pub const STANDARD: &[(RvError, &str, Meaning)] = &[
            $($((RvError::$code, $name, Meaning::$meaning),)+)+
        ];
    };
}

/// The same for codes that cryptoki has no name for.
macro_rules! newer {
    ($($number:literal $name:literal $meaning:ident;)+) => {
        const fn newer(number: c_ulong) -> Option<(&'static str, Meaning)> {
            match number {
                $($number => Some(($name, Meaning::$meaning)),)+
                _ => None,
            }
        }

        /// Codes of the standard, of 3.0 and newer, that cryptoki knows by their numbers alone.
        pub const NEWER: &[(c_ulong, &str, Meaning)] = &[
            $(($number, $name, Meaning::$meaning),)+
        ];
    };
}

newer! {
    0x042 "CKR_AEAD_DECRYPT_FAILED" NotAuthentic;
    0x201 "CKR_TOKEN_RESOURCE_EXCEEDED" Busy;
    0x202 "CKR_OPERATION_CANCEL_FAILED" SessionLost;
    0x203 "CKR_KEY_EXHAUSTED" Capability;
    0x204 "CKR_PENDING" Misuse;
    0x205 "CKR_SESSION_ASYNC_NOT_SUPPORTED" Capability;
    0x206 "CKR_SEED_RANDOM_REQUIRED" Capability;
    0x207 "CKR_OPERATION_NOT_VALIDATED" Capability;
    0x208 "CKR_TOKEN_NOT_INITIALIZED" TokenGone;
    0x209 "CKR_PARAMETER_SET_NOT_SUPPORTED" Capability;
}

table! {
    SessionLost:
        SessionClosed "CKR_SESSION_CLOSED",
        SessionHandleInvalid "CKR_SESSION_HANDLE_INVALID",
        OperationActive "CKR_OPERATION_ACTIVE",
        OperationNotInitialized "CKR_OPERATION_NOT_INITIALIZED",
        SavedStateInvalid "CKR_SAVED_STATE_INVALID";
    LoginLost:
        UserNotLoggedIn "CKR_USER_NOT_LOGGED_IN";
    AlreadyLoggedIn:
        UserAlreadyLoggedIn "CKR_USER_ALREADY_LOGGED_IN";
    TokenGone:
        DeviceError "CKR_DEVICE_ERROR",
        DeviceRemoved "CKR_DEVICE_REMOVED",
        TokenNotPresent "CKR_TOKEN_NOT_PRESENT",
        TokenNotRecognized "CKR_TOKEN_NOT_RECOGNIZED",
        SlotIdInvalid "CKR_SLOT_ID_INVALID",
        FipsSelfTestFailed "CKR_FIPS_SELF_TEST_FAILED",
        LibraryLoadFailed "CKR_LIBRARY_LOAD_FAILED";
    ModuleGone:
        CryptokiNotInitialized "CKR_CRYPTOKI_NOT_INITIALIZED";
    Busy:
        HostMemory "CKR_HOST_MEMORY",
        DeviceMemory "CKR_DEVICE_MEMORY",
        FunctionCanceled "CKR_FUNCTION_CANCELED",
        Cancel "CKR_CANCEL";
    SessionsExhausted:
        SessionCount "CKR_SESSION_COUNT";
    ObjectGone:
        KeyHandleInvalid "CKR_KEY_HANDLE_INVALID",
        ObjectHandleInvalid "CKR_OBJECT_HANDLE_INVALID",
        UnwrappingKeyHandleInvalid "CKR_UNWRAPPING_KEY_HANDLE_INVALID",
        WrappingKeyHandleInvalid "CKR_WRAPPING_KEY_HANDLE_INVALID",
        KeyChanged "CKR_KEY_CHANGED";
    NotAuthentic:
        EncryptedDataInvalid "CKR_ENCRYPTED_DATA_INVALID",
        EncryptedDataLenRange "CKR_ENCRYPTED_DATA_LEN_RANGE",
        SignatureInvalid "CKR_SIGNATURE_INVALID",
        SignatureLenRange "CKR_SIGNATURE_LEN_RANGE",
        WrappedKeyInvalid "CKR_WRAPPED_KEY_INVALID",
        WrappedKeyLenRange "CKR_WRAPPED_KEY_LEN_RANGE";
    Ambiguous:
        GeneralError "CKR_GENERAL_ERROR",
        FunctionFailed "CKR_FUNCTION_FAILED",
        FunctionRejected "CKR_FUNCTION_REJECTED";
    PinRefused:
        PinIncorrect "CKR_PIN_INCORRECT",
        PinInvalid "CKR_PIN_INVALID",
        PinLenRange "CKR_PIN_LEN_RANGE",
        PinExpired "CKR_PIN_EXPIRED",
        PinTooWeak "CKR_PIN_TOO_WEAK",
        UserPinNotInitialized "CKR_USER_PIN_NOT_INITIALIZED",
        NewPinMode "CKR_NEW_PIN_MODE",
        NextOtp "CKR_NEXT_OTP",
        UserAnotherAlreadyLoggedIn "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
        UserTooManyTypes "CKR_USER_TOO_MANY_TYPES",
        UserTypeInvalid "CKR_USER_TYPE_INVALID",
        SessionReadOnlyExists "CKR_SESSION_READ_ONLY_EXISTS",
        SessionReadWriteSoExists "CKR_SESSION_READ_WRITE_SO_EXISTS";
    PinLocked:
        PinLocked "CKR_PIN_LOCKED";
    TooLong:
        DataLenRange "CKR_DATA_LEN_RANGE";
    Capability:
        FunctionNotSupported "CKR_FUNCTION_NOT_SUPPORTED",
        MechanismInvalid "CKR_MECHANISM_INVALID",
        MechanismParamInvalid "CKR_MECHANISM_PARAM_INVALID",
        CurveNotSupported "CKR_CURVE_NOT_SUPPORTED",
        KeySizeRange "CKR_KEY_SIZE_RANGE",
        KeyTypeInconsistent "CKR_KEY_TYPE_INCONSISTENT",
        KeyNotNeeded "CKR_KEY_NOT_NEEDED",
        KeyNeeded "CKR_KEY_NEEDED",
        KeyIndigestible "CKR_KEY_INDIGESTIBLE",
        KeyFunctionNotPermitted "CKR_KEY_FUNCTION_NOT_PERMITTED",
        KeyNotWrappable "CKR_KEY_NOT_WRAPPABLE",
        KeyUnextractable "CKR_KEY_UNEXTRACTABLE",
        ActionProhibited "CKR_ACTION_PROHIBITED",
        AttributeReadOnly "CKR_ATTRIBUTE_READ_ONLY",
        AttributeSensitive "CKR_ATTRIBUTE_SENSITIVE",
        AttributeTypeInvalid "CKR_ATTRIBUTE_TYPE_INVALID",
        AttributeValueInvalid "CKR_ATTRIBUTE_VALUE_INVALID",
        TemplateIncomplete "CKR_TEMPLATE_INCOMPLETE",
        TemplateInconsistent "CKR_TEMPLATE_INCONSISTENT",
        TokenWriteProtected "CKR_TOKEN_WRITE_PROTECTED",
        SessionReadOnly "CKR_SESSION_READ_ONLY",
        UnwrappingKeySizeRange "CKR_UNWRAPPING_KEY_SIZE_RANGE",
        UnwrappingKeyTypeInconsistent "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT",
        WrappingKeySizeRange "CKR_WRAPPING_KEY_SIZE_RANGE",
        WrappingKeyTypeInconsistent "CKR_WRAPPING_KEY_TYPE_INCONSISTENT",
        RandomSeedNotSupported "CKR_RANDOM_SEED_NOT_SUPPORTED",
        RandomNoRng "CKR_RANDOM_NO_RNG",
        DomainParamsInvalid "CKR_DOMAIN_PARAMS_INVALID",
        InformationSensitive "CKR_INFORMATION_SENSITIVE",
        StateUnsaveable "CKR_STATE_UNSAVEABLE",
        CantLock "CKR_CANT_LOCK",
        NeedToCreateThreads "CKR_NEED_TO_CREATE_THREADS",
        FunctionNotParallel "CKR_FUNCTION_NOT_PARALLEL",
        SessionParallelNotSupported "CKR_SESSION_PARALLEL_NOT_SUPPORTED",
        ExceededMaxIterations "CKR_EXCEEDED_MAX_ITERATIONS",
        PublicKeyInvalid "CKR_PUBLIC_KEY_INVALID";
    Misuse:
        ArgumentsBad "CKR_ARGUMENTS_BAD",
        DataInvalid "CKR_DATA_INVALID",
        BufferTooSmall "CKR_BUFFER_TOO_SMALL",
        NoEvent "CKR_NO_EVENT",
        SessionExists "CKR_SESSION_EXISTS",
        CryptokiAlreadyInitialized "CKR_CRYPTOKI_ALREADY_INITIALIZED",
        MutexBad "CKR_MUTEX_BAD",
        MutexNotLocked "CKR_MUTEX_NOT_LOCKED";
}
