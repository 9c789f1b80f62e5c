//! The administration of the endpoint over a Unix socket: faults to order, explanations of decisions,
//! metrics, reload. What `strongroom kms …` speaks with.
