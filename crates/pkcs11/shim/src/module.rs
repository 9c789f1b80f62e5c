//! The module: a list of functions, most of the real one's, some of ours before them.

#![expect(
    unreachable_pub,
    reason = "the symbols of a shared library are public to whoever loads it"
)]

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki_sys::*;
use libloading::{Library, Symbol};

use crate::control::{Control, Iv};

static CONTROL: Control = Control::new();
static REAL: OnceLock<CK_FUNCTION_LIST> = OnceLock::new();
static OURS: OnceLock<Ours> = OnceLock::new();
/// The IVs that sessions will append to their next output.
static APPEND: Mutex<Option<HashMap<CK_SESSION_HANDLE, Vec<u8>>>> = Mutex::new(None);

struct Ours(CK_FUNCTION_LIST);

/// The counters and orders of this copy of the library.
#[unsafe(no_mangle)]
pub extern "C" fn strongroom_shim_control() -> *const Control {
    &raw const CONTROL
}

/// The door of every PKCS#11 module.
///
/// # Safety
/// `list` is a valid pointer, as PKCS#11 says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    let Some(real) = load() else {
        return CKR_LIBRARY_LOAD_FAILED;
    };
    let _ = REAL.set(real);
    let ours = OURS.get_or_init(|| Ours(with_ours_before(real)));
    // SAFETY: the caller promises that `list` is valid; nobody writes through what it gets, as
    // PKCS#11 says.
    unsafe { list.write((&raw const ours.0).cast_mut()) };
    CKR_OK
}

fn load() -> Option<CK_FUNCTION_LIST> {
    let path = std::env::var_os("STRONGROOM_SHIM_MODULE")?;
    // SAFETY: the test names a PKCS#11 module, which may be loaded.
    let library = unsafe { Library::new(path) }.ok()?;
    // SAFETY: the type that PKCS#11 gives the function.
    let door: Symbol<'_, unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
        unsafe { library.get(b"C_GetFunctionList") }.ok()?;
    let mut list = std::ptr::null_mut();
    // SAFETY: `list` is a valid place for the pointer.
    let code = unsafe { door(&raw mut list) };
    std::mem::forget(library);
    // SAFETY: after success the list is valid for as long as the module is loaded, that is for good.
    (code == CKR_OK)
        .then(|| unsafe { list.as_ref() }.copied())
        .flatten()
}

/// Calls the real function of this name.
macro_rules! real {
    ($name:ident($($argument:expr),*)) => {
        match REAL.get().and_then(|real| real.$name) {
            // SAFETY: the arguments are the caller's own, for the same function.
            Some(function) => unsafe { function($($argument),*) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}

/// Functions that only count and fail.
macro_rules! pass {
    ($($name:ident($($argument:ident: $kind:ty),*);)+) => {
        $(unsafe extern "C" fn $name($($argument: $kind),*) -> CK_RV {
            match CONTROL.before(stringify!($name)) {
                CKR_OK => real!($name($($argument),*)),
                code => code,
            }
        })+
    };
}

pass! {
    C_Initialize(arguments: *mut c_void);
    C_GetSlotList(present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG);
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO);
    C_GetMechanismList(slot: CK_SLOT_ID, list: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG);
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, len: CK_ULONG);
    C_SetPIN(session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_len: CK_ULONG, new: *mut CK_UTF8CHAR, new_len: CK_ULONG);
    C_GetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_SetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjects(session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, max: CK_ULONG, count: *mut CK_ULONG);
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_Decrypt(session: CK_SESSION_HANDLE, input: *mut CK_BYTE, len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG);
    C_GenerateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE);
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE);
    C_WrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, under: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, output: *mut CK_BYTE, len: *mut CK_ULONG);
    C_UnwrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, under: CK_OBJECT_HANDLE, input: *mut CK_BYTE, len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE);
}

unsafe extern "C" fn C_Finalize(reserved: *mut c_void) -> CK_RV {
    match CONTROL.before("C_Finalize") {
        CKR_OK => {}
        code => return code,
    }
    CONTROL.sessions.store(0, SeqCst);
    real!(C_Finalize(reserved))
}

unsafe extern "C" fn C_OpenSession(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: *mut c_void,
    notify: CK_NOTIFY,
    session: *mut CK_SESSION_HANDLE,
) -> CK_RV {
    match CONTROL.before("C_OpenSession") {
        CKR_OK => {}
        code => return code,
    }
    if CONTROL.sessions.load(SeqCst) >= CONTROL.max_sessions.load(SeqCst) {
        return CKR_SESSION_COUNT;
    }
    let code = real!(C_OpenSession(slot, flags, application, notify, session));
    if code == CKR_OK {
        CONTROL.sessions.fetch_add(1, SeqCst);
    }
    code
}

unsafe extern "C" fn C_CloseSession(session: CK_SESSION_HANDLE) -> CK_RV {
    match CONTROL.before("C_CloseSession") {
        CKR_OK => {}
        code => return code,
    }
    let code = real!(C_CloseSession(session));
    if code == CKR_OK {
        CONTROL.sessions.fetch_sub(1, SeqCst);
    }
    code
}

fn close_all_sessions() {
    let mut slots = [0; 16];
    let mut count = 16;
    if real!(C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &raw mut count)) == CKR_OK {
        for slot in slots.iter().take(usize::try_from(count).unwrap_or(0)) {
            let _ = real!(C_CloseAllSessions(*slot));
        }
    }
    CONTROL.sessions.store(0, SeqCst);
}

