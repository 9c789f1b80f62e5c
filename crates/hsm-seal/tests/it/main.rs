//! Root keys under wrapping keys of real tokens.
