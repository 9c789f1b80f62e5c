//! The front door: HTTP in, HTTP out. Checks come in AWS's order and answer with AWS's names;
//! KMS, STS and CloudTrail are told apart by `X-Amz-Target` or the Query action.