unsafe extern "C" fn C_EncryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    if CONTROL.close_sessions.swap(false, SeqCst) {
        close_all_sessions();
    }
    match CONTROL.before("C_EncryptInit") {
        CKR_OK => {}
        code => return code,
    }
    let iv = CONTROL.iv.load(SeqCst);
    if iv == Iv::AsIs as usize {
        return real!(C_EncryptInit(session, mechanism, key));
    }
    // SAFETY: the caller's mechanism is valid, as PKCS#11 says.
    let Some(mechanism) = (unsafe { mechanism.as_mut() }) else {
        return CKR_ARGUMENTS_BAD;
    };
    // SAFETY: the parameter of this mechanism is this structure; its length is checked below.
    let Some(parameters) = (unsafe { mechanism.pParameter.cast::<CK_GCM_PARAMS>().as_mut() }) else {
        return CKR_MECHANISM_PARAM_INVALID;
    };
    if mechanism.mechanism != CKM_AES_GCM
        || usize::try_from(mechanism.ulParameterLen) != Ok(size_of::<CK_GCM_PARAMS>())
    {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    if iv == Iv::Appended as usize {
        return init_appended(session, *mechanism, *parameters, key);
    }
    let len = usize::try_from(parameters.ulIvLen).unwrap_or(0);
    if len == 0 {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    // SAFETY: the caller gives a buffer of this length.
    let buffer = unsafe { std::slice::from_raw_parts_mut(parameters.pIv, len) };
    if buffer.iter().any(|byte| *byte != 0) {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    if iv == Iv::Filled as usize {
        let code = real!(C_GenerateRandom(session, buffer.as_mut_ptr(), parameters.ulIvLen));
        if code != CKR_OK {
            return code;
        }
    }
    real!(C_EncryptInit(session, mechanism, key))
}

/// The caller gives no IV and says how long it shall be.
fn init_appended(
    session: CK_SESSION_HANDLE,
    mut mechanism: CK_MECHANISM,
    mut parameters: CK_GCM_PARAMS,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    let len = match parameters.ulIvBits {
        0 | 128 => 16,
        96 => 12,
        _ => return CKR_MECHANISM_PARAM_INVALID,
    };
    if !parameters.pIv.is_null() || parameters.ulIvLen != 0 {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    let mut iv = vec![0; len];
    let code = real!(C_GenerateRandom(session, iv.as_mut_ptr(), len as CK_ULONG));
    if code != CKR_OK {
        return code;
    }
    parameters.pIv = iv.as_mut_ptr();
    parameters.ulIvLen = len as CK_ULONG;
    mechanism.pParameter = (&raw mut parameters).cast();
    let code = real!(C_EncryptInit(session, &raw mut mechanism, key));
    if code == CKR_OK {
        let mut append = APPEND.lock().unwrap_or_else(PoisonError::into_inner);
        append.get_or_insert_default().insert(session, iv);
    }
    code
}

unsafe extern "C" fn C_Encrypt(
    session: CK_SESSION_HANDLE,
    input: *mut CK_BYTE,
    len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> CK_RV {
    match CONTROL.before("C_Encrypt") {
        CKR_OK => {}
        code => return code,
    }
    let mut append = APPEND.lock().unwrap_or_else(PoisonError::into_inner);
    let iv = append.as_ref().and_then(|all| all.get(&session)).cloned();
    let code = real!(C_Encrypt(session, input, len, output, output_len));
    let Some(iv) = iv.filter(|_| code == CKR_OK) else {
        return code;
    };
    // SAFETY: the call succeeded, so this is the caller's valid length.
    let Some(written) = (unsafe { output_len.as_mut() }) else {
        return CKR_ARGUMENTS_BAD;
    };
    if !output.is_null() {
        let at = usize::try_from(*written).unwrap_or(0);
        // SAFETY: the caller was told a length with room for the IV, and gave it.
        unsafe { std::ptr::copy_nonoverlapping(iv.as_ptr(), output.add(at), iv.len()) };
        if let Some(all) = append.as_mut() {
            all.remove(&session);
        }
    }
    *written += iv.len() as CK_ULONG;
    code
}

/// The real module's functions, ours in place of those that are counted.
fn with_ours_before(real: CK_FUNCTION_LIST) -> CK_FUNCTION_LIST {
    CK_FUNCTION_LIST {
        C_GetFunctionList: Some(C_GetFunctionList),
        C_Initialize: Some(C_Initialize),
        C_Finalize: Some(C_Finalize),
        C_GetSlotList: Some(C_GetSlotList),
        C_GetTokenInfo: Some(C_GetTokenInfo),
        C_GetMechanismList: Some(C_GetMechanismList),
        C_OpenSession: Some(C_OpenSession),
        C_CloseSession: Some(C_CloseSession),
        C_Login: Some(C_Login),
        C_SetPIN: Some(C_SetPIN),
        C_GetAttributeValue: Some(C_GetAttributeValue),
        C_SetAttributeValue: Some(C_SetAttributeValue),
        C_FindObjectsInit: Some(C_FindObjectsInit),
        C_FindObjects: Some(C_FindObjects),
        C_EncryptInit: Some(C_EncryptInit),
        C_Encrypt: Some(C_Encrypt),
        C_DecryptInit: Some(C_DecryptInit),
        C_Decrypt: Some(C_Decrypt),
        C_GenerateKey: Some(C_GenerateKey),
        C_DestroyObject: Some(C_DestroyObject),
        C_WrapKey: Some(C_WrapKey),
        C_UnwrapKey: Some(C_UnwrapKey),
        ..real
    }
}
