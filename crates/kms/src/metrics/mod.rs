//! Metrics under CloudWatch's names, as Prometheus text.
