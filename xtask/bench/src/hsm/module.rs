//! The bare module: what one encryption and its trial decryption cost in the token itself, with
//! nothing of ours around them but the wrapper crate.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use anyhow::{Context as _, Result, ensure};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use super::softhsm::{MODULE, PIN, SoftHsm};
use crate::machine::{self, Cores};
use crate::sample::Sample;
use crate::server_process::on_the_servers_core;

/// Pairs between two looks at the clock.
const BATCH: u64 = 64;
/// Of the 200 bytes of AAD that the request carries, their lengths and format 2's metadata.
const FRAMED_AAD: usize = 2 + 200 + 1 + 5;

/// Encrypts 32 bytes and decrypts them again in one session for so many seconds; prints the number of
/// pairs and the nanoseconds of CPU that they took. To be run as a process of its own, with
/// `SOFTHSM2_CONF` set.
pub(crate) fn serve(seconds: &Path) -> Result<()> {
    let seconds: u64 = seconds.to_string_lossy().parse().context("seconds")?;
    let module = Pkcs11::new(MODULE).with_context(|| format!("cannot load {MODULE}"))?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot = module.get_slots_with_initialized_token()?.into_iter().next();
    let session = module.open_rw_session(slot.context("there is no token")?)?;
    session.login(UserType::User, Some(&AuthPin::new(PIN.into())))?;
    let (pairs, cpu) = pairs(&session, Duration::from_secs(seconds))?;
    announce(pairs, cpu);
    session.close()?;
    Ok(())
}

fn pairs(session: &Session, time: Duration) -> Result<(u64, Duration)> {
    let key = session.generate_key(
        &Mechanism::AesKeyGen,
        &[
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
        ],
    )?;
    let (plaintext, aad) = ([7; 32], [9; FRAMED_AAD]);
    let pid = std::process::id();
    let (begin, before) = (SystemClock.moment(), machine::cpu_time(pid)?);
    let mut done: u64 = 0;
    while SystemClock.moment().saturating_since(begin) < time {
        for _ in 0..BATCH {
            done += 1;
            let mut iv = [0; 12];
            let (low, counter) = iv.split_at_mut(8);
            low.copy_from_slice(&done.to_be_bytes());
            counter.fill(1);
            let mut again = iv;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, &aad, 128.into())?);
            let ciphertext = session.encrypt(&mechanism, key, &plaintext)?;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut again, &aad, 128.into())?);
            ensure!(
                session.decrypt(&mechanism, key, &ciphertext)? == plaintext,
                "another plaintext"
            );
        }
    }
    Ok((done, machine::cpu_time(pid)?.saturating_sub(before)))
}

#[expect(clippy::print_stdout, reason = "the parent reads the figures from our output")]
fn announce(pairs: u64, cpu: Duration) {
    println!("{pairs} {}", cpu.as_nanos());
}

/// One round of the bare module on the servers' core.
pub(crate) fn round(softhsm: &SoftHsm, seconds: u64, cores: Option<Cores>) -> Result<Sample> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["serve", "module", &seconds.to_string()])
        .env("SOFTHSM2_CONF", softhsm.config())
        .stdout(Stdio::piped());
    let child = on_the_servers_core(cores, || command.spawn().context("cannot start the bare module"))?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the bare module failed");
    let said = String::from_utf8(output.stdout)?;
    let (pairs, cpu) = said.trim().split_once(' ').context("it said nothing")?;
    let mut sample = Sample::over(Duration::from_secs(seconds), Duration::from_nanos(cpu.parse()?));
    sample.completed = pairs.parse()?;
    Ok(sample)
}
