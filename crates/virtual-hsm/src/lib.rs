//! virtual-hsm
