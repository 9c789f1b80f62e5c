//! The files that a `[[hsm]]` names, looked at before anything uses them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use pkcs11::{Pin, PinFileError};

use super::steps::Failure;

/// `e_type` of a shared object, ELF.
const ET_DYN: u16 = 3;

/// The module is there, and is a shared object for a machine as this one.
pub(crate) fn module(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(Failure::new(
            format!("{shown} is not an absolute path"),
            "name the vendor's shared library with its whole path",
        ));
    }
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    if let Err(error) = read {
        return Err(Failure::new(
            format!("{shown} cannot be read: {error}"),
            "install the vendor's PKCS#11 library, or mend the path",
        ));
    }
    let ours = if cfg!(target_pointer_width = "64") { 2 } else { 1 };
    match header {
        [0x7f, b'E', b'L', b'F', class, data, _, ..] => {
            let [.., t0, t1, _, _] = header;
            let kind = if data == 2 {
                u16::from_be_bytes([t0, t1])
            } else {
                u16::from_le_bytes([t0, t1])
            };
            if class != ours || kind != ET_DYN {
                return Err(Failure::new(
                    format!("{shown} is no shared library for a machine as this one"),
                    "name the library itself (64 bits, .so), not a program or an archive",
                ));
            }
            Ok(())
        }
        _ => Err(Failure::new(
            format!("{shown} is no ELF shared library"),
            "name the library itself, not a script or a linker's text file",
        )),
    }
}

/// The PIN file is there, holds a PIN, and is its owner's alone.
pub(crate) fn pin(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    Pin::from_file(path).map(drop).map_err(|error| {
        let fix = match &error {
            PinFileError::Unreadable(_) => {
                format!("write the PIN to {shown}, readable for the server's user: chmod 600, and chown")
            }
            PinFileError::Permissions => format!("chmod 600 {shown}"),
            PinFileError::Content => "the PIN alone, on one line".to_owned(),
        };
        let what = match &error {
            PinFileError::Permissions => format!("{shown} can be read by others"),
            _ => format!("{shown}: {error}"),
        };
        Failure::new(what, fix)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_no_module_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("module.so");
        let refused = || module(&file).unwrap_err().what;
        assert!(refused().contains("cannot be read"));
        fs::write(&file, "#!/bin/sh\nexit 0, and some more\n").unwrap();
        assert!(refused().contains("no ELF"));
        let mut elf = fs::read(std::env::current_exe().unwrap()).unwrap();
        elf.truncate(64);
        elf[16..18].copy_from_slice(&2_u16.to_le_bytes());
        fs::write(&file, &elf).unwrap();
        assert!(refused().contains("no shared library"));
        elf[16..18].copy_from_slice(&3_u16.to_le_bytes());
        fs::write(&file, &elf).unwrap();
        module(&file).unwrap();
        assert!(
            module(Path::new("module.so"))
                .unwrap_err()
                .what
                .contains("absolute")
        );
    }

    #[test]
    fn a_pin_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pin");
        assert!(pin(&file).is_err());
        fs::write(&file, "1234\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(pin(&file).unwrap_err().fix.contains("chmod 600"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        pin(&file).unwrap();
    }
}
