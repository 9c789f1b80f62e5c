//! Empty: cargo builds its dependency, a shared library.
