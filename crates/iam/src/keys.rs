//! The condition keys that a request to KMS can carry, by type. The constants hold names in lower case,
//! as [`Context`](crate::Context) keeps them: names of condition keys compare without case.
//!
//! Sources: IAM User Guide, *AWS global condition context keys*; AWS KMS Developer Guide, *Condition keys*.

/// A single-valued key whose value is text or an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextKey(pub(crate) &'static str);

/// A single-valued key whose value is true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoolKey(pub(crate) &'static str);

/// A single-valued key whose value is a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberKey(pub(crate) &'static str);

/// A single-valued key whose value is a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateKey(pub(crate) &'static str);

/// A single-valued key whose value is an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressKey(pub(crate) &'static str);

/// A multivalued key of texts: a condition on it needs `ForAnyValue` or `ForAllValues`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListKey(pub(crate) &'static str);

macro_rules! keys {
    ($kind:ident: $($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: $kind = $kind($text);)*
    };
}

keys! { TextKey:
    /// `aws:PrincipalArn`: the ARN of the user or role; for a session, its role's.
    PRINCIPAL_ARN = "aws:principalarn";
    /// `aws:PrincipalAccount`
    PRINCIPAL_ACCOUNT = "aws:principalaccount";
    /// `aws:PrincipalOrgID`
    PRINCIPAL_ORG_ID = "aws:principalorgid";
    /// `aws:PrincipalType`: `Account`, `User`, `AssumedRole`, `FederatedUser`.
    PRINCIPAL_TYPE = "aws:principaltype";
    /// `aws:PrincipalServiceName`
    PRINCIPAL_SERVICE_NAME = "aws:principalservicename";
    /// `aws:userid`
    USER_ID = "aws:userid";
    /// `aws:username`: of IAM users only.
    USER_NAME = "aws:username";
    /// `aws:RequestedRegion`
    REQUESTED_REGION = "aws:requestedregion";
    /// `aws:ResourceAccount`
    RESOURCE_ACCOUNT = "aws:resourceaccount";
    /// `aws:SourceArn`
    SOURCE_ARN = "aws:sourcearn";
    /// `aws:SourceAccount`
    SOURCE_ACCOUNT = "aws:sourceaccount";
    /// `aws:SourceVpc`
    SOURCE_VPC = "aws:sourcevpc";
    /// `aws:SourceVpce`
    SOURCE_VPCE = "aws:sourcevpce";
    /// `aws:UserAgent`
    USER_AGENT = "aws:useragent";
    /// `sts:RoleSessionName`
    ROLE_SESSION_NAME = "sts:rolesessionname";
    /// `sts:ExternalId`
    EXTERNAL_ID = "sts:externalid";
    /// `kms:CallerAccount`
    CALLER_ACCOUNT = "kms:calleraccount";
    /// `kms:CustomerMasterKeySpec`, the older name of `kms:KeySpec`.
    CUSTOMER_MASTER_KEY_SPEC = "kms:customermasterkeyspec";
    /// `kms:CustomerMasterKeyUsage`, the older name of `kms:KeyUsage`.
    CUSTOMER_MASTER_KEY_USAGE = "kms:customermasterkeyusage";
    /// `kms:DataKeyPairSpec`
    DATA_KEY_PAIR_SPEC = "kms:datakeypairspec";
    /// `kms:EncryptionAlgorithm`
    ENCRYPTION_ALGORITHM = "kms:encryptionalgorithm";
    /// `kms:ExpirationModel`
    EXPIRATION_MODEL = "kms:expirationmodel";
    /// `kms:GrantConstraintType`
    GRANT_CONSTRAINT_TYPE = "kms:grantconstrainttype";
    /// `kms:GranteePrincipal`
    GRANTEE_PRINCIPAL = "kms:granteeprincipal";
    /// `kms:KeyAgreementAlgorithm`
    KEY_AGREEMENT_ALGORITHM = "kms:keyagreementalgorithm";
    /// `kms:KeyOrigin`
    KEY_ORIGIN = "kms:keyorigin";
    /// `kms:KeySpec`
    KEY_SPEC = "kms:keyspec";
    /// `kms:KeyUsage`
    KEY_USAGE = "kms:keyusage";
    /// `kms:MacAlgorithm`
    MAC_ALGORITHM = "kms:macalgorithm";
    /// `kms:MessageType`
    MESSAGE_TYPE = "kms:messagetype";
    /// `kms:MultiRegionKeyType`
    MULTI_REGION_KEY_TYPE = "kms:multiregionkeytype";
    /// `kms:PolicyName`
    POLICY_NAME = "kms:policyname";
    /// `kms:PrimaryRegion`
    PRIMARY_REGION = "kms:primaryregion";
    /// `kms:ReplicaRegion`
    REPLICA_REGION = "kms:replicaregion";
    /// `kms:RequestAlias`: the alias name when the request names the key by alias.
    REQUEST_ALIAS = "kms:requestalias";
    /// `kms:RetiringPrincipal`
    RETIRING_PRINCIPAL = "kms:retiringprincipal";
    /// `kms:SigningAlgorithm`
    SIGNING_ALGORITHM = "kms:signingalgorithm";
    /// `kms:ViaService`: the service that calls for the principal; absent from direct calls.
    VIA_SERVICE = "kms:viaservice";
    /// `kms:WrappingAlgorithm`
    WRAPPING_ALGORITHM = "kms:wrappingalgorithm";
    /// `kms:WrappingKeySpec`
    WRAPPING_KEY_SPEC = "kms:wrappingkeyspec";
}

