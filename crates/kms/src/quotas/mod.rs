//! Request quotas: token buckets by account and operation and by custom key store;
//! `ThrottlingException` beyond.
