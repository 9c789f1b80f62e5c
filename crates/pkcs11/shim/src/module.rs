//! The module: a list of functions, most of the real one's, some of ours before them.

#![expect(
    unreachable_pub,
    reason = "the symbols of a shared library are public to whoever loads it"
)]

use std::collections::HashMap;
use std::ffi::{OsStr, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use cryptoki_sys::*;
use libloading::{Library, Symbol};

use crate::control::{Behind, Control, Iv, take};

/// All that this copy needs, once it is loaded.
static LOADED: OnceLock<Option<Loaded>> = OnceLock::new();
/// Sessions of this process.
static SESSIONS: AtomicU64 = AtomicU64::new(0);
/// The IVs that sessions will append to their next output.
static APPEND: Mutex<Option<HashMap<CK_SESSION_HANDLE, Vec<u8>>>> = Mutex::new(None);

struct Loaded {
    control: &'static Control,
    real: CK_FUNCTION_LIST,
    ours: CK_FUNCTION_LIST,
}

fn loaded() -> Option<&'static Loaded> {
    LOADED.get_or_init(load).as_ref()
}

/// The door of every PKCS#11 module.
///
/// # Safety
/// `list` is a valid pointer, as PKCS#11 says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    let Some(loaded) = loaded() else {
        return CKR_LIBRARY_LOAD_FAILED;
    };
    // SAFETY: the caller promises that `list` is valid; nobody writes through what it gets, as
    // PKCS#11 says.
    unsafe { list.write((&raw const loaded.ours).cast_mut()) };
    CKR_OK
}

fn load() -> Option<Loaded> {
    let module = own_path()?;
    let control = Control::of(&module).ok()?;
    let real = std::fs::read(crate::real_file(&module)).ok()?;
    // SAFETY: the test names a PKCS#11 module, which may be loaded.
    let library = unsafe { Library::new(OsStr::from_bytes(&real)) }.ok()?;
    // SAFETY: the type that PKCS#11 gives the function.
    let door: Symbol<'_, unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
        unsafe { library.get(b"C_GetFunctionList") }.ok()?;
    let mut list = std::ptr::null_mut();
    // SAFETY: `list` is a valid place for the pointer.
    let code = unsafe { door(&raw mut list) };
    std::mem::forget(library);
    if code != CKR_OK {
        return None;
    }
    // SAFETY: after success the list is valid for as long as the module is loaded, that is for good.
    let real = unsafe { list.as_ref() }.copied()?;
    Some(Loaded {
        control,
        real,
        ours: with_ours_before(real),
    })
}

/// Where this copy was loaded from: the file whose mapping has our code.
fn own_path() -> Option<PathBuf> {
    let here = C_GetFunctionList as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let address = |text| usize::from_str_radix(text, 16).ok();
        range
            .and_then(|(from, to)| Some(address(from)?..address(to)?))
            .is_some_and(|range| range.contains(&here))
    })?;
    Some(PathBuf::from(&line[line.find('/')?..]))
}

/// Held shared during each call of the module, and alone while something happens behind the caller's
/// back: that comes between calls, for SoftHSM crashes if a session is closed during one.
static CALLS: RwLock<()> = RwLock::new(());

/// Calls the real function of this name.
macro_rules! real {
    ($name:ident($($argument:expr),*)) => {{
        let _shared = CALLS.read().unwrap_or_else(PoisonError::into_inner);
        alone!($name($($argument),*))
    }};
}

/// The same for whoever holds [`CALLS`].
macro_rules! alone {
    ($name:ident($($argument:expr),*)) => {
        match loaded().and_then(|loaded| loaded.real.$name) {
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
            match before(stringify!($name)) {
                CKR_OK => real!($name($($argument),*)),
                code => code,
            }
        })+
    };
}

/// The same, for functions that use a session.
macro_rules! pass_in_session {
    ($($name:ident($session:ident: $handle:ty $(, $argument:ident: $kind:ty)*);)+) => {
        $(unsafe extern "C" fn $name($session: $handle $(, $argument: $kind)*) -> CK_RV {
            match before_in(stringify!($name), $session) {
                CKR_OK => real!($name($session $(, $argument)*)),
                code => code,
            }
        })+
    };
}

