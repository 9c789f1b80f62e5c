//! Where SQLite's and PostgreSQL's SQL cannot be the same text.

/// A kind of database, for what the placeholders in migrations stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, linked into the program.
    Sqlite,
    /// PostgreSQL 15 or newer.
    PostgreSql,
}

impl Dialect {
    /// The SQL for this kind of database: `{{BLOB}}` is `BLOB` or `BYTEA`. There is no other
    /// placeholder; an unknown one is left as it is, so that the database refuses it.
    #[must_use]
    pub fn sql(self, sql: &str) -> String {
        let blob = match self {
            Self::Sqlite => "BLOB",
            Self::PostgreSql => "BYTEA",
        };
        sql.replace("{{BLOB}}", blob)
    }
}
