//! SQLite and PostgreSQL both take every migration and every statement of every crate, in the three
//! types that the store knows. Nothing is listed by hand: see [`statements`].

mod postgresql;
mod statements;

use std::fmt::Write as _;
use std::sync::LazyLock;

use store::{Dialect, Migrations, Store, Value};

use postgresql::PostgreSql;
use statements::Statement;

/// Every table of the server and of the KMS endpoint, each of which has a database of its own.
static MIGRATIONS: LazyLock<Vec<Migrations>> = LazyLock::new(|| {
    let mut all = strongroom::server::MIGRATIONS.to_vec();
    for crate_of_it in strongroom::kms::server::MIGRATIONS {
        if all.iter().all(|known| known.owner != crate_of_it.owner) {
            all.push(*crate_of_it);
        }
    }
    all
});

#[tokio::test]
async fn sqlite_takes_every_statement() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("db"), &MIGRATIONS)
        .await
        .unwrap();
    let mut refused = String::new();
    for statement in statements::of_all_crates() {
        // EXPLAIN compiles a statement without running it.
        let sql: &'static str = format!("EXPLAIN {}", statement.sql).leak();
        let nothing = vec![Value::Null; statement.parameters()];
        if let Err(error) = store.query(sql, &nothing).await {
            let _ = writeln!(refused, "{statement}\n  {error:?}\n");
        }
    }
    assert!(refused.is_empty(), "SQLite refuses:\n{refused}");
}

#[test]
fn postgresql_takes_every_migration_and_every_statement() {
    let server = PostgreSql::start();
    migrate(&server);
    let refused: String = statements::of_all_crates()
        .iter()
        .filter_map(|statement| Some((statement, server.check(statement).err()?)))
        .fold(String::new(), |mut text, (statement, message)| {
            let _ = writeln!(text, "{statement}\n  {message}\n");
            text
        });
    assert!(refused.is_empty(), "PostgreSQL refuses:\n{refused}");
}

/// That the test above can fail: SQL which SQLite takes, with PostgreSQL's reason against it.
#[test]
fn postgresql_refuses_what_only_sqlite_knows() {
    const SQLITE_ONLY: &[(&str, &str)] = &[
        (
            "SELECT rowid FROM store_generation",
            "column \"rowid\" does not exist",
        ),
        (
            "INSERT OR REPLACE INTO store_generation (id, generation) VALUES ($1, $2)",
            "syntax error at or near \"OR\"",
        ),
        (
            "SELECT id FROM store_generation WHERE id = 'text'",
            "invalid input syntax for type bigint",
        ),
        (
            "INSERT INTO seal_root (id) VALUES ($1) ON CONFLICT (seal_kind) DO NOTHING",
            "no unique or exclusion constraint",
        ),
        (
            "SELECT SUM(generation) FROM store_generation",
            "a result is numeric",
        ),
        (
            "SELECT id FROM store_generation WHERE $1",
            "a parameter is boolean",
        ),
        ("PRAGMA quick_check(1)", "syntax error at or near \"PRAGMA\""),
    ];
    let server = PostgreSql::start();
    migrate(&server);
    for (sql, reason) in SQLITE_ONLY {
        let message = server.check(&Statement::here(sql)).unwrap_err();
        assert!(message.contains(reason), "{sql}\n{message}");
    }
    let script = server.run("CREATE TABLE thing (bytes BLOB);").unwrap_err();
    assert!(script.contains("type \"blob\" does not exist"), "{script}");
}

fn migrate(server: &PostgreSql) {
    for script in store::schema(Dialect::PostgreSql, &MIGRATIONS) {
        if let Err(message) = server.run(&format!("BEGIN;\n{script};\nCOMMIT;\n")) {
            panic!("PostgreSQL refuses a migration: {message}\n{script}");
        }
    }
    let foreign = "SELECT table_name, column_name, data_type FROM information_schema.columns \
        WHERE table_schema = 'public' AND data_type NOT IN ('bigint', 'text', 'bytea');";
    assert_eq!(
        server.run(foreign).unwrap(),
        "",
        "columns of types that the store does not know"
    );
}
