//! Custom key stores: the six operations, the connection state machine, health probes and polling,
//! what is asked of XKS proxies, faults to order.
