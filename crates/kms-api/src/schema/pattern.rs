//! The regular expressions of the model, each as its text, which error messages quote, and a
//! matcher of our own: they are few and simple, and a hostile text costs one pass.
//!
//! A text must match as a whole, whether or not the expression says so; `\d`, `\w` and `\s` are
//! ASCII's. A test holds every matcher against a regular expression engine.

/// A regular expression of the model.
pub struct Pattern {
    text: &'static str,
    matches: fn(&str) -> bool,
}

impl Pattern {
    /// The expression, as the model writes it.
    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        (self.matches)(text)
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

/// One or more characters of a class.
fn some(text: &str, class: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(class)
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Java's `\s`, which AWS's front end uses; vertical tab included.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

const fn is_hex(c: char) -> bool {
    matches!(c, 'a'..='f' | '0'..='9')
}

/// `([a-z]+-){2,3}\d+`: two or three words and a number.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    let count = words.split('-').count();
    some(number, |c| c.is_ascii_digit())
        && (2..=3).contains(&count)
        && words
            .split('-')
            .all(|word| some(word, |c| c.is_ascii_lowercase()))
}

/// Three or more labels between dots.
fn is_service_principal(text: &str) -> bool {
    let label = |text| some(text, |c| c.is_ascii_alphanumeric() || c == '-');
    text.split('.').count() >= 3 && text.split('.').all(label)
}

/// `arn:aws…:service:region or nothing:account:anything on one line`
fn is_source_arn(text: &str) -> bool {
    let class = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, rest) = (next(), next(), next(), next(), next(), next());
    arn == "arn"
        && partition
            .strip_prefix("aws")
            .is_some_and(|rest| rest.chars().all(class))
        && some(service, class)
        && region.chars().all(class)
        && is_account(account)
        && some(rest, is_within_a_line)
}

/// What `.` matches: anything but Java's line terminators.
const fn is_within_a_line(c: char) -> bool {
    !matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && some(text, |c| c.is_ascii_digit())
}

/// `/kms/xks/v1`, perhaps with a prefix of at least one character after its own slash.
fn is_uri_path(text: &str) -> bool {
    let Some((before, version)) = text.rsplit_once("/kms/xks/v") else {
        return false;
    };
    let prefix = |c: char| is_word(c) || matches!(c, '/' | '-');
    (1..=2).contains(&version.len())
        && some(version, |c| c.is_ascii_digit())
        && (before.is_empty() || before.strip_prefix('/').is_some_and(|rest| some(rest, prefix)))
}

/// `com.amazonaws.vpce.<region>.vpce-svc-<id>`
fn is_vpc_endpoint_service(text: &str) -> bool {
    let rest = text.strip_prefix("com").or_else(|| text.strip_prefix("eu"));
    let rest = rest.and_then(|rest| rest.strip_prefix(".amazonaws.vpce."));
    let parts = rest.and_then(|rest| rest.split_once(".vpce-svc-"));
    parts.is_some_and(|(region, id)| {
        is_region(region) && some(id, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

fn is_cloudhsm_cluster(text: &str) -> bool {
    text.strip_prefix("cluster-").is_some_and(|id| {
        (11..=16).contains(&id.len()) && some(id, |c| c.is_ascii_alphabetic() || matches!(c, '2'..='7'))
    })
}

/// Declares the patterns and the list of them.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $matches:expr;)+) => {
        $($(#[$doc])* pub static $name: Pattern = Pattern { text: $text, matches: $matches };)+

        /// Every pattern.
        pub static ALL: &[&Pattern] = &[$(&$name),+];
    };
}

patterns! {
    /// Account ids.
    DIGITS_12 = "[0-9]{12}", is_account;
    /// Names of aliases and grants.
    NAME = "^[a-zA-Z0-9:/_-]+$", |text| some(text, |c| is_word(c) || matches!(c, ':' | '/' | '-'));
    /// Ids of key material.
    HEX = "^[a-f0-9]+$", |text| some(text, is_hex);
    /// CloudHSM clusters.
    CLOUDHSM_CLUSTER = "cluster-[2-7a-zA-Z]{11,16}", is_cloudhsm_cluster;
    /// ARNs in grant constraints.
    SOURCE_ARN = "^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$", is_source_arn;
    /// Descriptions of key material.
    DESCRIPTION = r"^[a-zA-Z0-9:/_\s.-]+$",
        |text| some(text, |c| is_word(c) || is_space(c) || matches!(c, ':' | '/' | '.' | '-'));
    /// Markers of listings.
    LATIN = r"[\u0020-\u00FF]*", |text| text.chars().all(|c| matches!(c, '\u{20}'..='\u{ff}'));
    /// Names of policies.
    WORD = r"[\w]+", |text| some(text, is_word);
    /// Policies.
    POLICY = r"[\u0009\u000A\u000D\u0020-\u00FF]+",
        |text| some(text, |c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'));
    /// Principals of grants.
    PRINCIPAL = r"^[\w+=,.@:/-]+$",
        |text| some(text, |c| is_word(c) || matches!(c, '+' | '=' | ',' | '.' | '@' | ':' | '/' | '-'));
    /// Regions.
    REGION = r"^([a-z]+-){2,3}\d+$", is_region;
    /// Service principals.
    SERVICE_PRINCIPAL = r"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$", is_service_principal;
    /// External key ids.
    XKS_KEY = "^[a-zA-Z0-9-_.]+$", |text| some(text, |c| is_word(c) || matches!(c, '-' | '.'));
    /// Access key ids of proxy credentials.
    BASE32 = "^[A-Z2-7]+$", |text| some(text, |c| matches!(c, 'A'..='Z' | '2'..='7'));
    /// Secret access keys of proxy credentials.
    BASE64 = r"^[a-zA-Z0-9\/+=]+$",
        |text| some(text, |c| c.is_ascii_alphanumeric() || matches!(c, '/' | '+' | '='));
    /// Endpoints of XKS proxies.
    URI_ENDPOINT = "^https://[a-zA-Z0-9.-]+$", |text| {
        text.strip_prefix("https://")
            .is_some_and(|host| some(host, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
    };
    /// Paths of XKS proxies.
    URI_PATH = r"^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$", is_uri_path;
    /// VPC endpoint services.
    VPC_ENDPOINT_SERVICE = r"^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$",
        is_vpc_endpoint_service;
}
