//! `root list|rotate|retire`, `seal change`

use std::time::Duration;

use warden::view::{RootView, RootsView, SealView};

use super::{Call, short};
use crate::cli::args::{RootCommand, SealCommand, SealKind};
use crate::cli::output::{counted, fields, list, table};

/// How often a rotation's progress is asked for.
const POLL: Duration = Duration::from_millis(250);

pub(in crate::cli) async fn run(command: RootCommand, call: Call<'_>) -> anyhow::Result<()> {
    match command {
        RootCommand::List => call.output.show(&call.client.roots().await?, text),
        RootCommand::Rotate => {
            let mut roots = call.client.rotate_root().await?;
            while roots.resealing {
                let rows = counted(rows_to_go(&roots), "row");
                call.output
                    .progress(&format!("the new root key is current; {rows} to be sealed anew"));
                tokio::time::sleep(POLL).await;
                roots = call.client.roots().await?;
            }
            call.output.show(&roots, text)
        }
        RootCommand::Retire { root } => {
            let roots = call.client.retire_root(&root).await?;
            call.output
                .show(&roots, |roots| format!("{}\n{AFTER_RETIRE}", text(roots)))
        }
    }
}

pub(in crate::cli) async fn seal(command: SealCommand, call: Call<'_>) -> anyhow::Result<()> {
    match command {
        SealCommand::Change { to } => {
            let kind = to.map(SealKind::as_str);
            call.output.show(&call.client.change_seal(kind).await?, seal_text)
        }
    }
}

const AFTER_RETIRE: &str = "\
Rows put back from a backup that needs this root key are refused from now on. A whole backup
of the store has a copy of it of its own: that opens for as long as the seal key exists that
the backup was made under. To end those too: strongroom seal change, then destroy the older one.
";

fn text(view: &RootsView) -> String {
    let row = |root: &RootView| {
        let counts = root
            .dependents
            .iter()
            .map(|rows| format!("{} {}", rows.rows, rows.table));
        let dependents: Vec<String> = counts.collect();
        vec![
            root.id.clone(),
            root.number.to_string(),
            if root.current { "current" } else { "older" }.to_owned(),
            short(&root.created),
            format!("{} {}", root.seal_kind, root.seal_id),
            list(&dependents),
        ]
    };
    let rows: Vec<_> = view.roots.iter().map(row).collect();
    table(
        &["id", "number", "state", "created", "seal", "rows under it"],
        &rows,
        "there is no root key",
    )
}

fn seal_text(view: &SealView) -> String {
    let mut text = fields(&[
        ("kind", view.kind.clone()),
        ("id", view.id.clone()),
        ("key", view.place.clone()),
        ("key before", view.previous.clone()),
    ]);
    text.push_str(match view.kind.as_str() {
        "hsm" => "\nBack up the HSM now, as its vendor says: without that key object every key is lost. ",
        _ => "\nBack up the new seal key now, apart from the store: without it every key is lost. ",
    });
    text.push_str(
        "The one\n\
         before it opens the backups made until now and nothing newer: keep it for as long as you keep\n\
         those, then destroy it with every copy.\n",
    );
    text
}

/// Rows that still depend on an older root.
fn rows_to_go(view: &RootsView) -> u64 {
    let older = view.roots.iter().filter(|root| !root.current);
    older
        .flat_map(|root| &root.dependents)
        .map(|rows| rows.rows)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_back_up_is_where_the_new_key_is() {
        let said = |kind: &str| {
            seal_text(&SealView {
                kind: kind.to_owned(),
                id: "00".to_owned(),
                place: "here".to_owned(),
                previous: "there".to_owned(),
            })
        };
        assert!(said("hsm").contains("Back up the HSM now"));
        assert!(said("key-file").contains("apart from the store"));
    }
}