keys! { BoolKey:
    /// `aws:SecureTransport`
    SECURE_TRANSPORT = "aws:securetransport";
    /// `aws:ViaAWSService`
    VIA_AWS_SERVICE = "aws:viaawsservice";
    /// `aws:MultiFactorAuthPresent`
    MULTI_FACTOR_AUTH_PRESENT = "aws:multifactorauthpresent";
    /// `aws:PrincipalIsAWSService`
    PRINCIPAL_IS_AWS_SERVICE = "aws:principalisawsservice";
    /// `kms:BypassPolicyLockoutSafetyCheck`
    BYPASS_POLICY_LOCKOUT_SAFETY_CHECK = "kms:bypasspolicylockoutsafetycheck";
    /// `kms:GrantIsForAWSResource`
    GRANT_IS_FOR_AWS_RESOURCE = "kms:grantisforawsresource";
    /// `kms:MultiRegion`
    MULTI_REGION = "kms:multiregion";
    /// `kms:ReEncryptOnSameKey`
    RE_ENCRYPT_ON_SAME_KEY = "kms:reencryptonsamekey";
}

keys! { NumberKey:
    /// `aws:MultiFactorAuthAge`, seconds.
    MULTI_FACTOR_AUTH_AGE = "aws:multifactorauthage";
    /// `kms:RotationPeriodInDays`
    ROTATION_PERIOD_IN_DAYS = "kms:rotationperiodindays";
    /// `kms:ScheduleKeyDeletionPendingWindowInDays`
    SCHEDULE_KEY_DELETION_PENDING_WINDOW_IN_DAYS = "kms:schedulekeydeletionpendingwindowindays";
}

keys! { DateKey:
    /// `aws:CurrentTime`
    CURRENT_TIME = "aws:currenttime";
    /// `aws:EpochTime`
    EPOCH_TIME = "aws:epochtime";
    /// `aws:TokenIssueTime`: of temporary credentials only.
    TOKEN_ISSUE_TIME = "aws:tokenissuetime";
    /// `kms:ValidTo`
    VALID_TO = "kms:validto";
}

keys! { AddressKey:
    /// `aws:SourceIp`
    SOURCE_IP = "aws:sourceip";
}

keys! { ListKey:
    /// `aws:CalledVia`
    CALLED_VIA = "aws:calledvia";
    /// `aws:TagKeys`
    TAG_KEYS = "aws:tagkeys";
    /// `sts:TransitiveTagKeys`
    TRANSITIVE_TAG_KEYS = "sts:transitivetagkeys";
    /// `kms:EncryptionContextKeys`: case-sensitive, unlike the key part of `kms:EncryptionContext:<key>`.
    ENCRYPTION_CONTEXT_KEYS = "kms:encryptioncontextkeys";
    /// `kms:GrantOperations`
    GRANT_OPERATIONS = "kms:grantoperations";
    /// `kms:ResourceAliases`: all alias names of the key. Key policies do not see it.
    RESOURCE_ALIASES = "kms:resourcealiases";
}

/// Families of keys: what follows the prefix is chosen by callers.
pub(crate) const ENCRYPTION_CONTEXT: &str = "kms:encryptioncontext:";
pub(crate) const PRINCIPAL_TAG: &str = "aws:principaltag/";
pub(crate) const RESOURCE_TAG: &str = "aws:resourcetag/";
pub(crate) const REQUEST_TAG: &str = "aws:requesttag/";

/// Single-valued families that KMS lets no policy combine with `ForAllValues`, which holds when the
/// key is absent.
pub(crate) const NOT_FOR_ALL_VALUES: [&str; 2] = [ENCRYPTION_CONTEXT, REQUEST_TAG];

/// Keys that conditions of key policies never see, only those of IAM policies.
pub(crate) const NOT_IN_KEY_POLICIES: [&str; 1] = [RESOURCE_ALIASES.0];
