//! Hardening reports what the kernel says.

use seal::harden;

#[test]
fn the_process_is_not_dumpable_and_the_report_is_true() {
    let report = harden::process();
    assert!(report.not_dumpable);
    assert!(report.no_core_file);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let locked = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
    let locked: u64 = locked.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(locked > 0, report.memory == harden::MemoryLock::Locked);
}
