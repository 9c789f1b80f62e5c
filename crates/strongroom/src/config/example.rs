//! The annotated example.

/// A configuration to start from; `config check` accepts it.
pub const EXAMPLE: &str = include_str!("example.toml");