fn control() -> Option<&'static Control> {
    loaded().map(|loaded| loaded.control)
}

fn before(name: &str) -> CK_RV {
    control().map_or(CKR_LIBRARY_LOAD_FAILED, |control| control.before(name))
}

/// As [`before`]; what is to happen behind the caller's back happens first.
fn before_in(name: &str, session: CK_SESSION_HANDLE) -> CK_RV {
    let behind = control().map_or(0, |control| control.behind.swap(Behind::Nothing as u64, SeqCst));
    if behind != Behind::Nothing as u64 {
        let _alone = CALLS.write().unwrap_or_else(PoisonError::into_inner);
        if behind == Behind::Close as u64 {
            close_all_sessions();
        } else if behind == Behind::LogOut as u64 {
            let _ = alone!(C_Logout(session));
        } else if behind == Behind::Finalise as u64 {
            no_sessions();
            let _ = alone!(C_Finalize(std::ptr::null_mut()));
        }
    }
    before(name)
}

/// Counts sessions, for the limit and for the test.
fn count_sessions<T>(change: impl Fn(&AtomicU64) -> T) {
    change(&SESSIONS);
    if let Some(control) = control() {
        change(&control.sessions);
    }
}

fn no_sessions() {
    count_sessions(|count| count.store(0, SeqCst));
}

/// Changes a bit of an output, if ordered.
///
/// # Safety
/// `output` is null or a buffer of `*len` bytes, and `len` is valid.
unsafe fn corrupt(name: &str, output: *mut CK_BYTE, len: *const CK_ULONG) {
    // SAFETY: the caller promises it.
    let written = unsafe { len.as_ref() }.copied().unwrap_or(0);
    if !output.is_null()
        && written > 0
        && control().is_some_and(|control| take(&control.function(name).corrupt_times))
    {
        // SAFETY: the first of at least one byte.
        unsafe { *output ^= 1 };
    }
}

pass! {
    C_GetSlotList(present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG);
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO);
    C_GetMechanismList(slot: CK_SLOT_ID, list: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG);
    C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO);
}

pass_in_session! {
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, len: CK_ULONG);
    C_SetPIN(session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_len: CK_ULONG, new: *mut CK_UTF8CHAR, new_len: CK_ULONG);
    C_GetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_SetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjects(session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, max: CK_ULONG, count: *mut CK_ULONG);
    C_FindObjectsFinal(session: CK_SESSION_HANDLE);
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_GenerateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE);
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE);
    C_WrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, under: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, output: *mut CK_BYTE, len: *mut CK_ULONG);
    C_UnwrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, under: CK_OBJECT_HANDLE, input: *mut CK_BYTE, len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE);
    C_GenerateRandom(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, len: CK_ULONG);
}

unsafe extern "C" fn C_Initialize(arguments: *mut c_void) -> CK_RV {
    if let Some(control) = control() {
        control.process.store(std::process::id(), SeqCst);
    }
    no_sessions();
    match before("C_Initialize") {
        CKR_OK => real!(C_Initialize(arguments)),
        code => code,
    }
}

unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> CK_RV {
    match before("C_GetTokenInfo") {
        CKR_OK => {}
        code => return code,
    }
    let code = real!(C_GetTokenInfo(slot, info));
    // SAFETY: the caller's place for the answer, as PKCS#11 says.
    let told = unsafe { info.as_mut() }.filter(|_| code == CKR_OK);
    if let (Some(told), Some(control)) = (told, control()) {
        told.flags |= control.token_flags.load(SeqCst);
    }
    code
}

unsafe extern "C" fn C_Finalize(reserved: *mut c_void) -> CK_RV {
    match before("C_Finalize") {
        CKR_OK => {}
        code => return code,
    }
    no_sessions();
    real!(C_Finalize(reserved))
}

unsafe extern "C" fn C_OpenSession(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: *mut c_void,
    notify: CK_NOTIFY,
    session: *mut CK_SESSION_HANDLE,
) -> CK_RV {
    match before("C_OpenSession") {
        CKR_OK => {}
        code => return code,
    }
    let limit = control().map_or(0, |control| control.max_sessions.load(SeqCst));
    if limit
        .checked_sub(1)
        .is_some_and(|most| SESSIONS.load(SeqCst) >= most)
    {
        return CKR_SESSION_COUNT;
    }
    let code = real!(C_OpenSession(slot, flags, application, notify, session));
    if code == CKR_OK {
        count_sessions(|count| count.fetch_add(1, SeqCst));
    }
    code
}

