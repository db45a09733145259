//! What is not explained is warned of once, by its name.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::bypass::Log;
use crate::harness::{rename, service, with_articles};

/// Returns how many warnings name something.
fn about(log: &Log, name: &str) -> usize {
    let warnings = log.0.lock().unwrap();
    let named = warnings
        .iter()
        .filter(|it| it.contains("not explained") && it.contains(name));
    named.count()
}

/// Seen to fail without `warning_through` in `Domain::open` (`domain.rs`), and without `said.first` in
/// `Unexplained::meet` (`catalog/unexplained.rs`).
#[tokio::test]
async fn a_view_is_warned_of_when_it_is_first_read_and_never_again() {
    let service = service().await;
    for view in ["chance", "luck"] {
        let sql = format!("CREATE VIEW {view} AS SELECT random() AS by FROM article");
        service.db.execute_unprepared(&sql).await.unwrap();
    }
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let read = async || {
        let statement = Statement::from_string(DbBackend::Sqlite, "SELECT * FROM chance");
        service.db.query_all_raw(statement).await.unwrap();
    };
    read().await;
    read().await;
    assert_eq!(about(&log, "chance"), 1, "{:?}", log.0);
    service.db.refresh_catalog().await.unwrap();
    read().await;
    assert_eq!(
        about(&log, "chance"),
        1,
        "the schema was read anew: {:?}",
        log.0
    );
    assert_eq!(about(&log, "luck"), 0, "nobody reads it");
}

/// Seen to fail without `self.catalog.meet` in `Walk::unknown` (`catalog/effects.rs`).
#[tokio::test]
async fn a_trigger_is_warned_of_when_it_first_fires() {
    let service = with_articles().await;
    let trigger = "CREATE TRIGGER strange AFTER UPDATE ON article BEGIN SELECT nobody_knows(1) WHERE false; END";
    service.db.execute_unprepared(trigger).await.unwrap();
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    service
        .db
        .execute_unprepared("DELETE FROM article WHERE id = 2")
        .await
        .unwrap();
    assert_eq!(about(&log, "strange on article"), 0);
    for title in ["new", "newer"] {
        // The database may refuse the function; the warning comes before.
        let _ = rename(&service.db, 1, title).await;
    }
    assert_eq!(about(&log, "strange on article"), 1, "{:?}", log.0);
}
