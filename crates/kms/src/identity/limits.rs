//! How much a file may declare; AWS's quotas where there are any.

use std::time::Duration;

/// Bytes of the file.
pub const FILE_BYTES: u64 = 8 << 20;
/// Accounts.
pub const ACCOUNTS: usize = 1_000;
/// Users of one account.
pub const USERS: usize = 5_000;
/// Roles of one account.
pub const ROLES: usize = 1_000;
/// Access keys of one principal: AWS has two, and each may be declared once for every service that
/// calls with it.
pub const ACCESS_KEYS: usize = 16;
/// Policies of one principal, and service control policies of one account.
pub const POLICIES: usize = 20;
/// Tags of one principal.
pub const TAGS: usize = 50;
/// The longest that any session may last.
pub const LONGEST_SESSION: Duration = Duration::from_secs(43_200);
/// The least that a role's longest session may be set to.
pub const SHORTEST_MAX_SESSION: Duration = Duration::from_secs(3_600);
/// How long a session lasts that is not asked to last longer or shorter.
pub(crate) const USUAL_SESSION: Duration = Duration::from_secs(3_600);