unsafe extern "C" fn C_CloseSession(session: CK_SESSION_HANDLE) -> CK_RV {
    match before("C_CloseSession") {
        CKR_OK => {}
        code => return code,
    }
    let code = real!(C_CloseSession(session));
    if code == CKR_OK {
        count_sessions(|count| count.fetch_sub(1, SeqCst));
    }
    code
}

/// For whoever holds [`CALLS`].
fn close_all_sessions() {
    let mut slots = [0; 16];
    let mut count = 16;
    if alone!(C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &raw mut count)) == CKR_OK {
        for slot in slots.iter().take(usize::try_from(count).unwrap_or(0)) {
            let _ = alone!(C_CloseAllSessions(*slot));
        }
    }
    no_sessions();
}

unsafe extern "C" fn C_EncryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    match before_in("C_EncryptInit", session) {
        CKR_OK => {}
        code => return code,
    }
    let iv = control().map_or(0, |control| control.iv.load(SeqCst));
    if iv == Iv::AsIs as u64 {
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
    if iv == Iv::Appended as u64 {
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
    if iv == Iv::Filled as u64 {
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
    match before_in("C_Encrypt", session) {
        CKR_OK => {}
        code => return code,
    }
    let mut append = APPEND.lock().unwrap_or_else(PoisonError::into_inner);
    let iv = append.as_ref().and_then(|all| all.get(&session)).cloned();
    let code = real!(C_Encrypt(session, input, len, output, output_len));
    if code == CKR_OK {
        // SAFETY: the caller's buffer and its length, written by the real module.
        unsafe { corrupt("C_Encrypt", output, output_len) };
    }
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

unsafe extern "C" fn C_Decrypt(
    session: CK_SESSION_HANDLE,
    input: *mut CK_BYTE,
    len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> CK_RV {
    match before_in("C_Decrypt", session) {
        CKR_OK => {}
        code => return code,
    }
    let code = real!(C_Decrypt(session, input, len, output, output_len));
    if code == CKR_OK {
        // SAFETY: the caller's buffer and its length, written by the real module.
        unsafe { corrupt("C_Decrypt", output, output_len) };
    }
    code
}

/// The real module's functions, ours in place of those that are counted.
fn with_ours_before(real: CK_FUNCTION_LIST) -> CK_FUNCTION_LIST {
    CK_FUNCTION_LIST {
        C_GetFunctionList: Some(C_GetFunctionList),
        C_Initialize: Some(C_Initialize),
        C_Finalize: Some(C_Finalize),
        C_GetSlotList: Some(C_GetSlotList),
        C_GetSlotInfo: Some(C_GetSlotInfo),
        C_GetTokenInfo: Some(C_GetTokenInfo),
        C_GetMechanismInfo: Some(C_GetMechanismInfo),
        C_GetMechanismList: Some(C_GetMechanismList),
        C_OpenSession: Some(C_OpenSession),
        C_CloseSession: Some(C_CloseSession),
        C_Login: Some(C_Login),
        C_SetPIN: Some(C_SetPIN),
        C_GetAttributeValue: Some(C_GetAttributeValue),
        C_SetAttributeValue: Some(C_SetAttributeValue),
        C_FindObjectsInit: Some(C_FindObjectsInit),
        C_FindObjects: Some(C_FindObjects),
        C_FindObjectsFinal: Some(C_FindObjectsFinal),
        C_EncryptInit: Some(C_EncryptInit),
        C_Encrypt: Some(C_Encrypt),
        C_DecryptInit: Some(C_DecryptInit),
        C_Decrypt: Some(C_Decrypt),
        C_GenerateKey: Some(C_GenerateKey),
        C_DestroyObject: Some(C_DestroyObject),
        C_WrapKey: Some(C_WrapKey),
        C_UnwrapKey: Some(C_UnwrapKey),
        C_GenerateRandom: Some(C_GenerateRandom),
        ..real
    }
}
